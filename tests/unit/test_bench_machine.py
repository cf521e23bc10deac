"""What the host of a virtual machine takes is told apart from what the machine does."""

from pathlib import Path

import pytest

from edge.bench.machine import STAT, Stolen


def test_the_share_since_the_start(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 10 0 5 20 7 0\ncpu0 1 2 3\n")
    stolen = Stolen(stat)
    assert stolen.percent() == 0.0
    stat.write_text("cpu  130 0 60 850 10 0 5 30 9 0\ncpu0 1 2 3\n")
    assert stolen.percent() == pytest.approx(10.0), "10 of 100 ticks; what guests of our own took is in ours already"


def test_this_machine() -> None:
    assert STAT.exists()
    assert 0.0 <= Stolen().percent() <= 100.0
