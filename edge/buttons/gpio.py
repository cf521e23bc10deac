"""Pins through gpiozero: the Pi's own (lgpio below it), or gpiozero's simulated ones. The only file that imports it."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from edge.buttons.port import ActiveLevel, Changed
from edge.errors import GpioError

CHIPS = "gpiochip*"
PINS = range(2, 28)
"""Those that reach the header, but for the two that belong to the HAT's memory."""


class GpioPins:
    """`edge.buttons.port.Pins`.

    Args:
        simulated: no hardware: levels are driven through `factory.pin(17).drive_low()`.

    Raises:
        GpioError: there are no pins here, or the library is missing.
    """

    def __init__(self, *, simulated: bool = False) -> None:
        with _translated("GPIO"):
            self.factory = _mock_factory() if simulated else _lgpio_factory()
        self._devices: list[Any] = []

    def input(self, number: int, active: ActiveLevel) -> "GpioInput":
        import gpiozero

        with self._taking(number):
            device = gpiozero.DigitalInputDevice(number, pull_up=active == "low", pin_factory=self.factory)
        self._devices.append(device)
        return GpioInput(device)

    def output(self, number: int, active: ActiveLevel, *, dimmed: bool = False) -> "GpioOutput":
        import gpiozero

        kind = gpiozero.PWMOutputDevice if dimmed else gpiozero.DigitalOutputDevice
        with self._taking(number):
            device = kind(number, active_high=active == "high", initial_value=0, pin_factory=self.factory)
        self._devices.append(device)
        return GpioOutput(device, dimmed)

    def close(self) -> None:
        for device in self._devices:
            device.close()
        self._devices.clear()
        self.factory.close()

    @contextmanager
    def _taking(self, number: int) -> Iterator[None]:
        if number not in PINS:
            raise GpioError(f"GPIO{number}: no such pin", hint=f"{PINS.start} to {PINS.stop - 1}, as Broadcom counts")
        with _translated(f"GPIO{number}"):
            yield


class GpioInput:
    def __init__(self, device: Any) -> None:
        self._device = device

    @property
    def active(self) -> bool:
        return bool(self._device.value)

    def watch(self, changed: Changed) -> None:
        def at(active: bool) -> Callable[[], None]:
            return lambda: changed(active, time.monotonic())

        self._device.when_activated = at(True)
        self._device.when_deactivated = at(False)


class GpioOutput:
    def __init__(self, device: Any, dimmed: bool) -> None:
        self._device = device
        self._dimmed = dimmed

    def set(self, level: float) -> None:
        self._device.value = level if self._dimmed else round(level)


def has_gpio(devices: Path = Path("/dev")) -> bool:
    return any(devices.glob(CHIPS))


def _mock_factory() -> Any:
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    return MockFactory(pin_class=MockPWMPin)


def _lgpio_factory() -> Any:
    # lgpio leaves notification pipes where it runs: never on the card.
    os.environ.setdefault("LG_WD", os.environ.get("RUNTIME_DIRECTORY") or tempfile.gettempdir())
    from gpiozero.pins.lgpio import LGPIOFactory

    return LGPIOFactory()


@contextmanager
def _translated(place: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:  # gpiozero's BadPinFactory is one too
        hint = "install gpiozero and lgpio (on Raspberry Pi OS: sudo apt install python3-gpiozero python3-lgpio)"
        raise GpioError(f"{place}: {error}", hint=hint) from error
    except Exception as error:
        hint = "another program or function may hold the pin; see docs/buttons.md"
        raise GpioError(f"{place}: {error}", hint=hint) from error


Driver = Literal["auto", "simulated", "off"]


def open_pins(driver: Driver) -> GpioPins | None:
    """The pins as configured; None where they are off, or `auto` finds none.

    Raises:
        GpioError: they are there and cannot be used.
    """
    if driver == "off" or (driver == "auto" and not has_gpio()):
        return None
    return GpioPins(simulated=driver == "simulated")
