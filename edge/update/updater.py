"""Look for an update, fetch it, verify it, install it; each step told as it goes."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.clock import read_boot_id
from edge.errors import UpdateError
from edge.update import bundle, offers, progress
from edge.update.offers import Offer
from edge.update.progress import Phase, Standing
from edge.update.system import System

FOLDER = "update/bundles"
STEP_PERCENT = 5
"""So much further before it is told, and written to the card, again."""


class Updater:
    """Raises (all methods):
    UpdateError: as said there; the standing says it too.
    """

    def __init__(
        self, data_dir: Path, system: System, source: str, *, now_s: Callable[[], float], told: Callable[[Standing], None] = lambda _: None
    ) -> None:  # fmt: skip
        self._data_dir = data_dir
        self._system = system
        self._source = source
        self._now_s = now_s
        self._told = told

    def check(self) -> Offer | None:
        """What is newer at the source."""
        if not self._source:
            raise UpdateError("no source of updates is configured", hint="set update.source; see docs/update.md")
        try:
            offer = offers.newest(self._source, self._system)
        except UpdateError as error:
            self._set(error=str(error))
            raise
        latest, notes = (offer.version, offer.notes) if offer else (self._system.version, "")
        self._set(latest=latest, notes=notes, checked_wall_s=self._now_s(), error="")
        return offer

    def install_newest(self) -> str:
        """Of the source; the version, empty when there is none that is newer."""
        self._require_decided()
        offer = self.check()
        if offer is None:
            return ""
        try:
            self._begin("downloading", offer.version)
            path = offers.fetch(self._source, offer, self._data_dir / FOLDER, self._percent)
            self._install(path, offer.version)
        except UpdateError as error:
            self._set(phase="failed", error=str(error), percent=None)
            raise
        return offer.version

    def install_file(self, path: Path) -> str:
        """A bundle that lies here; its version."""
        self._require_decided()
        try:
            return self._install(path, None)
        except UpdateError as error:
            self._set(phase="failed", error=str(error), percent=None)
            raise

    def _require_decided(self) -> None:
        if progress.load(self._data_dir).is_on_trial(self._system.version):
            hint = "the other slot is its way back: wait until the health check has decided"
            raise UpdateError(f"version {self._system.version} is on trial", hint=hint, retryable=True)

    def _install(self, path: Path, wanted: str | None) -> str:
        version = bundle.check(path, self._system, wanted).version or ""
        self._begin("installing", version)
        bundle.install(path, self._percent)
        if path.parent == self._data_dir / FOLDER:
            path.unlink(missing_ok=True)
        self._set(phase="installed", percent=None)
        return version

    def _begin(self, phase: Phase, version: str) -> None:
        self._set(phase=phase, version=version, percent=0, error="", boot_id=read_boot_id())

    def _percent(self, percent: int) -> None:
        before = progress.load(self._data_dir).percent
        if before is None or percent >= before + STEP_PERCENT:
            self._set(percent=percent)

    def _set(self, **changes: object) -> None:
        standing = msgspec.structs.replace(progress.load(self._data_dir), **changes)
        progress.save(self._data_dir, standing)
        self._told(standing)
