"""Buttons and light over gpiozero's simulated pins, with the real performer behind them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import config
from edge.actions.asking import Ask
from edge.actions.performer import Performer
from edge.actions.port import Action, Arguments
from edge.buttons.build import Board
from edge.buttons.gestures import TIMING, Timing
from edge.buttons.gpio import GpioPins, has_gpio
from edge.buttons.light import Facts
from edge.buttons.panel import Button, Panel
from edge.clock import SystemClock
from edge.config import Config
from edge.errors import CameraError, ConfigError
from edge.health import Health
from tests.support import until

CAPTURE, LIGHT, DEVICE = 17, 27, "porch"
SNAPSHOT, ARMED = Ask("snapshot", b""), Facts(started=True)


class Door(Arguments, frozen=True, kw_only=True):
    camera: str = ""


class House:
    """A panel with one button and one light."""

    def __init__(self, folder: Path, settings: Config) -> None:
        self.done: list[tuple[str, str]] = []
        self.dead: list[BaseException] = []
        self.facts = Facts(started=True)
        self.health = Health(SystemClock())

        def broken(_: object) -> None:
            self.done.append(("broken", ""))
            raise CameraError("camera door: gone")

        actions = [
            Action("snapshot", "", "operate", lambda asked: self.done.append(("snapshot", asked.camera)), Door),
            Action("broken", "", "operate", broken),
        ]
        self.performer = Performer(actions, folder, SystemClock(), self.dead.append, rate_per_s=1e6, burst=1e6)
        self.board = Board(settings, self.health)
        panel = self.board.panel(self.performer, DEVICE, lambda: self.facts, self.dead.append)
        assert panel is not None
        self.panel: Panel = panel
        self.performer.start()
        self.panel.start()

    def pin(self, number: int) -> Any:
        assert self.board.pins is not None
        return self.board.pins.factory.pin(number)  # type: ignore[attr-defined]

    def close(self) -> None:
        self.panel.stop()
        self.performer.stop()
        self.board.close()
        assert self.dead == []

    def press(self, seconds: float) -> None:
        self.pin(CAPTURE).drive_low()
        time.sleep(seconds)
        self.pin(CAPTURE).drive_high()


def settings(**bindings: str) -> Config:
    button = config.Button(name="capture", pin=CAPTURE, **bindings)
    return Config(gpio=config.Gpio(driver="simulated"), button=(button,), light=config.Light(pin=LIGHT))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, settings(press="snapshot camera=door", double="broken"))
    yield house
    house.close()


def test_a_press_asks_and_is_acknowledged_by_light(house: House) -> None:
    until(lambda: house.pin(LIGHT).state, 5, "the light of an armed device")
    house.press(0.06)
    until(lambda: house.done == [("snapshot", "door")], 5, "the action")
    until(lambda: not house.pin(LIGHT).state, 5, "the signal")
    until(lambda: house.pin(LIGHT).state, 5, "the end of the signal")


def test_an_action_that_fails_leaves_the_panel_working(house: House) -> None:
    house.press(0.06)
    time.sleep(0.06)
    house.press(0.06)
    until(lambda: house.done == [("broken", "")], 5, "the failing action")
    house.press(0.06)
    until(lambda: house.done[-1] == ("snapshot", "door"), 5, "the next action")


def test_ten_thousand_presses_in_ten_seconds_are_one_contact_that_never_rests(house: House) -> None:
    pin, began_s, rests = house.pin(CAPTURE), time.monotonic(), 0
    for number in range(10_000):
        down_s = time.monotonic()
        pin.drive_low()
        pin.drive_high()
        rests += time.monotonic() - down_s > TIMING.debounce_s / 2
        time.sleep(max(0.0, began_s + number / 1000 - time.monotonic()))
    time.sleep(0.6)
    assert len(house.done) <= rests, "only where this machine was held up in the middle of a press"
    before = len(house.done)
    house.press(0.06)
    until(lambda: len(house.done) == before + 1, 20, "a press after the flood")
    assert house.panel.gestures == len(house.done)


def test_more_changes_than_are_kept_are_forgotten_and_the_level_is_right_afterwards(house: House) -> None:
    pin = house.pin(CAPTURE)
    while not house.panel.forgotten:
        pin.drive_low()
        pin.drive_high()
    time.sleep(0.6)
    before = len(house.done)
    assert before <= 1
    house.press(0.06)
    until(lambda: len(house.done) == before + 1, 20, "a press after the flood")


def test_a_button_that_is_stuck_asks_once_says_so_and_works_again(tmp_path: Path) -> None:
    pins = GpioPins(simulated=True)
    asked: list[str] = []
    health = Health(SystemClock())
    quick = Timing(debounce_s=0.01, double_s=0.05, long_s=0.1, very_long_s=0.2, stuck_s=0.4)
    button = Button("capture", pins.input(CAPTURE, "low"), {"press": SNAPSHOT, "long": SNAPSHOT}, quick)
    panel = Panel([button], DEVICE, lambda request, _: asked.append(request.action), Facts, None, health, print)
    panel.start()
    pins.factory.pin(CAPTURE).drive_low()

    def state() -> str:
        return {each.name: each.state for each in health.conditions()}["capture"]

    until(lambda: state() == "failed", 20, "the stuck button")
    assert asked == ["snapshot"]
    pins.factory.pin(CAPTURE).drive_high()
    until(lambda: state() == "running", 20, "the button that was let go")
    pins.factory.pin(CAPTURE).drive_low()
    until(lambda: len(asked) == 2, 20, "the next press")
    panel.stop()
    pins.close()


def test_a_restart_is_all_that_a_press_asks_for_while_the_device_is_safe_to_remove() -> None:
    pins, safe = GpioPins(simulated=True), Facts(started=True, safe=True)
    asked: list[str] = []
    button = Button("capture", pins.input(CAPTURE, "low"), {"press": SNAPSHOT})
    health = Health(SystemClock())
    panel = Panel([button], DEVICE, lambda request, _: asked.append(request.action), lambda: safe, None, health, print)
    panel.start()
    pins.factory.pin(CAPTURE).drive_low()
    until(lambda: asked == ["restart"], 20, "the restart")
    panel.stop()
    pins.close()


def test_what_cannot_be_undone_is_asked_back_and_done_by_a_press(tmp_path: Path) -> None:
    pins, health, asked = GpioPins(simulated=True), Health(SystemClock()), []
    erase = Ask("factory-reset", b"", confirm=True)
    button = Button("backup", pins.input(CAPTURE, "low"), {"very_long": erase}, Timing(long_s=2.0, very_long_s=3.0))
    panel = Panel(
        [button], DEVICE, lambda request, _: asked.append((request.action, request.arguments)), lambda: ARMED,
        lambda shown: None, health, print,
    )  # fmt: skip
    panel.start()

    def says() -> str:
        return {each.part: each.state for each in health.conditions()}["light"]

    pins.factory.pin(CAPTURE).drive_low()
    until(lambda: says() == "asking", 20, "the question")
    pins.factory.pin(CAPTURE).drive_high()
    time.sleep(0.3)
    assert asked == []
    pins.factory.pin(CAPTURE).drive_low()
    time.sleep(0.1)
    pins.factory.pin(CAPTURE).drive_high()
    until(lambda: asked == [("factory-reset", b'{"confirm":"porch"}')], 20, "the answer")
    until(lambda: says() == "armed", 20, "the end of the question")
    panel.stop()
    pins.close()


def test_a_press_is_for_the_page_while_it_asks(tmp_path: Path) -> None:
    pins, health, asked, pressed = GpioPins(simulated=True), Health(SystemClock()), [], []
    facts = [Facts(started=True, pairing=True)]
    button = Button("capture", pins.input(CAPTURE, "low"), {"press": Ask("snapshot", b"")})

    def press() -> bool:
        pressed.append("page")
        facts[0] = ARMED
        return True

    panel = Panel(
        [button], DEVICE, lambda request, _: asked.append(request.action), lambda: facts[0], lambda shown: None, health, print,
        pressed=press,
    )  # fmt: skip
    panel.start()
    until(lambda: {each.part: each.state for each in health.conditions()}.get("light") == "pairing", 20, "the light")
    for done in (lambda: pressed == ["page"], lambda: asked == ["snapshot"]):
        pins.factory.pin(CAPTURE).drive_low()
        until(done, 20, "the press")
        pins.factory.pin(CAPTURE).drive_high()
        time.sleep(0.2)
    assert (pressed, asked) == (["page"], ["snapshot"])
    panel.stop()
    pins.close()


def test_the_light_follows_the_device(house: House) -> None:
    house.facts = Facts(started=True, failed=True)
    seen = set()
    deadline_s = time.monotonic() + 1.5
    while time.monotonic() < deadline_s:
        seen.add(bool(house.pin(LIGHT).state))
        time.sleep(0.01)
    assert seen == {True, False}


def test_a_light_of_three_colours(tmp_path: Path) -> None:
    red, green, blue = 5, 6, 13
    light = config.Light(pin=(red, green, blue))
    house = House(tmp_path, Config(gpio=config.Gpio(driver="simulated"), light=light))
    until(lambda: house.pin(green).state == 1, 5, "green")
    assert (house.pin(red).state, house.pin(blue).state) == (0, 0)
    house.close()


def test_the_buzzer_beeps_once_when_it_is_done_and_is_silent_again(tmp_path: Path) -> None:
    buzzer = 24
    button = config.Button(name="capture", pin=CAPTURE, press="snapshot camera=door")
    wanted = Config(gpio=config.Gpio(driver="simulated"), button=(button,), light=config.Light(buzzer_pin=buzzer))
    house = House(tmp_path, wanted)
    house.press(0.06)
    until(lambda: house.pin(buzzer).state, 5, "the beep")
    until(lambda: not house.pin(buzzer).state, 5, "its end")
    house.close()


def test_the_privacy_light_is_on_while_a_camera_is_open(tmp_path: Path) -> None:
    wanted = Config(gpio=config.Gpio(driver="simulated"), light=config.Light(privacy_pin=LIGHT))
    board = Board(wanted, Health(SystemClock()))
    switch = board.privacy_light()
    assert switch is not None
    assert board.pins is not None
    pin = board.pins.factory.pin(LIGHT)  # type: ignore[attr-defined]
    states = [pin.state]
    switch(True)
    states.append(pin.state)
    switch(False)
    states.append(pin.state)
    board.close()
    assert states == [False, True, False]


@pytest.mark.skipif(has_gpio(), reason="this machine has GPIO: leave its pins alone")
def test_without_gpio_the_rest_goes_on_and_the_state_says_why(tmp_path: Path) -> None:
    health = Health(SystemClock())
    button = config.Button(name="capture", pin=CAPTURE, press="snapshot")
    board = Board(Config(button=(button,), light=config.Light(pin=LIGHT)), health)
    performer = Performer([Action("snapshot", "", "operate", lambda _: None)], tmp_path, SystemClock(), print)
    assert board.panel(performer, DEVICE, Facts, print) is None
    assert [(each.part, each.state, each.cause) for each in health.conditions()] == [
        ("gpio", "absent", "this machine has no GPIO (set gpio.driver to off)")
    ]


def test_a_pin_that_is_taken_is_left_out_and_said(tmp_path: Path) -> None:
    health = Health(SystemClock())
    wanted = settings(press="snapshot")
    board = Board(wanted, health)
    assert board.pins is not None
    board.pins.input(CAPTURE, "low")  # by another function
    performer = Performer([Action("snapshot", "", "operate", lambda _: None)], tmp_path, SystemClock(), print)
    panel = board.panel(performer, DEVICE, Facts, print)
    board.close()
    assert panel is not None
    (condition,) = health.conditions()
    assert (condition.part, condition.name, condition.state) == ("button", "capture", "absent")
    assert "GPIO17" in condition.cause


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        ({"press": "snapshott"}, "button[0].press: 'snapshott': 'snapshott' is no action (known: snapshot)"),
        (
            {"long": "snapshot door"},
            "button[0].long: 'snapshot door': 'door' is no argument (write KEY=VALUE: camera=door)",
        ),
        ({"double": "snapshot place=door"}, "unknown field `place`"),
        ({"very_long": " "}, "no action is named"),
    ],
)
def test_a_button_bound_to_nothing_sensible_is_refused(tmp_path: Path, bindings: dict[str, str], message: str) -> None:
    performer = Performer([Action("snapshot", "", "operate", print, Door)], tmp_path, SystemClock(), print)
    board = Board(settings(**bindings), Health(SystemClock()))
    with pytest.raises(ConfigError) as caught:
        board.panel(performer, DEVICE, Facts, print)
    board.close()
    assert message in str(caught.value)
