"""When the gate lets a frame through, and which part of it."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.port import Frame, Pixels
from edge.camera.still import Still
from edge.clock import Instant
from edge.config import Motion as Settings
from edge.config import parse
from edge.follower import placed
from edge.geometry import WHOLE, Box
from edge.health import Health
from edge.motion.gate import AGAIN_AFTER_S, HOLD_S, STILL_AFTER_S, Gate
from edge.motion.regions import in_whole, is_cut, part, region_for, union
from edge.motion.scene import SETTLE_S
from edge.recognition.port import Detection
from edge.testing.clock import SimulatedClock
from edge.wiring.scenes import is_gated, make_gate

FPS = 10
SETTLED = round(SETTLE_S * FPS)
SIZE = (1280, 720)
EMPTY = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
BOX = Box(0.4, 0.4, 0.5, 0.5)


def with_thing(left: int = 600, top: int = 300, side: int = 80) -> Pixels:
    pixels = EMPTY.copy()
    pixels[top : top + side, left : left + side] = 250
    return pixels


class Watched:
    """A gate whose looks have a result at once, which wants `attention`."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.attention: tuple[Box, ...] = ()
        self.number = 0

    def see(self, pixels: Pixels = EMPTY, count: int = 1, *, answered: bool = True) -> list[Box | None]:
        return [self._see(pixels, answered) for _ in range(count)]

    def _see(self, pixels: Pixels, answered: bool) -> Box | None:
        at_s = self.number / FPS
        frame = Frame("cam", self.number, pixels, Instant(at_s, at_s))
        self.number += 1
        region = self.gate.decide(frame)
        if region is not None and answered:
            self.gate.looked(at_s, region, self.attention)
        return region


@pytest.fixture
def watched() -> Watched:
    return Watched(Gate(Settings()))


def test_a_still_scene_is_looked_at_in_the_beginning_and_then_every_so_often(watched: Watched) -> None:
    seen = watched.see(count=650)
    looked = [number for number, region in enumerate(seen) if region is not None]
    assert looked == [*range(SETTLED), SETTLED - 1 + 300, SETTLED - 1 + 600]
    assert {seen[number] for number in looked} == {WHOLE}
    assert watched.gate.quiet == 650 - len(looked)


def test_the_scheduled_look_is_wanted_until_it_has_a_result(watched: Watched) -> None:
    watched.see(count=SETTLED + 299)
    assert watched.see(count=3, answered=False) == [WHOLE] * 3
    assert watched.see(count=2) == [WHOLE, None]


def test_motion_is_looked_at_and_a_moment_longer(watched: Watched) -> None:
    watched.see(count=2 * SETTLED)
    (region,) = watched.see(with_thing())
    assert region is not None
    assert region.shared(Box(600 / 1280, 300 / 720, 680 / 1280, 380 / 720)) == Box(
        600 / 1280, 300 / 720, 680 / 1280, 380 / 720
    )
    assert region.area < 0.3
    after = watched.see(count=round(HOLD_S * FPS) + 5)
    assert all(region is not None for region in after[: round(HOLD_S * FPS)])
    assert after[-3:] == [None] * 3


def test_attention_is_looked_at_without_motion(watched: Watched) -> None:
    watched.attention = (BOX,)
    seen = watched.see(count=5 * FPS)
    looked = [region for region in seen[SETTLED + 1 :] if region is not None]
    assert len(looked) == pytest.approx((len(seen) - SETTLED) / (AGAIN_AFTER_S * FPS), abs=2), "five times a second"
    assert all(region != WHOLE and region.shared(BOX) == BOX for region in looked)
    watched.attention = ()
    assert watched.see(count=6)[-3:] == [None] * 3


@pytest.mark.parametrize(("side", "sure"), [(80, False), (550, True)])
def test_large_motion_is_sure_to_want_the_whole_frame(watched: Watched, side: int, sure: bool) -> None:
    watched.see(count=2 * SETTLED)
    at_s = watched.number / FPS
    frame = Frame("cam", watched.number, with_thing(300, 100, side), Instant(at_s, at_s))
    assert watched.gate.see(frame) is sure
    assert (watched.gate.where(frame) == WHOLE) is sure


def test_without_regions_motion_means_the_whole_frame() -> None:
    watched = Watched(Gate(Settings(regions=False)))
    watched.see(count=2 * SETTLED)
    assert watched.see(with_thing()) == [WHOLE]


def test_a_switched_light_is_looked_at_once(watched: Watched) -> None:
    watched.see(count=2 * SETTLED)
    bright = (EMPTY * 1.9).astype(np.uint8)
    assert watched.see(bright, 2 * SETTLED) == [WHOLE] + [None] * (2 * SETTLED - 1)


def test_motion_is_told_when_it_begins_and_ends() -> None:
    told: list[bool] = []
    watched = Watched(Gate(Settings(), on_motion=told.append))
    watched.see(count=2 * SETTLED)
    for step in range(10):
        watched.see(with_thing(left=300 + 40 * step))
    assert (told, watched.gate.motion) == ([True], True)
    watched.see(count=round(STILL_AFTER_S * FPS) + 1)
    assert (told, watched.gate.motion) == ([True, False], False)


def test_motion_is_over_when_the_camera_is_closed() -> None:
    told: list[bool] = []
    watched = Watched(Gate(Settings(), on_motion=told.append))
    watched.see(count=2 * SETTLED)
    watched.see(with_thing())
    watched.gate.reset()
    assert told == [True, False]
    assert watched.see(count=SETTLED) == [WHOLE] * SETTLED, "all begins anew"


def test_stored_pictures_are_never_held_back(watched: Watched) -> None:
    for number in range(20):
        frame = Frame("cam", number, EMPTY, Instant(0, 0), still=Still("/a.jpg", 1, 1))
        assert watched.gate.decide(frame) == WHOLE
    assert watched.gate.quiet == 0


def test_the_same_frames_give_the_same_looks() -> None:
    def run() -> list[Box | None]:
        watched = Watched(Gate(Settings()))
        random = np.random.default_rng(2)
        watched.see(count=SETTLED)
        return [watched.see(with_thing(int(random.integers(0, 1100)), 200))[0] for _ in range(20)]

    assert run() == run()


places = st.floats(0, 0.9)
sides = st.floats(0.01, 0.6)
boxes = st.builds(lambda x, y, w, h: Box(x, y, min(1.0, x + w), min(1.0, y + h)), places, places, sides, sides)
sizes = st.sampled_from([(64, 48), (640, 272), (1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)])


@given(st.lists(boxes, min_size=1, max_size=4), sizes)
def test_a_region_holds_everything_in_the_aspect_of_the_frame(wanted: list[Box], size: tuple[int, int]) -> None:
    region = region_for(wanted, size)
    assert region == region.clipped()
    assert region.shared(union(wanted)) == union(wanted)
    assert region == WHOLE or region.area <= 0.6
    assert abs(region.width - region.height) <= 1 / min(size)
    left, top, right, bottom = region.to_pixels(size)
    assert min(right - left, bottom - top) >= min(320, *size) - 1


def test_a_region_is_kept_while_it_serves() -> None:
    first = region_for([BOX], SIZE)
    assert region_for([BOX.moved(0.05, 0.0)], SIZE, first) == first
    assert region_for([BOX.moved(0.4, 0.0)], SIZE, first) != first
    large = region_for([Box(0.15, 0.15, 0.6, 0.6)], SIZE)
    assert region_for([Box(0.4, 0.4, 0.42, 0.42)], SIZE, large).area < large.area


def test_the_part_is_cut_out_and_names_the_whole() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    whole = Frame("cam", 7, pixels, Instant(1, 2), small=np.zeros((360, 640, 3), np.uint8))
    region = region_for([BOX], SIZE)
    cut = part(whole, region)
    left, top, right, bottom = region.to_pixels(SIZE)
    assert np.array_equal(cut.pixels, pixels[top:bottom, left:right])
    assert cut.pixels.flags.c_contiguous
    assert cut.small is None, "the small picture shows more than this part"
    assert cut.part_of == (whole, region)
    assert (cut.camera, cut.sequence, cut.taken) == (whole.camera, whole.sequence, whole.taken)
    assert part(whole, WHOLE) is whole


def test_places_lead_back_into_the_frame() -> None:
    assert in_whole(WHOLE, BOX) == pytest.approx(BOX)
    assert in_whole(Box(0.5, 0.0, 1.0, 0.5), Box(0.2, 0.4, 0.6, 0.8)) == pytest.approx((0.4, 0.4, 0.6, 0.6))


@pytest.mark.parametrize(
    ("box", "region", "cut"),
    [
        (Box(0.0, 0.2, 0.3, 0.4), Box(0.2, 0.2, 0.6, 0.6), True),
        (Box(0.1, 0.2, 0.995, 0.4), Box(0.2, 0.2, 0.6, 0.6), True),
        (Box(0.1, 0.2, 0.9, 0.9), Box(0.2, 0.2, 0.6, 0.6), False),
        (Box(0.0, 0.2, 0.3, 0.4), Box(0.0, 0.2, 0.4, 0.6), False),
        (Box(0.0, 0.0, 1.0, 1.0), WHOLE, False),
    ],
)
def test_what_the_border_of_a_region_cuts_off(box: Box, region: Box, cut: bool) -> None:
    assert is_cut(box, region) is cut


def test_findings_in_a_part_are_placed_in_the_frame_and_cut_ones_begin_nothing() -> None:
    region = Box(0.2, 0.2, 0.6, 0.6)
    inner = Detection("Car", 0.9, Box(0.25, 0.25, 0.75, 0.75))
    cut = Detection("Car", 0.8, Box(0.0, 0.2, 0.2, 0.5))
    weak = Detection("Car", 0.3, Box(0.9, 0.2, 1.0, 0.5))
    findings, at_border = placed([inner, cut, weak], region, lambda label: 0.5)
    assert findings[0].box == pytest.approx((0.3, 0.3, 0.5, 0.5))
    assert findings[1].box == at_border[0] == pytest.approx((0.2, 0.28, 0.28, 0.4))
    assert [found.score for found in findings] == [0.9, pytest.approx(0.495), 0.3]
    assert len(at_border) == 2
    assert placed([inner, cut], WHOLE, lambda label: 0.5) == ([inner, cut], [])


def test_a_cameras_motion_is_a_state_from_the_start() -> None:
    health = Health(SimulatedClock())
    text = {"camera": [{"name": "yard", "source": "test:"}, {"name": "shelf", "source": "folder:/srv"}]}
    configured = parse(text, place="edge.toml")
    yard, shelf = configured.camera
    assert (is_gated(configured, yard), is_gated(configured, shelf)) == (True, False)
    assert not is_gated(configured, msgspec.structs.replace(yard, motion=False))
    assert not is_gated(msgspec.structs.replace(configured, motion=Settings(enabled=False)), yard)

    def state() -> tuple[str, str, str]:
        (condition,) = health.conditions()
        return condition.part, condition.name, condition.state

    watched = Watched(make_gate(configured, yard, health))
    assert state() == ("motion", "yard", "still")
    watched.see(count=2 * SETTLED)
    watched.see(with_thing())
    assert state() == ("motion", "yard", "moving")
    watched.see(count=round(STILL_AFTER_S * FPS) + 1)
    assert state() == ("motion", "yard", "still")


class Sensor:
    """What a motion sensor says."""

    active = False


@pytest.fixture
def guarded() -> tuple[Watched, Sensor]:
    sensor = Sensor()
    watched = Watched(Gate(Settings(), awake=lambda: sensor.active))
    return watched, sensor


def test_while_the_sensor_is_silent_nothing_is_looked_at(guarded: tuple[Watched, Sensor]) -> None:
    watched, _ = guarded
    assert set(watched.see(count=400)) == {None}, "not even when a look is due"
    assert set(watched.see(with_thing(), count=20)) == {None}
    assert watched.gate.quiet == 420


def test_when_it_wakes_all_is_looked_at_and_then_what_moves(guarded: tuple[Watched, Sensor]) -> None:
    watched, sensor = guarded
    watched.see(count=100)
    sensor.active = True
    assert watched.see()[0] == WHOLE
    watched.see(count=50)
    (region,) = watched.see(with_thing())
    assert region not in (None, WHOLE)


def test_what_is_followed_is_looked_at_to_its_end(guarded: tuple[Watched, Sensor]) -> None:
    watched, sensor = guarded
    sensor.active = True
    watched.see(count=100)
    watched.attention = (BOX,)
    watched.see(with_thing())
    sensor.active = False
    assert any(watched.see(with_thing(), count=round(FPS * (HOLD_S + 1))))
    watched.attention = ()
    watched.see(with_thing(), count=5)
    assert set(watched.see(count=50)) == {None}
