"""Starts and stops the rooms, and ends the program when one of them dies."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from edge.actions.performer import Performer
from edge.buttons.build import Board
from edge.buttons.inputs import Inputs
from edge.buttons.outputs import Outputs
from edge.buttons.panel import Panel
from edge.clips.room import ClipRoom
from edge.control import ControlServer
from edge.errors import CameraBlockedError, DetectorError, EdgeError, RefusedError, StoreError
from edge.events.housekeeping import Housekeeper
from edge.events.keeper import Keeper
from edge.health import Condition, Health
from edge.mqtt.bound import Unsent
from edge.mqtt.sender import Sender
from edge.mqtt.tree import Tree
from edge.pipeline import Pipeline
from edge.recognition.port import Detector
from edge.rules.room import RuleRoom
from edge.store.database import checkpoint
from edge.store.outbox import Outbox
from edge.store.stills import StillLedger
from edge.watchdog import Watchdog

log = logging.getLogger(__name__)

TICK_S = 0.2
PROGRAM = "edge"
WHILE_SAFE = ("status", "vital-signs", "restart", "reboot", "shutdown")
"""What can be asked for while the device is safe to remove."""
DRAIN_S = 30.0
"""How long a run that ended by itself waits for the broker to have everything; one that was stopped waits `STOP_DRAIN_S`."""
STOP_DRAIN_S = 3.0
RESULT_LIMIT_S = 60.0
"""Frames that come for so long without one result: recognition hangs, and only a new process mends that."""


Background = Callable[[], Coroutine[None, None, None]]
"""What lives in the loop beside the rooms, until it is cancelled."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. `waiting` messages are in the outbox still; `problems` say in words what went wrong."""

    frames: int
    frames_per_s: float
    dropped: int
    quiet: int
    events: int
    pictures: int
    messages_sent: int
    waiting: int
    problems: list[str]
    restart: bool = False
    """It ended because somebody asked for a restart."""


class Page(Protocol):
    """The local page. Thread: the one that runs asyncio."""

    port: int

    async def start(self) -> None:
        """What cannot be served yet does not hold up the rest."""
        ...

    async def stop(self) -> None: ...


class Appliance:
    """All rooms, wired; `run` is their life.

    Thread: the one that runs asyncio.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        device: str,
        detector: Detector,
        keeper: Keeper,
        housekeeper: Housekeeper,
        outbox: Sender | Unsent,
        pipeline: Pipeline,
        ledger: StillLedger,
        fatal: "Fatal",
        health: Health,
        watchdog: Watchdog,
        performer: Performer,
        clips: ClipRoom,
        panel: Panel | None = None,
        board: Board | None = None,
        inputs: Inputs | None = None,
        outputs: Outputs | None = None,
        rules: RuleRoom | None = None,
        page: Page | None = None,
        tree: Tree | None = None,
        background: Sequence[Background] = (),
        result_limit_s: float = RESULT_LIMIT_S,
    ) -> None:
        self.data_dir = data_dir
        self.device = device
        self.detector = detector
        self.pipeline = pipeline
        self._keeper = keeper
        self._housekeeper = housekeeper
        self._outbox = outbox
        self._sender = outbox if isinstance(outbox, Sender) else None
        self._ledger = ledger
        self._fatal = fatal
        self._health = health
        self._watchdog = watchdog
        self._performer = performer
        self._panel = panel
        self.board = board
        self._inputs = inputs
        self._outputs = outputs
        self._rules = rules
        self.page = page
        self._tree = tree
        self._background = background
        self._clips = clips
        self._restart = threading.Event()
        self._rest = threading.Event()
        self._watching = True
        self._result_limit_s = result_limit_s

    async def run(self, stop: asyncio.Event) -> Report:
        """Start everything; stop when `stop` is set, when every finite camera has ended, or when a room has died.

        Raises:
            EdgeError: a room died, or the store cannot be used.
        """
        self._start()
        control = ControlServer(self.data_dir, self._performer)
        await control.start()
        if self.page is not None:
            await self.page.start()
        tasks = [asyncio.create_task(self._keep(work)) for work in self._background]
        self._watchdog.ready()
        log.info("started device=%s detector=%r data=%s", self.device, self.detector.name, self.data_dir)
        while not self._ends(stop) and self.pipeline.running and not self._rest.is_set():
            self._watch_over()
            await asyncio.sleep(TICK_S)
        if self._rest.is_set() and not self._ends(stop):
            await self._be_safe(tasks, stop)
        self._watchdog.stopping()
        await control.stop()
        if self.page is not None:
            await self.page.stop()
        await _cancelled(tasks)
        ended_by_itself = not self._ends(stop)
        if self._fatal.error is None or isinstance(self._fatal.error, CameraBlockedError):  # all other rooms are well
            await asyncio.to_thread(self._stop, DRAIN_S if ended_by_itself else STOP_DRAIN_S)
        # Threads that are still busy are daemons: they die with the program.
        self._fatal.reraise()
        log.info("stopped device=%s", self.device)
        return self._report()

    def _start(self) -> None:
        """The threads; against the direction of the flow."""
        self._health.report("program", PROGRAM, "running")
        self._housekeeper.start()
        self._keeper.start()
        self._outbox.start()
        if self._tree is not None:
            self._tree.start()
        self._clips.start()
        if self._outputs is not None:
            self._outputs.start()
        if self._rules is not None:
            self._rules.start()
        self.pipeline.start()
        self._performer.start()
        for asking in (self._panel, self._inputs):
            if asking is not None:
                asking.start()

    async def _keep(self, work: Background) -> None:
        """Run what lives in the loop, as a room: its death is the program's."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the owner must know that it does nothing any more
            self._fatal(error)

    def restart(self) -> None:
        """End in order, to be started again. Thread: any; does not wait."""
        self._restart.set()

    def rest(self) -> None:
        """Write what there is, then write no more until somebody ends the program. Thread: any; does not wait."""
        self._rest.set()

    def _ordered(self, stop: asyncio.Event) -> bool:
        return stop.is_set() or self._restart.is_set()

    def _ends(self, stop: asyncio.Event) -> bool:
        return self._ordered(stop) or self._fatal.error is not None

    async def _be_safe(self, tasks: Sequence[asyncio.Task[None]], stop: asyncio.Event) -> None:
        """Nothing is watched from now on; buttons, light, MQTT, page and socket stay, to say so and to have the program start again."""
        self._performer.only(
            WHILE_SAFE, RefusedError("the device is at rest", hint="`edge ask restart`, or press a button")
        )
        self._health.report("program", PROGRAM, "flushing")
        await _cancelled(tasks)
        flushing = asyncio.create_task(asyncio.to_thread(self._flush))
        while not flushing.done():
            self._watchdog.alive()
            await asyncio.wait([flushing], timeout=TICK_S)
        flushing.result()
        self._health.report("program", PROGRAM, "safe")
        log.info("safe to remove device=%s", self.device)
        while not self._ends(stop):
            self._watchdog.alive()
            self._watchdog.status("safe to remove: the power may be cut")
            await asyncio.sleep(TICK_S)

    def _flush(self) -> None:
        """Everything that writes ends, and what was written is on the card."""
        if self._inputs is not None:
            self._inputs.stop()
        self._stop_watching()
        if self._outputs is not None:
            self._outputs.stop()
        if self._tree is not None:
            self._tree.stop()
        if self._sender is not None:
            self._sender.wait_drained(STOP_DRAIN_S)
            self._sender.rest(STOP_DRAIN_S)
        try:
            checkpoint(self.data_dir)
        except StoreError as error:  # a full card: what stays in the log is as safe
            log.warning("the write-ahead log stays beside the database error=%s", error)
        os.sync()

    def _watch_over(self) -> None:
        owing_s = self.pipeline.owing_s
        if owing_s <= self._result_limit_s:
            self._watchdog.alive()
        else:
            self._fatal(
                DetectorError(
                    f"recognition: frames came for {owing_s:.0f} s without a result",
                    hint="the program ends, to be started again",
                )
            )
        self._watchdog.status(summary(self._health.conditions()))

    def _stop(self, drain_s: float) -> None:
        """In the direction of the flow, so that each room hands on what it has."""
        for asking in (self._panel, self._inputs):
            if asking is not None:
                asking.stop()
        self._performer.stop()
        self._stop_watching()
        if self._tree is not None:
            self._tree.stop()
        if self._sender is not None:
            self._sender.wait_drained(drain_s)
            self._sender.stop()
        self.detector.close()
        if self._outputs is not None:
            self._outputs.stop()
        if self.board is not None:
            self.board.close()

    def _stop_watching(self) -> None:
        """What sees and what keeps; once."""
        if not self._watching:
            return
        self._watching = False
        self.pipeline.stop()
        self._clips.stop()
        if self._rules is not None:  # it hands messages to the keeper
            self._rules.stop()
        self._housekeeper.stop()
        self._keeper.stop()

    def _report(self) -> Report:
        outbox = Outbox(self.data_dir)
        waiting = outbox.count()
        outbox.close()
        stats = self.pipeline.stats
        problems = [
            _plural(stats.camera_errors, "camera failure"),
            _plural(self._ledger.unreadable, "unreadable picture"),
            _plural(stats.detector_errors, "failed inference"),
            _plural(self._keeper.lost, "lost record"),
            _plural(waiting, "unsent message") if self._sender is not None else "",
        ]
        return Report(
            frames=stats.frames,
            frames_per_s=round(stats.fps, 1),
            dropped=stats.dropped,
            quiet=stats.quiet,
            events=self._keeper.events,
            pictures=self._keeper.pictures,
            messages_sent=self._sender.sent if self._sender is not None else 0,
            waiting=waiting,
            problems=[problem for problem in problems if problem],
            restart=self._restart.is_set(),
        )


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def summary(conditions: list[Condition]) -> str:
    """One line: how many cameras run, and what does not."""
    running = sum(each.part == "camera" and each.state == "running" for each in conditions)
    troubles = [f"{each.part} {each.name} {each.state}" for each in conditions if each.is_trouble]
    return "; ".join([_plural(running, "camera") + " running" if running else "no camera running", *troubles])


class Fatal:
    """Where a dying thread leaves its error. Thread: any."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __call__(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error

    def reraise(self) -> None:
        if isinstance(self.error, EdgeError):
            raise self.error
        if self.error is not None:
            raise RuntimeError("a room died") from self.error


@contextmanager
def stopped_by_signal() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _plural(count: int, what: str) -> str:
    return "" if not count else f"1 {what}" if count == 1 else f"{count} {what}s"
