"""The port of whatever drives pins: a pin, not a button."""

from collections.abc import Callable
from typing import Literal, Protocol

ActiveLevel = Literal["low", "high"]

Changed = Callable[[bool, float], None]
"""Active or not, and the monotonic second at which it became so. Called in the driver's thread: must only enqueue, and never raise."""


class InputPin(Protocol):
    @property
    def active(self) -> bool:
        """The level now. Thread: any."""
        ...

    def watch(self, changed: Changed) -> None:
        """Call `changed` at every change from now on."""
        ...


class OutputPin(Protocol):
    def set(self, level: float) -> None:
        """0 off to 1 on; what lies between is dimmed where the pin can. Thread: one caller at a time."""
        ...


class Pins(Protocol):
    """All pins of the board, numbered as Broadcom does (GPIO17 is 17).

    Raises (`input` and `output`):
        GpioError: no such pin, or another program or function holds it.
    """

    def input(self, number: int, active: ActiveLevel) -> InputPin:
        """A contact between the pin and ground (`low`, pulled up) or between the pin and 3.3 V (`high`, pulled down)."""
        ...

    def output(self, number: int, active: ActiveLevel, *, dimmed: bool = False) -> OutputPin: ...

    def close(self) -> None:
        """Let go of all pins; outputs are off."""
        ...
