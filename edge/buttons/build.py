"""From the configuration to a panel."""

import logging
from collections.abc import Callable, Mapping

import msgspec

from edge import config
from edge.actions.performer import Performer, check_arguments
from edge.actions.words import parse
from edge.buttons.gestures import GESTURES, Gesture
from edge.buttons.gpio import GpioPins, open_pins
from edge.buttons.light import Facts, Shown
from edge.buttons.panel import Ask, Button, Panel, Show
from edge.buttons.port import OutputPin, Pins
from edge.config import Config
from edge.errors import ConfigError, EdgeError, GpioError
from edge.health import Health, Part

log = logging.getLogger(__name__)


def bindings_of(section: config.Button, place: str, performer: Performer) -> Mapping[Gesture, Ask]:
    """What each gesture of a button asks for, checked before anybody presses it.

    Raises:
        ConfigError: no such action, or not its arguments.
    """
    bindings: dict[Gesture, Ask] = {}
    for gesture in GESTURES:
        if text := getattr(section, gesture):
            try:
                bindings[gesture] = _ask(text, performer)
            except EdgeError as error:
                raise ConfigError(f"{place}.{gesture}: {text!r}: {error.args[0]}", hint=error.hint) from error
    return bindings


def _ask(text: str, performer: Performer) -> Ask:
    name, words = parse(text)
    action = performer.actions.get(name)
    if action is None:
        raise ConfigError(f"{name!r} is no action", hint=f"known: {', '.join(sorted(performer.actions))}")
    arguments = msgspec.json.encode(words)
    check_arguments(action, arguments)
    return Ask(name, arguments)


class Board:
    """The pins that the configuration names, with what could be taken; what could not is said and left out.

    Raises:
        ConfigError: a button is bound to what is no action.
    """

    def __init__(self, settings: Config, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._pins: GpioPins | None = None
        wanted = settings.button or settings.light != config.Light()
        try:
            self._pins = open_pins(settings.gpio.driver) if wanted else None
        except GpioError as error:
            self._missing("gpio", "pins", error)
        else:
            if wanted and self._pins is None and settings.gpio.driver == "auto":
                self._missing("gpio", "pins", GpioError("this machine has no GPIO", hint="set gpio.driver to off"))

    @property
    def pins(self) -> Pins | None:
        return self._pins

    def privacy_light(self) -> Callable[[bool], None] | None:
        """Switches the light that tells that a camera is open."""
        pin = self._output("privacy", self._settings.light.privacy_pin)
        return (lambda on: pin.set(float(on))) if pin is not None else None

    def panel(
        self, performer: Performer, facts: Callable[[], Facts], failed: Callable[[BaseException], None]
    ) -> Panel | None:
        buttons = []
        for index, section in enumerate(self._settings.button):
            bindings = bindings_of(section, f"button[{index}]", performer)
            try:
                if self._pins is not None:
                    buttons.append(Button(section.name, self._pins.input(section.pin, section.active), bindings))
            except GpioError as error:
                self._missing("button", section.name, error)
        show = self._show()
        if not buttons and show is None:
            return None
        return Panel(buttons, performer.ask, facts, show, self._health, failed)

    def close(self) -> None:
        if self._pins is not None:
            self._pins.close()

    def _show(self) -> Show | None:
        light = self._settings.light
        if isinstance(light.pin, tuple):
            colours = [self._output("status", number, dimmed=True) for number in light.pin]
            pins = [pin for pin in colours if pin is not None]
            return _show_colours(pins) if len(pins) == len(colours) else None
        pin = self._output("status", light.pin)
        return (lambda shown: pin.set(shown.level)) if pin is not None else None

    def _output(self, name: str, number: int | None, *, dimmed: bool = False) -> OutputPin | None:
        if number is None or self._pins is None:
            return None
        try:
            return self._pins.output(number, self._settings.light.active, dimmed=dimmed)
        except GpioError as error:
            self._missing("light", name, error)
            return None

    def _missing(self, part: Part, name: str, error: GpioError) -> None:
        self._health.report(part, name, "absent", str(error))
        log.warning("%s left out name=%s error=%s", part, name, error)


def _show_colours(pins: list[OutputPin]) -> Show:
    def show(shown: Shown) -> None:
        for pin, share in zip(pins, shown.colour, strict=True):
            pin.set(shown.level * share)

    return show
