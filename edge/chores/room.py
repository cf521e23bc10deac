"""Background work of the running program: its registry, the works of the configuration, and its life in the loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.backup import works as backup_works
from edge.backup.target import is_set_up
from edge.chores.device import Rooms, add_device_workers
from edge.chores.shipped import make_registry
from edge.config import Config
from edge.device.monitor import Monitor
from edge.errors import BackupError, StoreError, UpdateError
from edge.health import Health
from edge.store.pictures import PictureFolder
from edge.store.removal import Remover
from edge.store.retention import Pruned, Retention
from edge.store.space import Space
from edge.update import works as update_works
from edge.work.configured import TAG, limits_of, requests_of, settings_of
from edge.work.observe import WorkInfo
from edge.work.request import Request
from edge.work.runs import RETRY_S
from edge.work.service import BackgroundWork

log = logging.getLogger(__name__)

TELL_S = 1.0
FIRST_WORDS_S = 8.0
"""No work begins before the device's state is known, or this time has passed."""


class WorkRoom:
    """Thread: the one that runs asyncio.

    Raises:
        ConfigError: a work of the configuration is wrong. WorkError: a user's file of workers is.
    """

    def __init__(
        self,
        config: Config,
        device: str,
        monitor: Monitor,
        rooms: Rooms,
        health: Health,
        *,
        changed: Callable[[], None],
        told: Callable[[Sequence[WorkInfo]], None] = lambda _infos: None,
    ) -> None:
        registry = make_registry(config.workers.files)
        add_device_workers(registry, rooms)
        settings = settings_of(config.workers)
        self._requests = requests_of(config.work, registry, settings.floors)
        self._backups = _backups_of(config, health)
        self._updates = update_works.requests_of(config.update)
        self._data_dir = config.data_dir
        self._monitor = monitor
        self._told = told
        self.work = BackgroundWork(
            config.data_dir,
            registry,
            monitor,
            rooms.clock,
            models_dir=config.models_dir,
            settings=settings,
            limits=limits_of(config.workers),
            context={
                "device": device,
                "model": config.detector.model,
                "quality": config.pictures.quality,
                "max_edge_px": config.pictures.max_edge_px,
            },
            trust_clock=config.workers.trust_clock,
            changed=changed,
        )

    async def run(self) -> None:
        """Until cancelled; running works are stopped in order then.

        Raises:
            StoreError: the database is damaged.
        """
        await self._monitor.first_words(FIRST_WORDS_S)
        await self.work.open()
        telling = asyncio.create_task(self._tell())
        try:
            await self.work.configure(self._requests, TAG)
            if self._backups is not None:
                await self.work.configure(self._backups, backup_works.TAG)
            await asyncio.to_thread(self._settle_update)
            await self.work.configure(self._updates, update_works.CHECKS)
            await self.work.run(asyncio.Event())
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            await self.work.close()

    def _settle_update(self) -> None:
        try:
            update_works.settle(self._data_dir)
        except UpdateError as error:
            log.warning("what became of the update not noted, the next start tries again error=%s", error)

    async def _tell(self) -> None:
        """Tell how the works are whenever that has changed, at most once a second. A failure of the database is said once."""
        failing = False
        while True:
            try:
                async for infos in self.work.observe("all"):
                    failing = False
                    self._told(infos)
                    await asyncio.sleep(TELL_S)
            except StoreError as error:
                if not failing:
                    log.warning("state of works not told, trying again every=%gs error=%s", RETRY_S, error)
                failing = True
            await asyncio.sleep(RETRY_S)


def _backups_of(config: Config, health: Health) -> dict[str, Request] | None:
    """The works of the backup. None where nobody can tell: those that are there stay, and each says so when it runs."""
    try:
        return backup_works.requests_of(config.backup, config.data_dir)
    except BackupError as error:
        health.report("configuration", "backup", "degraded", str(error))
        return None


def pruning(data_dir: Path, config: Config, pictures: PictureFolder) -> Callable[[int | None], Pruned]:
    """One round of retention, with a connection of its own."""

    def prune(today: int | None) -> Pruned:
        remover = Remover(data_dir, pictures)
        try:
            protect = is_set_up(data_dir)
            return Retention(remover, Space(data_dir), config.retention, lambda: True, protect_unsecured=protect).run(
                today
            )
        finally:
            remover.close()

    return prune
