"""What goes over the line to addressable lights: read back as their data sheet reads it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.buttons.strip import HERTZ, REST, Strip, encoded
from edge.errors import GpioError

SHORT_NS, LONG_NS, SLACK_NS, REST_US = 400, 800, 150, 280
"""WS2812B: high time of a 0 and a 1, how far off they may be, and the rest after which the colours are shown."""
shares = st.floats(0.0, 1.0)


def high_times_ns(line: bytes) -> list[float]:
    """Of each pulse."""
    levels = "".join(f"{byte:08b}" for byte in line)
    return [len(pulse) / HERTZ * 1e9 for pulse in levels.split("0") if pulse]


def read(line: bytes) -> list[tuple[int, int, int]]:
    """Red, green and blue of each light."""
    bits = []
    for high_ns in high_times_ns(line):
        assert min(abs(high_ns - SHORT_NS), abs(high_ns - LONG_NS)) <= SLACK_NS
        bits.append("1" if high_ns > (SHORT_NS + LONG_NS) / 2 else "0")
    values = [int("".join(bits[place : place + 8]), 2) for place in range(0, len(bits), 8)]
    return [(red, green, blue) for green, red, blue in zip(*[iter(values)] * 3, strict=True)]


@given(st.lists(st.tuples(shares, shares, shares), min_size=1, max_size=10))
def test_the_lights_read_what_was_meant(colours: list[tuple[float, float, float]]) -> None:
    assert read(encoded(colours)) == [(round(r * 255), round(g * 255), round(b * 255)) for r, g, b in colours]


def test_each_bit_takes_the_time_of_a_bit_and_the_line_rests_before_and_after() -> None:
    line = encoded([(1.0, 0.0, 0.5)])
    assert line.startswith(REST)
    assert line.endswith(REST)
    assert len(REST) * 8 / HERTZ * 1e6 >= REST_US
    assert (len(line) - 2 * len(REST)) * 8 / HERTZ * 1e6 == pytest.approx(24 * 1.25)


@pytest.mark.parametrize("there", [False, True])
def test_what_is_no_spi_device_is_said(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "spidev0.0"
    if there:
        path.touch()
    with pytest.raises(GpioError) as caught:
        Strip(str(path), 1)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.hardware
@pytest.mark.skipif(not Path("/dev/spidev0.0").exists(), reason="there is no /dev/spidev0.0 here")
def test_a_real_device_takes_them() -> None:
    strip = Strip("/dev/spidev0.0", 1)
    strip.show((0.0, 1.0, 0.0), 1.0)
    strip.close()
