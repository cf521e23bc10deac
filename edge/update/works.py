"""Updates as background work: looking for one, installing it when the device can afford it, and the restart that tries it."""

import time
from functools import partial
from pathlib import Path

import msgspec

from edge import config
from edge.actions.port import Action
from edge.backup.works import constraints_of
from edge.clock import read_boot_id
from edge.errors import UpdateError
from edge.update import progress, trial
from edge.update.progress import Standing
from edge.update.system import System, installed_version, this_system
from edge.update.updater import Updater
from edge.work.chain import Chain, begin
from edge.work.client import WorkClient
from edge.work.constraints import BatteryNotLow, Constraint, NoUnderVoltage, OutsideHours, StorageNotLow
from edge.work.request import OneTimeWork, PeriodicWork, Request
from edge.work.states import Fail, Result, Retry, Success
from edge.work.worker import Run, worker

TAG = "update"
CHECKS = "update-checks"
"""Tag of what the configuration asks for; the installation was asked for by somebody, and stays."""
CHECK, INSTALL = "update-check", "update-install"
CHECK_ACTION, INSTALL_ACTION = "check-for-update", "install-update"
FIRST_S = 600.0
"""After the start: what the device is for comes first."""
INSTALL_S = 7200.0
ATTEMPTS = 5


def _section(run: Run) -> config.Update:
    return msgspec.convert(run.input, config.Update)


def _updater(run: Run, system: System) -> Updater:
    def told(standing: Standing) -> None:
        run.progress(phase=standing.phase, version=standing.version, percent=standing.percent or 0)

    return Updater(run.data_dir, system, _section(run).source, now_s=time.time, told=told)


@worker(CHECK, heavy=True)
def look(run: Run) -> Result:
    """Is there a newer system. Output: `version`, empty when there is none. With `install = "auto"` its installation is asked for."""
    try:
        offer = _updater(run, this_system()).check()
    except UpdateError as error:
        return _failed(error)
    section = _section(run)
    if offer is not None and section.install == "auto" and offer.version not in progress.load(run.data_dir).given_up:
        enqueue_install(run.data_dir, section, by_itself=True)
    return Success({"version": offer.version if offer else ""})


@worker(INSTALL, heavy=True)
def fetch_and_install(run: Run) -> Result:
    """Fetch the newest system, verify it and write it into the other slot. Output: `version`, empty when there is none."""
    try:
        if progress.load(run.data_dir).is_waiting:
            return Success({"version": progress.load(run.data_dir).version})
        return Success({"version": _updater(run, this_system()).install_newest()})
    except UpdateError as error:
        standing = progress.load(run.data_dir)
        # Of a device that cannot be updated nobody has said so yet. A version on trial stays so until the health check has decided.
        if not standing.is_on_trial(installed_version()):
            progress.save(run.data_dir, msgspec.structs.replace(standing, phase="failed", error=str(error)))
        return _failed(error)


@worker("update-restart", heavy=True)
def try_it(run: Run) -> Result:
    """Restart the device into what was installed; nothing when that has been done already."""
    try:
        if progress.load(run.data_dir).is_waiting:
            trial.restart()
    except UpdateError as error:
        return _failed(error)
    return Success()


def _failed(error: UpdateError) -> Result:
    return Retry(str(error)) if error.retryable else Fail(str(error))


def requests_of(section: config.Update) -> dict[str, Request]:
    """The works of a device with a source of updates, by name."""
    if not section.source:
        return {}
    work = PeriodicWork(CHECK, every=section.every_h * 3600).with_input(**_input(section)).after(FIRST_S)
    return {CHECK: work.when(*_network(section, "network")).tagged(TAG, CHECKS)}


def install_chain(section: config.Update, *, by_itself: bool) -> Chain:
    """Installation, then the restart; each when the device can afford it.

    Args:
        by_itself: nobody asked: only in the hours for it.
    """
    needs = [
        *_network(section, section.wait),
        BatteryNotLow(if_unknown=True),
        StorageNotLow(if_unknown=True),
        NoUnderVoltage(),
    ]
    hours: list[Constraint] = []
    if by_itself and section.hours:
        hours.append(OutsideHours(start=section.hours[1], end=section.hours[0]))
    install = OneTimeWork(INSTALL).with_input(**_input(section)).when(*needs, *hours)
    restart = OneTimeWork("update-restart").when(BatteryNotLow(if_unknown=True), *hours)
    return begin(install.tagged(TAG).within(INSTALL_S).giving_up_after(ATTEMPTS)).then(restart.tagged(TAG))


def enqueue_install(data_dir: Path, section: config.Update, *, by_itself: bool = False) -> None:
    with WorkClient(data_dir) as client:
        client.enqueue(install_chain(section, by_itself=by_itself), name=INSTALL)


def _network(section: config.Update, wait: str) -> list[Constraint]:
    return constraints_of(wait, local="://" not in section.source)


def _input(section: config.Update) -> dict[str, object]:
    return {key: value for key, value in msgspec.to_builtins(section).items() if value != []}


def update_actions(section: config.Update, data_dir: Path) -> list[Action]:
    """What can be asked for; nothing without a source."""
    if not section.source:
        return []

    def check(_: object) -> None:
        with WorkClient(data_dir) as client:
            ids = [work.id for work in client.store.find("name", CHECK) if not work.state.finished]
            client.make_due(ids[0] if ids else CHECK)

    install = partial(enqueue_install, data_dir, section)
    return [
        Action(CHECK_ACTION, "Look for an update", "operate", check),
        Action(INSTALL_ACTION, "Install the update", "admin", lambda _: install()),
    ]


def settle(data_dir: Path) -> None:
    """At the start: what became of what the start before left.

    Raises:
        UpdateError: the card cannot take it.
    """
    before = progress.load(data_dir)
    now = progress.settled(before, installed_version(), read_boot_id())
    if now != before:
        progress.save(data_dir, now)
