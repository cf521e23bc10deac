"""Boxes and points in normalised coordinates."""

from typing import NamedTuple

Size = tuple[int, int]
"""Width and height, in pixels."""


class Box(NamedTuple):
    """A rectangle in 0..1 of the picture: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def moved(self, dx: float, dy: float) -> "Box":
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def clipped(self) -> "Box":
        return Box(*(min(1.0, max(0.0, value)) for value in self))

    def shared(self, other: "Box") -> "Box":
        """What both cover; a box without area when that is nothing."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Box(left, top, max(left, min(self.right, other.right)), max(top, min(self.bottom, other.bottom)))

    def to_pixels(self, size: Size) -> tuple[int, int, int, int]:
        width, height = size
        return (
            round(self.left * width),
            round(self.top * height),
            round(self.right * width),
            round(self.bottom * height),
        )


class KeyPoint(NamedTuple):
    """A named place of a body: x and y normalised to the frame, score 0..1."""

    name: str
    x: float
    y: float
    score: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.area + b.area - shared)
