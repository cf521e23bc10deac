"""What stands between two rooms."""

from collections.abc import Callable, Sequence

from edge.backup.works import TAG
from edge.buttons.light import Facts
from edge.device.idleness import Idleness
from edge.events.port import Outcome
from edge.health import Condition
from edge.work.observe import WorkInfo
from edge.work.states import WorkState


def telling_all(*listeners: Callable[[Sequence[WorkInfo]], None]) -> Callable[[Sequence[WorkInfo]], None]:
    def tell(infos: Sequence[WorkInfo]) -> None:
        for listener in listeners:
            listener(infos)

    return tell


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


def facts_of(conditions: list[Condition], *, armed: bool, busy: bool) -> Facts:
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
    )
