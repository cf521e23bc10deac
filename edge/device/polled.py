"""Files that are read every so often, and at once when the kernel says that something changed."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from edge.device.port import Facet, Reading, Report

GAP_S = 0.2
"""Kernel events come in bursts: one reading answers all that came in so long."""


class Polled:
    """A source made of a function that reads.

    Args:
        read: raises SourceError; does not block.
        wakes: gives an event that is set when reading again is worth it; None: only the interval.
    """

    def __init__(
        self,
        name: str,
        facet: Facet,
        read: Callable[[], Reading],
        interval_s: float,
        wakes: Callable[[], AbstractContextManager[asyncio.Event]] | None = None,
    ) -> None:
        self.name = name
        self.facet = facet
        self._read = read
        self._interval_s = interval_s
        self._wakes = wakes

    async def run(self, report: Report) -> None:
        with self._wakes() if self._wakes is not None else nullcontext(asyncio.Event()) as woken:
            while True:
                woken.clear()
                report(self._read())
                try:
                    await asyncio.wait_for(woken.wait(), self._interval_s)
                    await asyncio.sleep(GAP_S)
                except TimeoutError:
                    pass
