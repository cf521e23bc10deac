"""Pins of the port, over gpiozero's simulated ones with physical levels, and over the board's own where there is a wire to try them with.

For real pins: a wire with 1 kΩ between two free pins, and `EDGE_TEST_PINS=23,24` (the first drives, the second is read).
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from edge.buttons.gpio import GpioPins, has_gpio
from edge.buttons.port import ActiveLevel, OutputPin
from edge.errors import GpioError
from tests.support import until

WIRED = os.environ.get("EDGE_TEST_PINS", "")


@dataclass
class Bench:
    """`drive` puts a level on the pin `read`, which is left alone before."""

    pins: GpioPins
    read: int
    other: int
    drive: Callable[[bool], None]


def simulated() -> Bench:
    pins = GpioPins(simulated=True)

    def drive(high: bool) -> None:
        pin = pins.factory.pin(24)
        pin.drive_high() if high else pin.drive_low()

    return Bench(pins, 24, 23, drive)


def real() -> Bench:
    driven, read = (int(number) for number in WIRED.split(","))
    pins = GpioPins()
    output: list[OutputPin] = []

    def drive(high: bool) -> None:
        if not output:
            output.append(pins.output(driven, "high"))
        output[0].set(float(high))

    return Bench(pins, read, driven, drive)


NEEDS = [
    pytest.mark.hardware,
    pytest.mark.skipif(not has_gpio(), reason="there is no /dev/gpiochip* here"),
    pytest.mark.skipif(not WIRED, reason="EDGE_TEST_PINS names no two pins with a wire between them"),
]


@pytest.fixture(params=[pytest.param(simulated, id="simulated"), pytest.param(real, id="real", marks=NEEDS)])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made: Bench = request.param()
    yield made
    made.pins.close()


@pytest.mark.parametrize(("active", "level"), [("low", False), ("high", True)])
def test_an_input_is_active_at_its_level(bench: Bench, active: ActiveLevel, level: bool) -> None:
    pin = bench.pins.input(bench.read, active)
    assert not pin.active, "pulled to the other level"
    bench.drive(level)
    until(lambda: pin.active, 2, "the level")
    bench.drive(not level)
    until(lambda: not pin.active, 2, "the other level")


def test_changes_are_told_in_their_order_with_their_times(bench: Bench) -> None:
    pin = bench.pins.input(bench.read, "low")
    bench.drive(True)
    told: list[tuple[bool, float]] = []
    pin.watch(lambda active, at_s: told.append((active, at_s)))
    began_s = time.monotonic()
    for high in (False, True, False):
        bench.drive(high)
        time.sleep(0.02)
    until(lambda: len(told) == 3, 2, "three changes")
    assert [active for active, _ in told] == [True, False, True]
    times = [at_s for _, at_s in told]
    assert times == sorted(times)
    assert began_s <= times[0] <= times[-1] <= time.monotonic()


def test_a_pin_has_one_owner(bench: Bench) -> None:
    bench.pins.input(bench.read, "low")
    with pytest.raises(GpioError, match=f"GPIO{bench.read}"):
        bench.pins.output(bench.read, "high")


@pytest.mark.parametrize("number", [0, 1, 28, 99, -1])
def test_what_is_no_pin_of_the_header_is_refused(bench: Bench, number: int) -> None:
    with pytest.raises(GpioError, match="no such pin"):
        bench.pins.input(number, "low")


def test_a_closed_board_lets_go_of_its_pins(bench: Bench) -> None:
    bench.pins.output(bench.other, "high").set(1)
    bench.pins.close()
    again = GpioPins(simulated=bench.drive.__qualname__.startswith("simulated"))
    pin = again.input(bench.other, "high")
    assert not pin.active
    again.close()
