import numpy as np
import pytest

from edge.clock import Instant
from edge.events.rendering import annotated, thumbnail
from edge.geometry import WHOLE, Box
from edge.store.port import Event

PIXELS = np.zeros((400, 800, 3), np.uint8)
PIXELS[100:200, 600:700] = (255, 0, 0)
PLACE = Box(600 / 800, 100 / 400, 700 / 800, 200 / 400)


def test_a_thumbnail_shows_the_thing_and_a_little_around_it() -> None:
    image = thumbnail(PIXELS, PLACE)
    assert image.size == (150, 150)
    assert image.getpixel((75, 75)) == (255, 0, 0)
    assert image.getpixel((5, 5)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (WHOLE, (320, 160)),
        (Box(0.0, 0.0, 0.125, 0.25), (150, 150)),
        (Box(0.9, 0.9, 1.0, 1.0), (120, 120)),
        (Box(0.5, 0.5, 0.5, 0.5), (2, 2)),
        (Box(-0.5, 0.2, 1.5, 0.4), (320, 160)),
    ],
)
def test_it_stays_inside_the_picture(box: Box, size: tuple[int, int]) -> None:
    assert thumbnail(PIXELS, box).size == size


def test_the_annotated_picture_is_a_copy_with_the_box() -> None:
    event = Event(
        id="a", camera="door", label="Car", score=0.8, box=PLACE, started=Instant(0, 0), seen=Instant(0, 0), boot_id="b"
    )
    image = annotated(PIXELS, event)
    assert image.size == (800, 400)
    assert image.getpixel((601, 150)) not in ((0, 0, 0), (255, 0, 0)), "the line of the box"
    assert tuple(PIXELS[150, 601]) == (255, 0, 0), "the picture itself is as it was"
