"""The real database with a simulated clock."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.testing.work import WorkDriver
from tests.workers import registry


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., WorkDriver]]:
    made = []

    def make(**options: object) -> WorkDriver:
        made.append(WorkDriver(tmp_path, registry(), **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for driver in made:
        driver.close()


@pytest.fixture
def driver(make: Callable[..., WorkDriver]) -> WorkDriver:
    """Runs works as soon as they may."""
    return make()


@pytest.fixture
def hand(make: Callable[..., WorkDriver]) -> WorkDriver:
    """Works move when the test says."""
    return make(automatic=False)
