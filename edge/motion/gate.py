"""The gate between a camera and recognition: it lets through what is worth a look."""

from collections.abc import Callable, Sequence

from edge.camera.port import Frame
from edge.config import Motion as Settings
from edge.geometry import WHOLE, Box
from edge.motion.regions import region_for
from edge.motion.scene import SETTLE_S, Motion, Scene
from edge.polygons import Polygon

HOLD_S = 1.0
"""Where something moved is looked at for so long after: it may be recognised only when it stands."""
AGAIN_AFTER_S = 0.2
"""Where nothing moves, a thing that wants another look has one so often: each shows nearly the same."""
JITTER_S = 0.02
"""Frames come a little early and a little late."""
STILL_AFTER_S = 3.0
"""Motion is over when nothing moved for so long."""


class Gate:
    """Decides for each frame of one camera whether to look, and where.

    A frame is looked at where something moves or moved a moment ago, and where a thing that is followed wants another look. All of it
    is looked at when the camera begins, when a light was switched, and `look_anyway_s` after the last whole look, until it has happened.

    Args:
        ignored: polygons in which motion is none.
        on_motion: told when motion begins and when it is over.
        awake: while it says no, nothing new is looked for; what is followed is looked at to its end.

    Thread: the camera's; `looked` any other.
    """

    def __init__(
        self,
        settings: Settings,
        ignored: Sequence[Polygon] = (),
        on_motion: Callable[[bool], None] = lambda moves: None,
        awake: Callable[[], bool] = lambda: True,
    ) -> None:
        self._settings = settings
        self._scene = Scene(settings.threshold, settings.min_area, ignored)
        self._on_motion = on_motion
        self._ask_awake = awake
        self._awake = True
        self.motion = False
        """Something moves, or did so a moment ago."""
        self.quiet = 0
        """Frames that were not worth a look."""
        self._region: Box | None = None
        self._attention: tuple[Box, ...] = ()
        self._whole_s: float | None = None
        self.reset()

    def reset(self) -> None:
        """The camera was closed: nothing is known of what it will show."""
        self._scene.reset()
        self._region = None
        self._attention = ()
        self._whole_s = None
        self._begun_s: float | None = None
        self._due_s: float | None = None
        self._moved_s: float | None = None
        self._moved: tuple[Box, ...] = ()
        self._let_through_s: float | None = None
        self._set_motion(False)

    def decide(self, frame: Frame) -> Box | None:
        """Where to look in this frame; None: nowhere."""
        self.see(frame)
        return self.where(frame)

    def see(self, frame: Frame) -> bool:
        """The first half of `decide`: what moved. True: all of the frame will be looked at, whatever looks under way may find."""
        if frame.still is not None:
            return True
        at_s = frame.taken.boot_s
        self._look_whether_awake(at_s)
        self._note(self._scene.update(frame), at_s)
        held = self._held(at_s)
        return bool(held) and (not self._settings.regions or region_for(held, frame.size) == WHOLE)

    def where(self, frame: Frame) -> Box | None:
        """The second half: where to look, from what moved and what the looks before this one found."""
        if frame.still is not None:
            return WHOLE
        region = self._where(frame, frame.taken.boot_s)
        if region is None:
            self.quiet += 1
        else:
            self._let_through_s = frame.taken.boot_s
        return region

    def looked(self, at_s: float, region: Box, attention: Sequence[Box]) -> None:
        """A look has a result.

        Args:
            at_s: when its frame was taken.
            attention: where another look is wanted even if nothing moves.
        """
        if region == WHOLE:
            self._whole_s = at_s
        self._attention = tuple(attention)

    def _look_whether_awake(self, at_s: float) -> None:
        awake, self._awake = self._awake, self._ask_awake()
        if self._awake and not awake:
            self._due_s = at_s  # who woke it may stand still by now

    def _note(self, seen: Motion, at_s: float) -> None:
        if self._begun_s is None:
            self._begun_s = at_s
        if seen.switched:
            self._due_s = at_s
        if seen.boxes:
            self._moved_s, self._moved = at_s, seen.boxes
        self._set_motion(self._moved_s is not None and at_s - self._moved_s <= STILL_AFTER_S)

    def _set_motion(self, moves: bool) -> None:
        if moves != self.motion:
            self.motion = moves
            self._on_motion(moves)

    def _held(self, at_s: float) -> tuple[Box, ...]:
        """Where something moves, or moved a moment ago."""
        moves = self._moved_s is not None and at_s - self._moved_s <= HOLD_S
        return self._moved if moves and self._awake else ()

    def _where(self, frame: Frame, at_s: float) -> Box | None:
        held = self._held(at_s)
        wanted = held + self._attention
        if wanted and (held or self._is_time_again(at_s)):
            self._region = region_for(wanted, frame.size, self._region) if self._settings.regions else WHOLE
            return WHOLE if self._is_whole_due(at_s) else self._region
        if not wanted:
            self._region = None
        return WHOLE if self._is_whole_due(at_s) else None

    def _is_time_again(self, at_s: float) -> bool:
        return self._let_through_s is None or at_s - self._let_through_s >= AGAIN_AFTER_S - JITTER_S

    def _is_whole_due(self, at_s: float) -> bool:
        whole_s = self._whole_s
        if not self._awake:
            return False
        if whole_s is None or (self._due_s is not None and whole_s < self._due_s):
            return True
        # Nothing is known of motion yet.
        begins = self._begun_s is not None and at_s - self._begun_s < SETTLE_S
        return begins or at_s - whole_s >= self._settings.look_anyway_s
