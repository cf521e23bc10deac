"""The power-good pin, on gpiozero's simulated pins."""

import asyncio

import pytest

from edge.buttons.gpio import GpioPins
from edge.device.pin import PowerGoodPin
from edge.device.port import PowerReading, Reading, SourceError
from edge.errors import GpioError


def test_the_level_tells_of_mains_and_battery() -> None:
    async def scene() -> list[str]:
        board, told = GpioPins(simulated=True), asyncio.Queue[Reading]()

        async def source_told() -> str:
            reading = await told.get()
            assert isinstance(reading, PowerReading)
            return reading.source

        task = asyncio.ensure_future(PowerGoodPin(lambda: board, 6, "high").run(told.put_nowait))
        async with asyncio.timeout(10):
            words = [await source_told()]  # nothing drives the pin, and it is pulled down
            board.factory.pin(6).drive_high()
            words.append(await source_told())
            board.factory.pin(6).drive_low()
            words.append(await source_told())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert board.factory.pins == {}  # let go of
        return words

    assert asyncio.run(scene()) == ["battery", "mains", "battery"]


def test_a_board_without_pins_or_with_a_pin_that_is_taken() -> None:
    def taken() -> GpioPins:
        raise GpioError("GPIO6: busy", hint="who holds it?")

    for open_pins, message in ((lambda: None, "has no GPIO"), (taken, "GPIO6: busy")):
        with pytest.raises(SourceError, match=message):
            asyncio.run(PowerGoodPin(open_pins, 6, "high").run(lambda _: None))


def test_a_second_pin_tells_that_the_battery_is_low() -> None:
    async def scene() -> list[bool | None]:
        board, told = GpioPins(simulated=True), asyncio.Queue[Reading]()

        async def low() -> bool | None:
            reading = await told.get()
            assert isinstance(reading, PowerReading)
            return reading.low

        task = asyncio.ensure_future(PowerGoodPin(lambda: board, 6, "high", (5, "low")).run(told.put_nowait))
        async with asyncio.timeout(20):
            words = [await low()]
            board.factory.pin(5).drive_low()
            words.append(await low())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return words

    assert asyncio.run(scene()) == [False, True]
