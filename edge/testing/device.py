"""A device whose state is what the test says."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from edge.clock import Clock
from edge.device.state import DeviceState, StateListener
from edge.testing.work import device_state


class SimulatedDevice:
    """`edge.device.state.DeviceMonitor` set by hand. Thread: the loop's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._state = device_state(clock.now())
        self._listeners: list[StateListener] = []

    def current(self) -> DeviceState:
        return self._state

    def listen(self, listener: StateListener) -> None:
        self._listeners.append(listener)

    def become(self, **parts: Mapping[str, Any]) -> None:
        """See `edge.testing.work.device_state`."""
        self._state = device_state(self._clock.now(), **parts)
        for listener in self._listeners:
            listener(self._state)

    async def changes(self) -> AsyncIterator[DeviceState]:
        changed = asyncio.Event()
        self.listen(lambda _: changed.set())
        while True:
            changed.clear()
            yield self._state
            await changed.wait()
