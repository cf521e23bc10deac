"""Cameras of libcamera's virtual pipeline, each showing the pictures of a folder."""

from pathlib import Path

import pytest
import virtual_camera  # noqa: F401 - makes picamera2 fit it
from PIL import Image, ImageOps

CAMERAS = Path("/run/cameras")
PICTURES = Path("/run/pictures")
SIZE = (1280, 720)
WIDE = (SIZE, (640, 360))
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
"""Upper left, upper right, lower left, lower right."""


def colours() -> Image.Image:
    picture = Image.new("RGB", SIZE)
    for number, colour in enumerate(COLOURS):
        picture.paste(colour, (number % 2 * 640, number // 2 * 360, number % 2 * 640 + 640, number // 2 * 360 + 360))
    return picture


def stored(name: str) -> Image.Image:
    with Image.open(PICTURES / name) as picture:
        return ImageOps.pad(picture.convert("RGB"), SIZE, color=(127, 127, 127))


def add_camera(model: str, pictures: list[Image.Image], sizes: tuple[tuple[int, int], ...] = WIDE) -> None:
    """One more in the pipeline's configuration, which is read when libcamera starts."""
    configuration = CAMERAS / "virtual.yaml"
    lines = configuration.read_text().splitlines() if configuration.exists() else []
    number = sum(not line.startswith(" ") for line in lines)
    folder = CAMERAS / str(number)
    folder.mkdir(parents=True)
    for place, picture in enumerate(pictures):
        picture.save(folder / f"{place}.jpg", quality=95)
    lines += [f'"Virtual{number}":', "  supported_formats:"]
    for width, height in sizes:
        lines += [f"  - width: {width}", f"    height: {height}", "    frame_rates: [30, 30]"]
    lines += ["  frames:", f'    path: "{folder}"', '  location: "CameraLocationFront"', f'  model: "{model}"']
    configuration.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session", autouse=True)
def cameras() -> None:
    add_camera("colours", [colours()])
    add_camera("one size", [colours()], (SIZE,))
    add_camera("twin", [colours()])
    add_camera("twin", [colours()])
    add_camera("cat", [stored("chelsea.png")])
    add_camera("cup", [stored("coffee.png")])
    add_camera("person", [stored("astronaut.png")])
    add_camera("album", [stored("chelsea.png"), stored("coffee.png")])
