"""Pins, buttons, lights, and rules."""

from typing import Annotated, Literal

import msgspec

from edge.config.section import Day, Name, Pin, Section, Share, TimeOfDay


class Gpio(Section, frozen=True):
    driver: Literal["auto", "simulated", "off"] = "auto"
    """`auto`: the pins of the board, where it has some; `simulated`: gpiozero's pins without hardware."""


class Button(Section, frozen=True):
    name: Name
    pin: Pin
    active: Literal["low", "high"] = "low"
    """`low`: the contact closes to ground (the pin is pulled up); `high`: to 3.3 V (pulled down)."""
    press: str = ""
    """What a press asks for, as `edge ask` takes it: `snapshot camera=door`. Empty: nothing."""
    double: str = ""
    """Two presses within 0.4 s."""
    long: str = ""
    """Held for 2 s."""
    very_long: str = ""
    """Held for 8 s."""


class Light(Section, frozen=True):
    # A tuple of fixed length in a union crashes msgspec 0.22 when its type is collected.
    pin: Pin | Annotated[tuple[Pin, ...], msgspec.Meta(min_length=3, max_length=3)] | None = None
    """Status light of one colour, or the pins of red, green and blue."""
    strip: str = ""
    """In place of `pin`: addressable lights (WS2812) on an SPI device, `/dev/spidev0.0`."""
    strip_leds: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """How many of them; all show the same."""
    privacy_pin: Pin | None = None
    """A light that is on exactly while a camera is open."""
    buzzer_pin: Pin | None = None
    """A buzzer that makes its own tone; it says what became of a gesture."""
    active: Literal["low", "high"] = "high"
    """The level at which the lights shine and the buzzer sounds."""

    @property
    def is_there(self) -> bool:
        """Something shows how the device is."""
        return self.pin is not None or bool(self.strip)


class Input(Section, frozen=True):
    name: Name
    pin: Pin
    active: Literal["low", "high"] = "low"
    """`low`: a contact that closes to ground (the pin is pulled up); `high`: a sensor that gives 3.3 V (pulled down)."""
    on: str = ""
    """What is asked for when it becomes active, as `edge ask` takes it. Empty: nothing."""
    off: str = ""
    """The same when it is no longer active."""
    settle_s: Annotated[float, msgspec.Meta(ge=0.0, le=10.0)] = 0.05
    """It must stay so for so long before it counts."""


class Output(Section, frozen=True):
    name: Name
    """Names it in `output name=NAME`."""
    pin: Pin
    active: Literal["low", "high"] = "high"
    """The level at which it is on."""
    max_s: Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)] = 60.0
    """It is never on for longer at a time, but for `between`."""
    between: Annotated[tuple[TimeOfDay, ...], msgspec.Meta(max_length=2)] = ()
    """On by itself in this time, `["20:00", "07:00"]`, local time: an infrared light. Empty: never."""
    dark: Share = 0.0
    """On by itself while `camera` sees less light than this, 0 black to 1 white; with `between` only in that time. 0: never."""
    camera: str = ""
    """Whose picture says whether it is dark."""


class Rule(Section, frozen=True):
    name: Name
    on: Literal["start", "end"] = "start"
    """`start`: as soon as an event is as the rule says, once an event; `end`: when it is over."""
    cameras: tuple[Name, ...] = ()
    """Only events of these cameras; empty: all."""
    labels: tuple[str, ...] = ()
    """Only these labels; empty: all but `snapshot`."""
    zones: tuple[Name, ...] = ()
    """Only things that have been in one of these zones; empty: anywhere."""
    min_score: Share = 0.0
    between: Annotated[tuple[TimeOfDay, ...], msgspec.Meta(max_length=2)] = ()
    """`["22:00", "06:00"]`, local time; empty: at any time."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """On which days `between` starts."""
    armed: bool | None = None
    """Only while the camera is armed, or only while it is not. Default: both."""
    cooldown_s: Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)] = 0.0
    """Not again for so long."""
    do: tuple[str, ...] = ()
    """What is asked for, as `edge ask` takes it; `$camera` and `$event` are the event's: `clip camera=$camera`."""
    publish: Annotated[str, msgspec.Meta(pattern=r"^([^+#\x00/]+(/[^+#\x00/]+)*)?$", max_length=100)] = ""
    """Publish the event below `rules/`: `alarm` is `edge/DEVICE/rules/alarm`. Empty: not."""
    webhook: str = ""
    """POST the event there: `https://…` or `http://…`. Empty: nowhere."""
    webhook_ca_file: str = ""
    """PEM file with the authority of an `https` server's certificate; empty: those that the system knows."""
    webhook_timeout_s: Annotated[float, msgspec.Meta(ge=0.1, le=60.0)] = 5.0
    webhook_tries: Annotated[int, msgspec.Meta(ge=1, le=10)] = 4
    """With pauses of 1 s, 2 s, 4 s … between them."""
