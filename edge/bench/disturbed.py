"""What the host of a virtual machine disturbed is measured again."""

from collections.abc import Callable
from typing import TypeVar

MOST_FOLD = 6
T = TypeVar("T")


def measure_quiet(
    measure: Callable[[], list[T]], disturbed: Callable[[T], bool], wanted: int, least: int
) -> tuple[list[T], list[T]]:
    """Measure until `wanted` measurements were undisturbed, at most six times as many.

    Args:
        measure: gives one or more; never none.
        least: when fewer than this were undisturbed in the end, all of them count.

    Returns:
        All that were made, and those of them that count.
    """
    every: list[T] = []
    quiet: list[T] = []
    while len(quiet) < wanted and len(every) < wanted * MOST_FOLD:
        every += measure()
        quiet = [each for each in every if not disturbed(each)]
    return every, quiet if len(quiet) >= min(least, wanted) else every
