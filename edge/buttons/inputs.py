"""Inputs: a motion sensor, a door contact. Each is a state, and asks for something when it changes."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge.actions.asking import Ask
from edge.actions.port import Answer, Request
from edge.buttons.mailbox import Mailbox
from edge.buttons.port import InputPin
from edge.health import Health

log = logging.getLogger(__name__)


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
    ended_s: float | None = None
    """When it ceased to be active, monotonic; None: it was not."""
    settling: Settling = field(init=False)

    def __post_init__(self) -> None:
        self.settling = Settling(self.settle_s, self.pin.active)


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
        self._named = {each.name: each for each in inputs}
        self._ask = ask
        self._health = health
        self._failed = failed
        self._mail: Mailbox[Literal["stop"]] = Mailbox([each.pin for each in inputs])
        self._thread = threading.Thread(target=self._run, name="inputs", daemon=True)

    def start(self) -> None:
        for each in self._inputs:
            self._tell(each)
        self._mail.watch()
        self._thread.start()

    def was_active(self, name: str, within_s: float) -> bool:
        """Whether it is, or was within these seconds; one that is not there might be. Thread: any."""
        each = self._named.get(name)
        if each is None or each.settling.level:
            return True
        return each.ended_s is not None and time.monotonic() - each.ended_s <= within_s

    def stop(self) -> None:
        self._mail.post("stop")
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
            self._failed(error)

    def _turn(self) -> bool:
        item = self._mail.take(self._wait_s(time.monotonic()))
        if item == "stop":
            return False
        self._settle(item.at_s if item is not None else time.monotonic())
        if item is not None:
            self._inputs[item.pin].settling.see(item.active, item.at_s)
        return True

    def _wait_s(self, now_s: float) -> float | None:
        times = [due_s for each in self._inputs if (due_s := each.settling.due_s) is not None]
        return max(0.0, min(times) - now_s) if times else None

    def _settle(self, now_s: float) -> None:
        for each in self._inputs:
            if each.settling.settles(now_s):
                self._settled(each)

    def _settled(self, each: Input) -> None:
        active = each.settling.level
        if not active:
            each.ended_s = time.monotonic()
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
