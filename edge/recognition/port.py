"""The port of every detector, and what it finds."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from edge.camera.port import Frame
from edge.geometry import Box, KeyPoint


class Detection(NamedTuple):
    """One frame's finding: a label, a score in 0..1, and where, normalised to the frame."""

    label: str
    score: float
    box: Box


class Insight(NamedTuple):
    """What a second look at one thing found: a finer label with its score, key points in the frame, either or neither."""

    sub_label: str = ""
    sub_score: float = 0.0
    keypoints: tuple[KeyPoint, ...] = ()


NOTHING = Insight()


class Prepared(NamedTuple):
    """A frame made ready for its detector. `work` is the detector's own."""

    frame: Frame
    work: Any


class Computed(NamedTuple):
    """What an inference left, not yet read. `work` is the detector's own."""

    frame: Frame
    work: Any


class Detector(Protocol):
    """Finds things in frames, in two steps, so that the next frame can be made ready while one is looked at.

    A classifier is a detector too: it finds its best label in the whole frame.
    """

    @property
    def name(self) -> str:
        """Model and backend, for people."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that it may give."""
        ...

    def prepare(self, frame: Frame) -> Prepared:
        """Scale and convert a frame of any size. The result is good for one inference.

        Thread: one caller at a time, any thread; may run beside `infer`.
        """
        ...

    def infer(self, prepared: Prepared) -> list[Detection] | None:
        """Look at a prepared frame.

        Returns:
            Best score first; only what reaches `floor_of(label)`. None: there is no result for this frame, which is not the same as
            that there is nothing in it (a network inside the sensor skips frames).

        Raises:
            DetectorError: the interpreter or delegate failed; `retryable` says whether another try may help.

        Thread: one caller at a time, any thread.
        """
        ...

    def threshold_of(self, label: str) -> float:
        """Score from which a finding of this label counts."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SplitDetector(Detector, Protocol):
    """A detector whose inference can be taken apart, so that reading one result overlaps with computing the next."""

    def compute(self, prepared: Prepared) -> Computed:
        """The first half of `infer`: run the network and copy what it left. Thread and errors as there."""
        ...

    def read(self, computed: Computed) -> list[Detection]:
        """The second half: what the copied outputs say.

        Thread: one caller at a time, any thread; may run beside `compute`.
        """
        ...


def detect(detector: Detector, frame: Frame) -> list[Detection]:
    """Both steps, one after the other; only what counts."""
    return [
        found
        for found in detector.infer(detector.prepare(frame)) or ()
        if found.score >= detector.threshold_of(found.label)
    ]
