"""Pictures as cameras, phones and editors write them."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from edge.errors import PictureError
from edge.pictures import MOST_PX, ORIENTATION, read_picture

WIDTH = 0x0100


def tags(*entries: tuple[int, int, int, int]) -> bytes:
    """EXIF of these entries (tag, type, count, value or place)."""
    lines = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + lines + bytes(4) + b"4000\0"


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_picture_stands_upright(suffix: str, turn: int, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    pixels = np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)
    how = {"tiffinfo": {ORIENTATION: turn}} if suffix == "tif" else {"exif": tags((ORIENTATION, 3, 1, turn))}
    Image.fromarray(pixels).save(path, **how)  # type: ignore[arg-type]
    read = read_picture(path)
    with Image.open(path) as image:
        assert read.tolist() == np.asarray(ImageOps.exif_transpose(image)).tolist()
    assert read.flags.c_contiguous


def test_a_turned_photo_whose_other_tags_are_nonsense_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    text_for_a_number = (WIDTH, 2, 5, 38)
    Image.new("RGB", (64, 48)).save(path, exif=tags(text_for_a_number, (ORIENTATION, 3, 1, 6)))
    assert read_picture(path).shape == (64, 48, 3)


def test_exif_that_is_none_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (64, 48)).save(path, exif=b"Exif\0\0" + b"no tags at all")
    assert read_picture(path).shape == (48, 64, 3)


def test_whatever_a_decoder_raises_is_a_damaged_picture(tmp_path: Path) -> None:
    path, out = tmp_path / "a.tif", io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, "TIFF")
    place = struct.pack("<HH", 0x0111, 4)
    assert place in out.getvalue()
    path.write_bytes(out.getvalue().replace(place, struct.pack("<HH", 0x0111, 2)))  # the place of the pixels, as text
    with pytest.raises(PictureError, match=r"a\.tif: damaged picture"):
        read_picture(path)


def test_a_large_jpeg_is_read_at_a_fraction_and_anything_else_refused(tmp_path: Path) -> None:
    width, height = 6000, MOST_PX // 6000 + 2
    large = Image.new("L", (width, height))
    large.save(tmp_path / "a.jpg")
    assert read_picture(tmp_path / "a.jpg").shape == (height // 2, width // 2, 3)
    for name, progressive in (("a.png", False), ("b.jpg", True)):
        large.save(tmp_path / name, progressive=progressive)
        with pytest.raises(PictureError, match=f"{width}x{height} is too large"):
            read_picture(tmp_path / name)
