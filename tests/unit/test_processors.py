from pathlib import Path

from edge.processors import Ticks


def test_the_kernel_counters(tmp_path: Path) -> None:
    """What guests of our own took, the last two fields, is in the first two already."""
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 10 0 5 20 7 0\ncpu0 1 2 3\n")
    before = Ticks.read(stat)
    assert before == (810, 20, 985)
    stat.write_text("cpu  130 0 60 850 10 0 5 30 9 0\ncpu0 1 2 3\n")
    assert Ticks.read(stat).since(before) == (50, 10, 100)


def test_here() -> None:
    now = Ticks.read()
    assert 0 < now.idle < now.total
