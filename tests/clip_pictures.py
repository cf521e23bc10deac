"""Pictures that carry a number which survives encoding, and packets made of them."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import av
import numpy as np

from edge.camera.port import Pixels
from edge.clips.h264 import PacketReader, is_key
from edge.clips.packets import Format, Packet

BITS = 12


def numbered(number: int, size: tuple[int, int] = (192, 64)) -> Pixels:
    """The bits of the number as black and white columns, the highest on the left."""
    bits = np.array([number >> bit & 1 for bit in range(BITS)][::-1], np.uint8)
    row = np.repeat(np.where(bits, 235, 20).astype(np.uint8), size[0] // BITS)
    row = np.pad(row, (0, size[0] - len(row)))
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (size[1], size[0], 3)))


def number_of(pixels: Pixels) -> int:
    width = pixels.shape[1] // BITS
    columns = [pixels[:, place * width : (place + 1) * width].mean() > 127 for place in range(BITS)]
    return sum(1 << (BITS - 1 - place) for place, white in enumerate(columns) if white)


def raw_packets(count: int, *, fps: int = 10, gop: int = 10, options: dict[str, str] | None = None) -> list[av.Packet]:
    """Numbered pictures from 0 as x264 gives them: byte streams, in decoding order."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 192, 64, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 1000), Fraction(fps)
    context.options = {
        "preset": "ultrafast",
        "g": str(gop),
        "sc_threshold": "0",
        **(options or {"tune": "zerolatency"}),
    }
    packets = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
        frame.pts, frame.time_base = number * 1000 // fps, Fraction(1, 1000)
        packets += context.encode(frame)
    return packets + context.encode(None)


def packets(
    count: int, *, begin_s: float = 100.0, fps: int = 10, gop: int = 10, options: dict[str, str] | None = None
) -> list[Packet]:
    reader, result = PacketReader(), []
    for raw in raw_packets(count, fps=fps, gop=gop, options=options):
        units = reader.read(bytes(raw))
        assert reader.format is not None
        assert raw.pts is not None
        assert raw.dts is not None
        times = begin_s + raw.pts / 1000, begin_s + raw.dts / 1000
        result.append(Packet(units, is_key(units), *times, reader.format))
    return result


def numbers_in(path: object) -> list[int]:
    """The numbers of all pictures of a video, as a player decodes them."""
    with av.open(str(path)) as container:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


FORMAT = Format(b"\x67\x42\xc0\x1f", (b"\x68",), (64, 48))


def dummy_packets(sizes: Iterable[int], keys: Sequence[bool], *, step_s: float = 0.1) -> list[Packet]:
    """Packets of which only size, key and time matter."""
    return [
        Packet(bytes(size), key, number * step_s, number * step_s, FORMAT)
        for number, (size, key) in enumerate(zip(sizes, keys, strict=True))
    ]
