"""Inputs: a motion sensor, a door contact. Each is a state, and asks for something when it changes."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from edge.actions.asking import Ask
from edge.actions.port import Answer, Request
from edge.buttons.port import InputPin
from edge.health import Health

log = logging.getLogger(__name__)

CHANGES = 256
"""Changes of pins that wait; beyond it they are forgotten, and the level is read anew."""


class Settling:
    """A level that counts when it has rested. Pure: time is an argument.

    Thread: one caller at a time; times never go back.
    """

    def __init__(self, settle_s: float, level: bool) -> None:
        self._settle_s = settle_s
        self.level = level
        self._raw = level
        self._changed_s = 0.0

    def see(self, raw: bool, at_s: float) -> None:
        if raw != self._raw:
            self._raw, self._changed_s = raw, at_s

    @property
    def due_s(self) -> float | None:
        """When the level changes if nothing happens; None: it does not."""
        return self._changed_s + self._settle_s if self._raw != self.level else None

    def settles(self, now_s: float) -> bool:
        """Whether the level has just changed."""
        due_s = self.due_s
        if due_s is None or due_s > now_s:
            return False
        self.level = self._raw
        return True


@dataclass(slots=True)
class Input:
    """`on`, `off`: what is asked for when it becomes active, and when it is no longer."""

    name: str
    pin: InputPin
    settle_s: float
    on: Ask | None = None
    off: Ask | None = None
    settling: Settling = field(init=False)

    def __post_init__(self) -> None:
        self.settling = Settling(self.settle_s, self.pin.active)


Change = tuple[int, bool, float]


class Inputs:
    """Args:
        ask: hands a request to the performer; never waits.
        failed: called with whatever unforeseen thing the thread died of.

    Thread: `start` and `stop` the owner.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        ask: Callable[[Request, Callable[[Answer], None]], None],
        health: Health,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._inputs = inputs
        self._ask = ask
        self._health = health
        self._failed = failed
        self._mail: SimpleQueue[Change | None] = SimpleQueue()
        self._overrun = False
        self._thread = threading.Thread(target=self._run, name="inputs", daemon=True)

    def start(self) -> None:
        for index, each in enumerate(self._inputs):
            self._tell(each)
            each.pin.watch(self._noting(index))
            self._mail.put((index, each.pin.active, time.monotonic()))
        self._thread.start()

    def stop(self) -> None:
        self._mail.put(None)
        self._thread.join()

    def _noting(self, index: int) -> Callable[[bool, float], None]:
        def changed(active: bool, at_s: float) -> None:
            if self._mail.qsize() < CHANGES:
                self._mail.put((index, active, at_s))
            else:
                self._overrun = True

        return changed

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
            self._failed(error)

    def _turn(self) -> bool:
        try:
            item = self._mail.get(timeout=self._wait_s(time.monotonic()))
        except Empty:
            self._time_passed(time.monotonic())
            return True
        if item is None:
            return False
        index, active, at_s = item
        self._inputs[index].settling.see(active, at_s)
        return True

    def _wait_s(self, now_s: float) -> float | None:
        times = [due_s for each in self._inputs if (due_s := each.settling.due_s) is not None]
        if self._overrun:
            times.append(now_s)
        return max(0.0, min(times) - now_s) if times else None

    def _time_passed(self, now_s: float) -> None:
        if self._overrun:
            self._overrun = False
            for each in self._inputs:
                each.settling.see(each.pin.active, now_s)
        for each in self._inputs:
            if each.settling.settles(now_s):
                self._settled(each)

    def _settled(self, each: Input) -> None:
        active = each.settling.level
        log.info("input input=%s active=%s", each.name, active)
        self._tell(each)
        asked = each.on if active else each.off
        if asked is not None:
            id_ = str(uuid.uuid4())
            request = Request(id=id_, action=asked.action, arguments=asked.arguments, origin="input", granted="operate")
            self._ask(request, self._answered)

    def _tell(self, each: Input) -> None:
        self._health.report("input", each.name, "on" if each.settling.level else "off")

    def _answered(self, answer: Answer) -> None:
        if not answer.ok:
            log.warning("input refused action=%s error=%s", answer.action, answer.error)
