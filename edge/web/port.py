"""What the page needs of the rest of the appliance."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.actions.performer import Answered
from edge.actions.port import Action, Request
from edge.camera.port import Frame
from edge.clock import Clock
from edge.config import Config
from edge.device.state import DeviceState
from edge.events.port import Scene
from edge.follower import Stats
from edge.health import Condition, State
from edge.web.pairing import Pairing
from edge.work.observe import WorkInfo


@dataclass(frozen=True, slots=True)
class Rooms:
    """Narrow views of the rooms.

    `config` is what runs, `config_file` the file that it came from, None: from none. `labels`: all that the detector knows. `check` looks
    at a configuration as the start of the program would, and raises ConfigError; it may take a moment. `owing_s`: for how long frames have
    come without a result. `report` says how the page itself is, and why.

    Thread: every callable but `check` may be called from the asyncio thread and must not block.
    """

    device: str
    version: str
    detector: str
    data_dir: Path
    config: Config
    clock: Clock
    cameras: Sequence[str]
    labels: Sequence[str]
    newest: Callable[[str], Frame | None]
    scene: Callable[[str], Scene | None]
    conditions: Callable[[], list[Condition]]
    armed: Callable[[str], bool]
    works: Callable[[], Awaitable[list[WorkInfo]]]
    device_state: Callable[[], DeviceState]
    stats: Stats
    actions: Mapping[str, Action]
    ask: Callable[[Request, Answered], None]
    config_file: Path | None = None
    check: Callable[[Config], None] = lambda _: None
    owing_s: Callable[[], float] = lambda: 0.0
    report: Callable[[State, str], None] = lambda state, cause: None
    pairing: Pairing | None = None
