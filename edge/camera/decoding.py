"""PyAV, wrapped for every camera that decodes video. Besides `edge/clips/encoder.py` the only file that imports it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from edge.camera.port import Pixels
from edge.clips.packets import PacketTap
from edge.errors import CameraError

INSTALL = "pip install 'edge-appliance[video]'"


class DecodingError(Exception):
    """What FFmpeg said, in words, without the address: it may hold a password."""


def open_video(address: str, *, options: Mapping[str, str], timeout_s: tuple[float, float] | None, threads: str) -> Any:
    """A PyAV container whose first video stream is ready to be decoded.

    Args:
        options: FFmpeg's, of the protocol, the format and the codec.
        timeout_s: of opening and of each read; None: none.
        threads: `AUTO` for throughput; `SLICE` keeps no frame back.

    Raises:
        DecodingError: it cannot be opened, or holds no video that can be decoded.
        CameraError: PyAV is not installed.
    """
    av = _av()
    with translated():
        container = av.open(address, options=dict(options), timeout=timeout_s)
    if not container.streams.video:
        container.close()
        raise DecodingError("holds no video")
    if container.streams.video[0].codec_context is None:
        container.close()
        raise DecodingError("FFmpeg has no decoder for its video codec")
    container.streams.video[0].thread_type = threads
    return container


def pictures(container: Any, tap: PacketTap | None, now_s: Callable[[], float]) -> Iterator[Any | None]:
    """Decode the first video stream to its end; every packet of it goes to `tap` first, as it came.

    None after a packet without a picture and after those of other streams: a time-out of reading begins anew with each packet, so a video
    that stops while its sound goes on would never return.

    Args:
        now_s: boot time.
    """
    stream = container.streams.video[0]
    if tap is not None:
        tap.opened(stream.codec_context.name, bytes(stream.codec_context.extradata or b""))
    for packet in container.demux():
        if packet.stream is not stream:
            yield None
            continue
        if tap is not None and packet.size and not packet.is_corrupt:
            pts_s, dts_s = (
                None if each is None else float(each * packet.time_base) for each in (packet.pts, packet.dts)
            )
            tap.packet(bytes(packet), key=packet.is_keyframe, pts_s=pts_s, dts_s=dts_s, arrived_s=now_s())
        yield from packet.decode() or (None,)


@contextmanager
def translated() -> Iterator[None]:
    """Turn PyAV's errors into `DecodingError`."""
    av = _av()
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # Not `from error`: PyAV's errors carry the whole address, and whoever prints a trace would print the password in it.
        raise DecodingError(str(getattr(error, "strerror", None) or type(error).__name__)) from None


def rgb(picture: Any) -> Pixels:
    """The pixels of one decoded picture."""
    pixels: Pixels = picture.to_ndarray(format="rgb24")
    return pixels


def yuyv_to_rgb(data: bytes | bytearray | memoryview, width_px: int, height_px: int, stride_bytes: int) -> Pixels:
    """One packed 4:2:2 picture (BT.601, limited range, as USB cameras give it), rows `stride_bytes` apart.

    Raises:
        DecodingError: the data are too short for the picture.
    """
    if stride_bytes < 2 * width_px or len(data) < stride_bytes * (height_px - 1) + 2 * width_px:
        raise DecodingError(f"{len(data)} bytes are too few for {width_px}x{height_px}")
    row_bytes = 2 * width_px
    rows = np.lib.stride_tricks.as_strided(
        np.frombuffer(data, np.uint8), (height_px, row_bytes), (stride_bytes, 1), writeable=False
    )
    packed = np.ascontiguousarray(rows).reshape(height_px, width_px, 2)
    frame = _av().VideoFrame.from_ndarray(packed, format="yuyv422")
    return rgb(frame.reformat(format="yuv422p"))  # FFmpeg is twice as fast by way of planes


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise CameraError("video needs PyAV", hint=INSTALL) from error
    return av
