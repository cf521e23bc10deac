import pytest

from edge.recognition.runtime import default_threads, threads_for


@pytest.mark.parametrize(
    ("cores", "busy", "total", "threads"),
    [
        (4, 0, 100, 3),
        (4, 25, 100, 2),
        (4, 50, 100, 1),
        (4, 100, 100, 1),
        (1, 0, 100, 1),
        (2, 0, 100, 1),
        (16, 0, 100, 4),
        (4, 0, 0, 3),
    ],
)
def test_threads_are_what_is_idle_less_one(cores: int, busy: int, total: int, threads: int) -> None:
    assert threads_for(cores, busy, total) == threads


def test_here() -> None:
    assert 1 <= default_threads() <= 4
