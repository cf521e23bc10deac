"""A GPIO pin that a UPS HAT holds while mains power is good."""

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

from edge.device.port import Facet, PowerReading, Report, SourceError
from edge.errors import GpioError

AGAIN_S = 10.0
Level = Literal["low", "high"]


class PowerPin(Protocol):
    """As `edge.buttons.port.InputPin`."""

    @property
    def active(self) -> bool: ...

    def watch(self, changed: Callable[[bool, float], None]) -> None: ...


class PowerPins(Protocol):
    """As `edge.buttons.port.Pins`."""

    def input(self, number: int, active: Level) -> PowerPin: ...

    def close(self) -> None: ...


class PowerGoodPin:
    """The source.

    Args:
        open_pins: gives pins of its own, None where the board has none; raises GpioError.
        number: of the GPIO, as the Pi's own documents count (BCM).
        good: the level that says that mains power is there.
    """

    name = "pin"
    facet: Facet = "power"

    def __init__(self, open_pins: Callable[[], PowerPins | None], number: int, good: Level) -> None:
        self._open_pins = open_pins
        self._number = number
        self._good = good

    async def run(self, report: Report) -> None:
        pins = self._open()
        try:
            await self._follow(pins.input(self._number, self._good), report)
        except GpioError as error:
            raise SourceError(f"pin: {error.args[0]}", hint=error.hint) from error
        finally:
            pins.close()

    async def _follow(self, pin: PowerPin, report: Report) -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake(active: bool, at_s: float) -> None:
            loop.call_soon_threadsafe(changed.set)

        pin.watch(wake)
        while True:
            changed.clear()
            report(PowerReading(source="mains" if pin.active else "battery", told_by=f"GPIO{self._number}"))
            try:
                await asyncio.wait_for(changed.wait(), AGAIN_S)
            except TimeoutError:
                pass

    def _open(self) -> PowerPins:
        try:
            pins = self._open_pins()
        except GpioError as error:
            raise SourceError(f"pin: {error.args[0]}", hint=error.hint) from error
        if pins is None:
            raise SourceError("pin: this board has no GPIO", hint="see gpio.driver of the configuration")
        return pins
