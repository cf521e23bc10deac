"""The board's pins, and what is sensed and switched through them."""

from collections.abc import Callable
from functools import cached_property

from edge.actions.performer import Performer
from edge.actions.standard import FRESH_S
from edge.buttons.build import Board
from edge.buttons.inputs import Inputs
from edge.buttons.outputs import Outputs
from edge.camera.lit import LitCamera, OpenLight
from edge.camera.port import Camera, Frame
from edge.clock import Clock
from edge.config import Config
from edge.health import Health

STEP_PX = 16
"""One pixel of each square of so many says enough of a picture's light."""


class Touch:
    """Each part is made when it is first asked for.

    Args:
        performer: is asked when there are inputs to make.
        newest: a camera's newest frame.
    """

    def __init__(
        self,
        config: Config,
        health: Health,
        clock: Clock,
        failed: Callable[[BaseException], None],
        performer: Callable[[], Performer],
        newest: Callable[[str], Frame | None],
    ) -> None:
        self._config = config
        self._health = health
        self._clock = clock
        self._failed = failed
        self._performer = performer
        self._newest = newest

    @cached_property
    def board(self) -> Board:
        return Board(self._config, self._health)

    @cached_property
    def inputs(self) -> Inputs | None:
        return self.board.inputs(self._performer(), self._failed)

    @cached_property
    def outputs(self) -> Outputs:
        return self.board.outputs(self._failed, self._luminance)

    @cached_property
    def _open_light(self) -> OpenLight | None:
        switch = self.board.privacy_light()
        return OpenLight(switch) if switch is not None else None

    def lit(self, camera: Camera) -> Camera:
        """The camera, with the light that tells that it is open."""
        return LitCamera(camera, self._open_light) if self._open_light is not None else camera

    def awake(self, name: str, within_s: float) -> bool:
        """Whether an input is active, or was within these seconds; also when nobody can tell. Thread: any, once all is made."""
        return self.inputs is None or self.inputs.was_active(name, within_s)

    def _luminance(self, camera: str) -> float | None:
        return luminance_of(self._newest(camera), self._clock)


def luminance_of(frame: Frame | None, clock: Clock) -> float | None:
    """How bright a picture is, 0 black to 1 white; None: there is none, or it is old."""
    if frame is None or clock.now().boot_s - frame.taken.boot_s > FRESH_S:
        return None
    return float(frame.pixels[::STEP_PX, ::STEP_PX].mean()) / 255
