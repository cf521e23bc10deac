"""What stands between two rooms."""

from collections.abc import Callable, Sequence

from edge.buttons.light import Facts
from edge.device.idleness import Idleness
from edge.events.port import Outcome
from edge.health import TROUBLE, Condition
from edge.work.observe import WorkInfo


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


def facts_of(conditions: list[Condition], *, armed: bool) -> Facts:
    """What the light says of the device."""
    cameras = [each.state for each in conditions if each.part == "camera"]
    others = [each.state for each in conditions if each.part != "camera"]
    return Facts(
        started=bool(cameras),
        armed=armed,
        failed=any(state in ("failed", "stalled") for state in cameras) or "failed" in others,
        degraded=any(state in TROUBLE for state in others),
    )
