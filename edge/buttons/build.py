"""From the configuration to a panel."""

import logging
from collections.abc import Callable, Mapping
from typing import Literal

from edge import config
from edge.actions.asking import Ask, ask_of
from edge.actions.performer import Performer
from edge.actions.port import Action
from edge.buttons.dusk import Dusk
from edge.buttons.gestures import GESTURES, Gesture
from edge.buttons.gpio import GpioPins, open_pins
from edge.buttons.inputs import Input, Inputs
from edge.buttons.light import Facts, Shown
from edge.buttons.outputs import LightOf, Output, Outputs
from edge.buttons.panel import Button, Panel, Show, Sound
from edge.buttons.port import ActiveLevel, OutputPin, Pins
from edge.buttons.strip import Strip
from edge.config import Config
from edge.errors import ConfigError, GpioError
from edge.events.arming import Period
from edge.health import Health, Part

log = logging.getLogger(__name__)


def bindings_of(
    section: config.Button, place: str, actions: Mapping[str, Action], light: config.Light
) -> Mapping[Gesture, Ask]:
    """What each gesture of a button asks for, checked before anybody presses it.

    Args:
        light: what asks back before something that cannot be undone.

    Raises:
        ConfigError: no such action, or not its arguments; it asks back, and there is no light.
    """
    bindings: dict[Gesture, Ask] = {}
    for gesture in GESTURES:
        if text := getattr(section, gesture):
            bindings[gesture] = ask_of(text, actions, f"{place}.{gesture}")
            if bindings[gesture].confirm and not light.is_there:
                raise ConfigError(f"{place}.{gesture}: {text!r} is confirmed by light", hint="set light.pin")
    return bindings


class Board:
    """The pins that the configuration names, with what could be taken; what could not is said and left out.

    Raises:
        ConfigError: a button is bound to what is no action.
    """

    def __init__(self, settings: Config, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._pins: GpioPins | None = None
        self._strip: Strip | None = None
        wanted = settings.button or settings.input or settings.output or settings.light != config.Light()
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
        self,
        performer: Performer,
        device: str,
        facts: Callable[[], Facts],
        failed: Callable[[BaseException], None],
        pressed: Callable[[], bool] = lambda: False,
    ) -> Panel | None:
        buttons = []
        for index, section in enumerate(self._settings.button):
            bindings = bindings_of(section, f"button[{index}]", performer.actions, self._settings.light)
            try:
                if self._pins is not None:
                    buttons.append(Button(section.name, self._pins.input(section.pin, section.active), bindings))
            except GpioError as error:
                self._missing("button", section.name, error)
        show = self._show()
        sound = self._sound()
        if not buttons and show is None:
            return None
        return Panel(buttons, device, performer.ask, facts, show, self._health, failed, sound, pressed)

    def inputs(self, performer: Performer, failed: Callable[[BaseException], None]) -> Inputs | None:
        """
        Raises:
            ConfigError: an input asks for what is no action, or not for inputs.
        """
        inputs = []
        for index, section in enumerate(self._settings.input):
            asks = {
                key: ask_of(text, performer.actions, f"input[{index}].{key}", "operate")
                for key in ("on", "off")
                if (text := getattr(section, key))
            }
            try:
                if self._pins is not None:
                    pin = self._pins.input(section.pin, section.active)
                    inputs.append(Input(section.name, pin, section.settle_s, asks.get("on"), asks.get("off")))
            except GpioError as error:
                self._missing("input", section.name, error)
        return Inputs(inputs, performer.ask, self._health, failed) if inputs else None

    def outputs(self, failed: Callable[[BaseException], None], light_of: LightOf) -> Outputs:
        made = []
        for each in self._settings.output:
            pin = self._output(each.name, each.pin, "output", each.active)
            period = Period.daily(*each.between) if each.between else None
            dusk = Dusk(each.dark) if each.dark else None
            made.append(Output(each.name, pin, each.max_s, period, dusk, each.camera))
        return Outputs(made, self._health, failed, light_of)

    def close(self) -> None:
        if self._strip is not None:
            self._strip.close()
        if self._pins is not None:
            self._pins.close()

    def _sound(self) -> Sound | None:
        pin = self._output("buzzer", self._settings.light.buzzer_pin)
        return (lambda on: pin.set(float(on))) if pin is not None else None

    def _show(self) -> Show | None:
        light = self._settings.light
        if light.strip:
            return self._show_strip(light)
        if isinstance(light.pin, tuple):
            colours = [self._output("status", number, dimmed=True) for number in light.pin]
            pins = [pin for pin in colours if pin is not None]
            return _show_colours(pins) if len(pins) == len(colours) else None
        pin = self._output("status", light.pin)
        return (lambda shown: pin.set(shown.level)) if pin is not None else None

    def _show_strip(self, light: config.Light) -> Show | None:
        try:
            strip = self._strip = Strip(light.strip, light.strip_leds)
        except GpioError as error:
            self._missing("light", "status", error)
            return None
        return lambda shown: strip.show(shown.colour, shown.level)

    def _output(
        self,
        name: str,
        number: int | None,
        part: Literal["light", "output"] = "light",
        active: ActiveLevel | None = None,
        *,
        dimmed: bool = False,
    ) -> OutputPin | None:
        if number is None or self._pins is None:
            return None
        try:
            return self._pins.output(number, active or self._settings.light.active, dimmed=dimmed)
        except GpioError as error:
            self._missing(part, name, error)
            return None

    def _missing(self, part: Part, name: str, error: GpioError) -> None:
        self._health.report(part, name, "absent", str(error))
        log.warning("%s left out name=%s error=%s", part, name, error)


def _show_colours(pins: list[OutputPin]) -> Show:
    def show(shown: Shown) -> None:
        for pin, share in zip(pins, shown.colour, strict=True):
            pin.set(shown.level * share)

    return show
