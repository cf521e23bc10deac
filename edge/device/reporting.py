"""What the monitor settles, as conditions of the device's parts."""

import asyncio

from edge.device.monitor import Monitor
from edge.device.state import DeviceState
from edge.device.words import conditions
from edge.health import Health


async def report_conditions(monitor: Monitor, health: Health) -> None:
    """Report each settled change until cancelled; whoever listens to `health` may take its time."""

    def report(state: DeviceState, problems: dict[str, str]) -> None:
        for word in conditions(state, problems):
            health.report(*word)

    async for state in monitor.changes():
        await asyncio.to_thread(report, state, monitor.problems)
