"""Workers that the tests of background work run."""

from edge.work.registry import Registry
from edge.work.states import Fail, Result, Retry, Success
from edge.work.worker import Run, worker


@worker("ok")
async def ok(run: Run) -> Result:
    return Success({**run.input, "attempt": run.attempt})


@worker("fails")
async def fails(run: Run) -> Result:
    return Fail("no luck")


@worker("retries")
async def retries(run: Run) -> Result:
    run.progress(share=0.5)
    return Success() if run.attempt >= run.input.get("until", 2) else Retry("not yet")


@worker("raises")
async def raises(run: Run) -> Result:
    raise OSError("the disk is on fire")


@worker("none")
async def none(run: Run) -> None:
    return None


@worker("too-much")
async def too_much(run: Run) -> Result:
    return Success({"text": "x" * 20_000})


def registry() -> Registry:
    import sys

    return Registry_of(sys.modules[__name__])


def Registry_of(module: object) -> Registry:  # noqa: N802
    filled = Registry()
    filled.add_module(module)  # type: ignore[arg-type]
    return filled
