"""What counts as motion: synthetic scenes with the noise of a sensor."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pytest

from edge.camera.port import Frame, Pixels
from edge.clock import Instant
from edge.config import Motion as Settings
from edge.geometry import Box
from edge.motion.areas import areas_of
from edge.motion.background import sample
from edge.motion.scene import SETTLE_S, Motion, Scene
from edge.polygons import Polygon

HEIGHT, WIDTH, FPS = 120, 160, 10
Picture = npt.NDArray[np.float64]


def texture(low: float = 40, high: float = 200) -> Picture:
    """A scene of blocks, as floats."""
    blocks = np.random.default_rng(3).uniform(low, high, (HEIGHT // 8, WIDTH // 8, 1))
    return np.repeat(blocks.repeat(8, axis=0).repeat(8, axis=1), 3, axis=2)


class Sensor:
    """Adds noise that is new in each frame."""

    def __init__(self, sigma: float = 4.0) -> None:
        self._random = np.random.default_rng(11)
        self._noise = self._random.normal(0, sigma, HEIGHT * WIDTH * 3 * 8)

    def shoot(self, picture: Picture) -> Pixels:
        first = int(self._random.integers(0, len(self._noise) - picture.size))
        noise = self._noise[first : first + picture.size].reshape(picture.shape)
        return np.clip(picture + noise, 0, 255).astype(np.uint8)


def frame(pixels: Pixels, number: int, small: Pixels | None = None) -> Frame:
    return Frame("cam", number, pixels, Instant(number / FPS, number / FPS), small=small)


def watch(pictures: Iterable[Picture], scene: Scene | None = None, sensor: Sensor | None = None) -> list[Motion]:
    scene, sensor = scene or make(), sensor or Sensor()
    return [scene.update(frame(sensor.shoot(picture), number)) for number, picture in enumerate(pictures)]


def make(ignored: tuple[Polygon, ...] = ()) -> Scene:
    defaults = Settings()
    return Scene(defaults.threshold, defaults.min_area, ignored)


def square(picture: Picture, left: int, top: int, side: int = 12, by: float = 70) -> Picture:
    """The picture with a square that is brighter or darker, whichever is possible."""
    shown = picture.copy()
    part = shown[top : top + side, left : left + side]
    part[:] = np.where(part < 128, part + by, part - by)
    return shown


def still(picture: Picture, count: int) -> list[Picture]:
    return [picture] * count


def moved(motions: Iterable[Motion]) -> int:
    return sum(bool(motion.boxes) for motion in motions)


def switched(motions: Iterable[Motion]) -> int:
    return sum(motion.switched for motion in motions)


SETTLED = round(SETTLE_S * FPS) + 1


@pytest.mark.parametrize("sigma", [0.0, 2.0, 8.0, 16.0, 25.0])
def test_noise_is_no_motion(sigma: float) -> None:
    motions = watch(still(texture(), 1500), sensor=Sensor(sigma))
    assert moved(motions) == 0
    assert switched(motions) == 1, "the first frame"


def test_noise_in_the_dark_is_no_motion() -> None:
    assert moved(watch(still(texture(8, 20), 1500), sensor=Sensor(10.0))) == 0


def test_a_moving_square_is_found_where_it_is() -> None:
    picture = texture()
    path = [(20 + 3 * step, 40) for step in range(30)]
    motions = watch([*still(picture, 2 * SETTLED), *(square(picture, left, top) for left, top in path)])
    for (left, top), motion in zip(path, motions[2 * SETTLED :], strict=True):
        assert motion.boxes, "in every frame"
        holder = motion.boxes[0]
        place = Box(left / WIDTH, top / HEIGHT, (left + 12) / WIDTH, (top + 12) / HEIGHT)
        assert holder.shared(place).area > 0.9 * place.area
        assert holder.area < 0.15


def test_a_dim_thing_in_a_dim_scene_is_found() -> None:
    dim = texture(20, 40)
    motions = watch([*still(dim, 12 * FPS), *(square(dim, 20 + 3 * step, 40, by=14) for step in range(10))])
    assert moved(motions[: 12 * FPS]) == 0
    assert moved(motions[12 * FPS :]) == 10


@pytest.mark.parametrize(("side", "found"), [(1, 0), (4, 5), (8, 5)])
def test_small_things_do_not_count(side: int, found: int) -> None:
    picture = texture()
    shown = [square(picture, 50 + 10 * step, 40, side, by=100) for step in range(5)]
    assert moved(watch([*still(picture, 2 * SETTLED), *shown])[2 * SETTLED :]) == found


@pytest.mark.parametrize("change", [lambda p: p * 0.4, lambda p: p * 1.6, lambda p: 255 - p])
def test_a_switched_light_is_no_motion_and_looked_at_once(change: Callable[[Picture], Picture]) -> None:
    picture = texture()
    motions = watch([*still(picture, 3 * SETTLED), *still(change(picture), 6 * SETTLED)])
    assert moved(motions) == 0
    assert switched(motions[1:]) == 1
    assert motions[3 * SETTLED].switched, "at once"


def test_motion_is_found_again_soon_after_a_switched_light() -> None:
    dark = texture() * 0.4
    shown = [square(dark, 20 + 3 * step, 40) for step in range(10)]
    motions = watch([*still(texture(), 3 * SETTLED), *still(dark, SETTLED), *shown])
    assert moved(motions[4 * SETTLED :]) == 10


def test_dusk_is_no_motion() -> None:
    falling = [texture() * (1 - 0.9 * step / 3000) for step in range(3000)]
    motions = watch(falling)
    assert moved(motions) == 0
    assert switched(motions) == 1


def test_a_cloud_is_no_motion() -> None:
    dimming = np.concatenate([np.ones(3 * SETTLED), np.linspace(1, 0.7, 2 * FPS), np.full(5 * FPS, 0.7)])
    assert moved(watch([texture() * share for share in dimming])) == 0


def test_flicker_of_the_lamps_is_no_motion() -> None:
    assert moved(watch([texture() * (1 + 0.12 * (-1) ** step) for step in range(600)])) == 0


def test_a_place_that_always_changes_is_motion_only_at_first() -> None:
    picture = texture()
    screen = [square(picture, 40, 40, 20, by=30 * (step % 2)) for step in range(60 * FPS)]
    motions = watch([*still(picture, 3 * SETTLED), *screen])
    assert moved(motions[: 3 * SETTLED + FPS]) > 0
    assert moved(motions[-20 * FPS :]) == 0


def test_a_tree_behind_a_mask_is_no_motion_but_what_passes_beside_it_is() -> None:
    mask = Polygon(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
    picture, random = texture(), np.random.default_rng(5)
    tree = []
    for _ in range(300):
        shown = picture.copy()
        shown[:, : WIDTH // 2] = random.uniform(0, 255, (1, WIDTH // 2, 1))
        tree.append(shown)
    assert moved(watch([*still(picture, 2 * SETTLED), *tree], make((mask,)))) == 0
    passing = [square(shown, 100, 40) for shown in tree[:10]]
    motions = watch([*still(picture, 2 * SETTLED), *passing], make((mask,)))
    assert moved(motions[2 * SETTLED :]) == 10


def test_what_is_all_masked_never_moves() -> None:
    everything = Polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    picture = texture()
    shown = [square(picture, 20 + 3 * step, 40) for step in range(20)]
    assert moved(watch([*still(picture, 2 * SETTLED), *shown], make((everything,)))) == 0


def test_a_thing_that_stops_becomes_background() -> None:
    picture = texture()
    motions = watch([*still(picture, 2 * SETTLED), *still(square(picture, 60, 40), 40 * FPS)])
    after = motions[2 * SETTLED :]
    assert moved(after[: 2 * FPS]) == 2 * FPS
    assert moved(after[-15 * FPS :]) == 0


def test_the_small_picture_is_used_where_there_is_one() -> None:
    picture, scene, sensor = texture(), make(), Sensor()
    large = np.zeros((720, 1280, 3), np.uint8)
    shown = [*still(picture, 2 * SETTLED), square(picture, 60, 40)]
    motions = [scene.update(frame(large, n, sensor.shoot(each))) for n, each in enumerate(shown)]
    assert moved(motions) == 1


def test_another_size_is_learnt_anew() -> None:
    scene = make()
    assert scene.update(frame(np.zeros((120, 160, 3), np.uint8), 0)).switched
    assert scene.update(frame(np.zeros((60, 80, 3), np.uint8), 1)).switched


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (48, 64), (272, 640), (720, 1280), (2160, 3840)])
def test_samples_hold_all_three_colours_alike(height: int, width: int) -> None:
    levels = sample(np.full((height, width, 3), (30, 60, 120), np.uint8))
    assert levels.size > 0
    assert levels.shape[0] <= 190
    if width > 8:
        assert (levels == 3 * (30 + 60 + 120)).all()


def test_areas() -> None:
    changed = np.zeros((40, 60), np.bool_)
    changed[2:6, 2:6] = True  # 16 samples
    changed[20:28, 30:50] = True
    changed[28:36, 50:58] = True  # touches the one before across a corner
    changed[38, 3] = True
    boxes = areas_of(changed, 10)
    assert len(boxes) == 2
    assert boxes[0].right < 0.25
    assert boxes[1].left < 31 / 62 < 0.9 < boxes[1].right
    assert areas_of(changed, 1000) == ()
