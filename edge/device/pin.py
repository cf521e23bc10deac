"""GPIO pins by which a UPS HAT says that mains power is good, and that its battery is low."""

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

from edge.device.port import Facet, PowerReading, Report, SourceError
from edge.device.state import PowerSource
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
        low: number and level of the pin that says that the battery is low; None: there is none.
    """

    name = "pin"
    facet: Facet = "power"

    def __init__(
        self, open_pins: Callable[[], PowerPins | None], number: int, good: Level, low: tuple[int, Level] | None = None
    ) -> None:
        self._open_pins = open_pins
        self._number = number
        self._good = good
        self._low = low

    async def run(self, report: Report) -> None:
        pins = self._open()
        try:
            low = pins.input(*self._low) if self._low is not None else None
            await self._follow(pins.input(self._number, self._good), low, report)
        except GpioError as error:
            raise SourceError(f"pin: {error.args[0]}", hint=error.hint) from error
        finally:
            pins.close()

    async def _follow(self, pin: PowerPin, low: PowerPin | None, report: Report) -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake(active: bool, at_s: float) -> None:
            loop.call_soon_threadsafe(changed.set)

        for each in (pin, low):
            if each is not None:
                each.watch(wake)
        while True:
            changed.clear()
            source: PowerSource = "mains" if pin.active else "battery"
            is_low = low.active if low is not None else None
            report(PowerReading(source=source, low=is_low, told_by=f"GPIO{self._number}"))
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
