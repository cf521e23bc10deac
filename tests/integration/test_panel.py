"""Buttons and light over gpiozero's simulated pins, with the real performer behind them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import config
from edge.actions.performer import Performer
from edge.actions.port import Action, Arguments
from edge.buttons.build import Board
from edge.buttons.gpio import has_gpio
from edge.buttons.light import Facts
from edge.buttons.panel import Panel
from edge.clock import SystemClock
from edge.config import Config
from edge.errors import CameraError, ConfigError
from edge.health import Health
from tests.support import until

CAPTURE, LIGHT, DEVICE = 17, 27, "porch"


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


def test_changes_too_fast_for_a_finger_are_forgotten_and_the_level_is_right_afterwards(house: House) -> None:
    pin = house.pin(CAPTURE)
    for _ in range(10_000):
        pin.drive_low()
        pin.drive_high()
    time.sleep(0.6)
    assert len(house.done) <= 1
    before = len(house.done)
    house.press(0.06)
    until(lambda: len(house.done) == before + 1, 5, "a press after the flood")
    assert house.panel.gestures == len(house.done)


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
