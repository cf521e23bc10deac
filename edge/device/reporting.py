"""What the monitor settles, as conditions of the device's parts."""

import asyncio

from edge.device.monitor import Monitor
from edge.device.port import Facet
from edge.device.state import DeviceState
from edge.device.words import conditions
from edge.health import CAUSE_S, Health

FIRST_WORDS_S = 8.0
"""Nothing is said of a device of which nothing has been read yet."""


async def report_conditions(monitor: Monitor, health: Health) -> None:
    """Report each settled change until cancelled; whoever listens to `health` may take its time."""
    changed = asyncio.Event()
    monitor.listen(lambda _: changed.set())
    await monitor.first_words(FIRST_WORDS_S)
    while True:
        changed.clear()
        await asyncio.to_thread(_report, health, monitor.current(), monitor.problems)
        try:
            await asyncio.wait_for(changed.wait(), CAUSE_S)
        except TimeoutError:  # a cause that came too soon behind another is told now
            await asyncio.to_thread(_report, health, monitor.current(), monitor.problems)
            await changed.wait()


def _report(health: Health, state: DeviceState, problems: dict[Facet, str]) -> None:
    for word in conditions(state, problems):
        health.report(*word)
