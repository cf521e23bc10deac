"""What the machine under a benchmark did meanwhile."""

from pathlib import Path

STAT = Path("/proc/stat")
STEAL = 7


class Stolen:
    """What share of the processors' time the host of a virtual machine has taken since this was made; 0 on a machine of its own."""

    def __init__(self, stat: Path = STAT) -> None:
        self._stat = stat
        self._before = self._ticks()

    def percent(self) -> float:
        stolen, total = (after - before for before, after in zip(self._before, self._ticks(), strict=True))
        return 100 * stolen / total if total else 0.0

    def _ticks(self) -> tuple[int, int]:
        """Stolen, and all of them."""
        ticks = [int(field) for field in self._stat.read_text(encoding="ascii").partition("\n")[0].split()[1:9]]
        return ticks[STEAL], sum(ticks)
