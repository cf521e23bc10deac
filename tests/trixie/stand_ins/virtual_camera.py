"""Makes picamera2 fit libcamera's virtual pipeline, whose cameras show pictures from a folder. Import it before a camera is opened.

It differs from a Pi's pipeline in three things: it has no raw sensor modes, wants a buffer plane for each plane of NV12, and takes
orders to turn the picture which it does not follow.
"""

import mmap
import os
from typing import Any

import libcamera
import picamera2.picamera2
from picamera2.allocators import DmaAllocator


class PlanesAllocator(DmaAllocator):  # type: ignore[misc]
    """Memory from the same heap, with one libcamera plane for each plane of NV12."""

    def allocate(self, libcamera_config: Any, use_case: object) -> None:
        self._forget_buffers()
        for stream_config in libcamera_config:
            buffers = [self._new_buffer(stream_config) for _ in range(stream_config.buffer_count)]
            self.frame_buffers[stream_config.stream] = buffers

    def _forget_buffers(self) -> None:
        self.libcamera_fds = []
        self.cleanup()
        for fd in self.open_fds:
            os.close(fd)
        self.frame_buffers, self.open_fds = {}, []

    def _new_buffer(self, stream_config: Any) -> Any:
        size_bytes = stream_config.frame_size
        fd = self.dmaHeap.alloc("virtual", size_bytes).get()
        luma_bytes = stream_config.stride * stream_config.size.height
        planes = [_plane(fd, 0, luma_bytes), _plane(fd, luma_bytes, size_bytes - luma_bytes)]
        buffer = libcamera.FrameBuffer(planes)
        key = planes[0].fd  # libcamera's own copy of the file number
        self.open_fds.append(fd)
        self.libcamera_fds.append(key)
        self.mapped_buffers_used[key] = False
        self.mapped_buffers[buffer] = mmap.mmap(fd, size_bytes)
        return buffer


def _plane(fd: int, offset: int, length: int) -> Any:
    plane = libcamera.FrameBuffer.Plane()
    plane.fd, plane.offset, plane.length = fd, offset, length
    return plane


def _video_modes(camera: Any) -> list[dict[str, Any]]:
    """Stands for the raw modes of a sensor."""
    offered = camera.camera.generate_configuration([libcamera.StreamRole.VideoRecording]).at(0).formats
    return [
        {"format": str(format), "size": (size.width, size.height)}
        for format in offered.pixel_formats
        for size in offered.sizes(format)
    ]


def _honest_configuration(camera: Any) -> dict[str, Any]:
    """libcamera 0.4.0's virtual pipeline accepts every orientation and turns nothing; a pipeline that cannot turn should say so."""
    return {**camera.camera_config, "transform": libcamera.Transform()}


picamera2.picamera2.DmaAllocator = PlanesAllocator
picamera2.Picamera2._get_raw_modes = _video_modes
picamera2.Picamera2.camera_configuration = _honest_configuration
