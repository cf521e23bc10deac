"""What stands between two rooms."""

import logging
import platform
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from edge import __version__
from edge.actions.performer import Performer
from edge.actions.port import Answer, Request
from edge.appliance.problems import noted
from edge.backup.works import TAG
from edge.buttons.light import Facts
from edge.device.idleness import Idleness
from edge.device.last_stop import stop_on_low_battery
from edge.device.monitor import Monitor
from edge.events.port import Outcome
from edge.health import Condition, Health
from edge.mqtt.backups import Backups
from edge.mqtt.messages import Versions
from edge.mqtt.updates import Updates
from edge.mqtt.works import Works
from edge.recognition.runtime import runtime_name
from edge.runtime import Background
from edge.store.port import Message
from edge.work.observe import WorkInfo
from edge.work.states import WorkState

log = logging.getLogger(__name__)


def told_of_works(
    data_dir: Path, device: str, put: Callable[[Message], None], *others: Callable[[Sequence[WorkInfo]], None]
) -> Callable[[Sequence[WorkInfo]], None]:
    """Publishes what changes when works do, and tells others."""
    listeners: tuple[Callable[[Sequence[WorkInfo]], None], ...] = (
        *others,
        Works(device, put),
        Backups(data_dir, device, put),
        Updates(data_dir, device, put),
    )

    def tell(infos: Sequence[WorkInfo]) -> None:
        for listener in listeners:
            listener(infos)

    return tell


def versions_of(model: str) -> Versions:
    return Versions(program=__version__, python=platform.python_version(), model=model, runtime=runtime_name())


def touching(idleness: Idleness, submit: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """What is seen ends idleness."""

    def touch_and_submit(outcome: Outcome) -> None:
        if outcome.changes:
            idleness.touch()
        submit(outcome)

    return touch_and_submit


class Busy:
    """Whether a backup is running. Takes all works whenever something of one has changed; one thread."""

    def __init__(self) -> None:
        self.now = False

    def __call__(self, infos: Sequence[WorkInfo]) -> None:
        self.now = any(info.state is WorkState.RUNNING and TAG in info.tags for info in infos)


def facts_of(conditions: list[Condition], *, armed: bool, busy: bool, pairing: bool) -> Facts:
    """What the light says of the device."""
    cameras = [each.state for each in conditions if each.part == "camera"]
    others = [each for each in conditions if each.part not in ("camera", "program")]
    program = [each.state for each in conditions if each.part == "program"]
    failed = any(state in ("failed", "stalled") for state in cameras) or any(each.state == "failed" for each in others)
    return Facts(
        started=bool(cameras),
        armed=armed,
        failed=failed,
        missing=any(each.is_trouble for each in others),
        busy=busy or "flushing" in program,
        safe="safe" in program,
        pairing=pairing,
    )


def report_problems(data_dir: Path, health: Health) -> None:
    """What the first boot found wrong in the owner's files, as the state of a part."""
    if found := noted(data_dir):
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        health.report("configuration", "owner", "degraded", f"{found[0]}{more}")


def last_stop(after_s: float, monitor: Monitor, performer: Performer) -> Sequence[Background]:
    """The device shuts down before its battery is empty; nothing where that is not wanted."""
    if not after_s:
        return ()

    def answered(answer: Answer) -> None:
        if not answer.ok:
            log.error("device not shut down error=%s", answer.error)

    def stop() -> None:
        request = Request(id=str(uuid.uuid4()), action="shutdown", origin="battery", granted="admin")
        performer.ask(request, answered)

    return (lambda: stop_on_low_battery(monitor, after_s, stop),)
