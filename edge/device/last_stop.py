"""The orderly stop before a battery is empty."""

import asyncio
import logging
from collections.abc import Callable

from edge.device.monitor import Monitor
from edge.device.state import Power

log = logging.getLogger(__name__)


async def stop_on_low_battery(monitor: Monitor, after_s: float, stop: Callable[[], None]) -> None:
    """Call `stop` when the device has been on a low battery for so long; again after so long if it still runs then. Until cancelled.

    What nobody can tell is no low battery: a UPS whose cable comes out stops nothing.

    Args:
        stop: has the device shut down; may block.
    """
    changed = asyncio.Event()
    monitor.listen(lambda _: changed.set())
    loop = asyncio.get_running_loop()
    since_s: float | None = None
    while True:
        changed.clear()
        if not is_low(monitor.current().power):
            if since_s is not None:
                log.info("battery no longer low: the device goes on")
            since_s = None
        elif since_s is None:
            since_s = loop.time()
            log.warning("battery low: the device stops in %.0f s", after_s)
        left_s = None if since_s is None else max(0.0, since_s + after_s - loop.time())
        try:
            await asyncio.wait_for(changed.wait(), left_s)
        except TimeoutError:
            log.warning("battery low for %.0f s: the device stops", after_s)
            await asyncio.to_thread(stop)
            since_s = loop.time()


def is_low(power: Power) -> bool:
    """On battery, and the battery is low."""
    return power.source == "battery" and power.battery_low is True
