"""The newest packets of one camera, in memory: where the seconds before an event come from."""

import threading
from collections import deque
from dataclasses import dataclass, field

from edge.clips.packets import Packet


@dataclass(slots=True)
class _Group:
    """Pictures that build on the first of them (a group of pictures)."""

    number: int
    packets: list[Packet] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def begin_s(self) -> float:
        return self.packets[0].boot_s


class Ring:
    """Holds at least `keep_s` of packets, begins at a key picture always, and never holds more than `limit_bytes`.

    Whole groups are dropped from the old end; where both bounds cannot be kept, `limit_bytes` wins. Packets are numbered from 0, so that
    readers know how far they are. A packet of another format drops all before it.

    Thread: any.
    """

    def __init__(self, keep_s: float, limit_bytes: int) -> None:
        self._keep_s = keep_s
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._groups: deque[_Group] = deque()
        self._next = 0
        self._running = False
        self.size_bytes = 0

    @property
    def running(self) -> bool:
        """More packets are to come."""
        return self._running

    @property
    def newest_s(self) -> float | None:
        with self._lock:
            return self._groups[-1].packets[-1].boot_s if self._groups else None

    def put(self, packet: Packet) -> None:
        """Add the next packet; without a key picture before it, it is of no use and left out."""
        with self._lock:
            if not self._running:
                self._running = True
                self._drop_all()  # packets of another opening do not go on where the last stopped
            if self._groups and self._groups[-1].packets[-1].format != packet.format:
                self._drop_all()
            if packet.key:
                self._groups.append(_Group(self._next))
            if not self._groups:
                return
            self._groups[-1].packets.append(packet)
            self._groups[-1].size_bytes += len(packet.data)
            self.size_bytes += len(packet.data)
            self._next += 1
            self._prune(packet.boot_s)

    def stop(self) -> None:
        """The camera was closed. What is held stays readable until it gives packets again."""
        self._running = False

    def begin(self, at_s: float) -> int:
        """Number of the last key picture at or before `at_s`; of the oldest when all are younger."""
        with self._lock:
            before = [group.number for group in self._groups if group.begin_s <= at_s]
            return before[-1] if before else self._groups[0].number if self._groups else self._next

    def after(self, number: int) -> tuple[int, list[Packet]]:
        """Number of the first packet at or behind `number` that is still held, and all packets from there on."""
        with self._lock:
            for group in self._groups:
                if number < group.number:
                    number = group.number
                if number < group.number + len(group.packets):
                    held = group.packets[number - group.number :]
                    later = [each for every in self._groups if every.number > group.number for each in every.packets]
                    return number, held + later
            return max(number, self._next), []

    def _prune(self, now_s: float) -> None:
        while len(self._groups) > 1 and now_s - self._groups[1].begin_s >= self._keep_s:
            self._drop_oldest()
        while self.size_bytes > self._limit_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self.size_bytes -= self._groups.popleft().size_bytes

    def _drop_all(self) -> None:
        self._groups.clear()
        self.size_bytes = 0
