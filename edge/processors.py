"""What the processors did, as the kernel counts it."""

from pathlib import Path
from typing import NamedTuple, Self

STAT = Path("/proc/stat")
IDLE, WAITING, STOLEN = 3, 4, 7
"""Fields of its first line. Waiting is for the card; stolen is what the host of a virtual machine took."""


class Ticks(NamedTuple):
    """Of all processors together, since boot."""

    idle: int
    stolen: int
    total: int

    @classmethod
    def read(cls, stat: Path = STAT) -> Self:
        ticks = [int(field) for field in stat.read_text(encoding="ascii").partition("\n")[0].split()[1:9]]
        return cls(ticks[IDLE] + ticks[WAITING], ticks[STOLEN], sum(ticks))

    def since(self, before: "Ticks") -> "Ticks":
        return Ticks(*(after - each for after, each in zip(self, before, strict=True)))
