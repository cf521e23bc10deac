"""What the tests of the rules of background work share: a driver's works by hand."""

from edge.testing.work import WorkDriver
from edge.work.request import Existing, OneTimeWork, Request
from edge.work.states import Fail, Success, WorkState
from edge.work.table import Work

BLOCKED, ENQUEUED, RUNNING = WorkState.BLOCKED, WorkState.ENQUEUED, WorkState.RUNNING
SUCCEEDED, FAILED, CANCELLED = WorkState.SUCCEEDED, WorkState.FAILED, WorkState.CANCELLED
ON_BATTERY = {"source": "battery", "battery_percent": 41.0}


def only(driver: WorkDriver, request: Request, **options: object) -> str:
    (id_,) = driver.enqueue(request, **options).ids  # type: ignore[arg-type]
    return id_


def states(driver: WorkDriver, ids: tuple[str, ...]) -> list[WorkState]:
    return [driver.get(id_).state for id_ in ids]


def due_in(driver: WorkDriver, work: Work) -> float:
    return round(driver.store.wall_of(work.due_s) - driver.clock.now().wall_s, 3)


def stored(name: str, state: WorkState, driver: WorkDriver) -> str:
    """A one-time work of that unique name that has come to that state."""
    id_ = only(driver, OneTimeWork("ok"), name=name, existing=Existing.REPLACE)
    if state is CANCELLED:
        driver.store.cancel("id", id_)
    if state in (RUNNING, SUCCEEDED, FAILED):
        driver.start()
    if state in (SUCCEEDED, FAILED):
        driver.finish(id_, Success() if state is SUCCEEDED else Fail())
    return id_
