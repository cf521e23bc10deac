"""What is there now, and what was there last: one entry for each label of each camera. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from edge.store.port import Event, Picture

MOST = 64
"""Labels of all cameras together; a retained picture each. Later ones are not shown."""

Place = tuple[str, str]
"""Camera and label."""


@dataclass(slots=True)
class Shown:
    """A label at a camera. `event` and `seen_wall_s` are of its newest event: empty and 0 when it was never seen."""

    camera: str
    label: str
    event: str = ""
    seen_wall_s: float = 0.0
    picture: Picture | None = None
    open: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        return len(self.open)

    @property
    def place(self) -> Place:
        return self.camera, self.label


class Presence:
    """Follows the events as they are kept.

    Args:
        wanted: whether a label is shown at all.
    """

    def __init__(self, cameras: Iterable[str], wanted: Callable[[str], bool], *, most: int = MOST) -> None:
        self._cameras = frozenset(cameras)
        self._wanted = wanted
        self._most = most
        self._shown: dict[Place, Shown] = {}
        self._changed: dict[Place, None] = {}

    @property
    def shown(self) -> list[Shown]:
        """In the order in which they became known."""
        return list(self._shown.values())

    def expect(self, camera: str, label: str) -> None:
        """Show a label before it was seen."""
        self._entry(camera, label)

    def take(self, event: Event) -> None:
        """Take an event as it was kept."""
        entry = self._entry(event.camera, event.label)
        if entry is None:
            return
        if event.end_reason is None:
            entry.open.add(event.id)
        else:
            entry.open.discard(event.id)
        if event.id >= entry.event:
            entry.event, entry.picture = event.id, event.picture or entry.picture
        entry.seen_wall_s = max(entry.seen_wall_s, event.seen.wall_s)
        self._changed[entry.place] = None

    def recall(self, event: Event) -> None:
        """Take an event of an earlier run, which is over whatever it says: those that were cut off are ended when they are kept next.

        What was taken as there is of this run: reading the earlier ones does not end it.
        """
        entry = self._shown.get((event.camera, event.label))
        if entry is not None and event.id in entry.open:
            return
        self.take(msgspec.structs.replace(event, end_reason=event.end_reason or "interrupted"))

    def changed(self) -> list[Shown]:
        """What is different since this was asked last."""
        places, self._changed = self._changed, {}
        return [self._shown[place] for place in places]

    def _entry(self, camera: str, label: str) -> Shown | None:
        entry = self._shown.get((camera, label))
        if entry is None and camera in self._cameras and self._wanted(label) and len(self._shown) < self._most:
            entry = self._shown[camera, label] = Shown(camera, label)
            self._changed[camera, label] = None
        return entry
