"""Buttons and light of one device: a thread of its own that turns gestures into requests and shows what became of them."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import NamedTuple

from edge.actions.asking import Ask
from edge.actions.port import Answer, Request
from edge.buttons.gestures import TIMING, Gesture, GestureMachine, Step, Timing
from edge.buttons.light import Facts, Player, Shown, Signal, Sounder, says
from edge.buttons.port import InputPin
from edge.health import Health

log = logging.getLogger(__name__)

CHANGES = 256
"""Changes of pins that wait. Beyond it they are forgotten, and the level is read anew: what a finger does is far below."""

Show = Callable[[Shown], None]
Sound = Callable[[bool], None]


@dataclass(slots=True)
class Button:
    """A button and what its gestures mean.

    Thread: the panel's.
    """

    name: str
    pin: InputPin
    bindings: Mapping[Gesture, Ask]
    timing: Timing = TIMING
    machine: GestureMachine = field(init=False)
    stuck: bool = False

    def __post_init__(self) -> None:
        self.machine = GestureMachine(frozenset(self.bindings), self.timing)


class _Change(NamedTuple):
    button: int
    active: bool
    at_s: float


class Panel:
    """Args:
        ask: hands a request to the performer; never waits.
        facts: what the light says now; called often, must be cheap.
        show: sets the light, None: there is none.
        sound: switches the buzzer, None: there is none.
        failed: called with whatever unforeseen thing the thread died of.

    Thread: `start` and `stop` the owner.
    """

    LOOK_S = 0.25
    """How soon the light follows the device."""

    def __init__(
        self,
        buttons: Sequence[Button],
        ask: Callable[[Request, Callable[[Answer], None]], None],
        facts: Callable[[], Facts],
        show: Show | None,
        health: Health,
        failed: Callable[[BaseException], None],
        sound: Sound | None = None,
    ) -> None:
        self._buttons = buttons
        self._ask = ask
        self._facts = facts
        self._show = show
        self._health = health
        self._failed = failed
        self._mail: SimpleQueue[_Change | Signal | None] = SimpleQueue()
        self._overrun = False
        self._player = Player()
        self._shown: Shown | None = None
        self._sound = sound
        self._sounder = Sounder()
        self._sounding = (False, float("inf"))
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)
        self.gestures = 0
        """Gestures that asked for something."""
        self.forgotten = 0
        """Changes of pins that came faster than they could be looked at."""

    def start(self) -> None:
        for index, button in enumerate(self._buttons):
            self._health.report("button", button.name, "running")
            button.pin.watch(self._noting(index))
            if button.pin.active:
                self._mail.put(_Change(index, True, time.monotonic()))
        self._thread.start()

    def stop(self) -> None:
        self._mail.put(None)
        self._thread.join()

    def _noting(self, index: int) -> Callable[[bool, float], None]:
        def changed(active: bool, at_s: float) -> None:
            if self._mail.qsize() < CHANGES:
                self._mail.put(_Change(index, active, at_s))
            else:
                self.forgotten += 1
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
        if isinstance(item, _Change):
            self._changed(item)
        else:
            self._signal(item)
        self._light(time.monotonic())
        return True

    def _wait_s(self, now_s: float) -> float:
        times = [due_s for button in self._buttons if (due_s := button.machine.next_s()) is not None]
        if self._show is not None:
            times.append(min(now_s + self.LOOK_S, self._shown.until_s if self._shown else now_s))
        times.append(min(self._sounding[1], now_s + 3600.0))
        return max(0.0, min(times) - now_s)

    def _time_passed(self, now_s: float) -> None:
        if self._overrun:
            self._overrun = False
            for index, button in enumerate(self._buttons):
                self._changed(_Change(index, button.pin.active, now_s))
        for button in self._buttons:
            self._take(button, button.machine.tick(now_s))
        self._light(now_s)

    def _changed(self, change: _Change) -> None:
        button = self._buttons[change.button]
        self._take(button, button.machine.level(change.active, change.at_s))
        if button.stuck and not change.active:
            button.stuck = False
            self._health.report("button", button.name, "running")

    def _take(self, button: Button, step: Step) -> None:
        for stage in step.stages:
            self._signal(stage)
        for gesture in step.gestures:
            self._request(button, gesture)
        if step.stuck:
            button.stuck = True
            self._health.report("button", button.name, "failed", f"held for {button.timing.stuck_s:.0f} s: stuck")

    def _request(self, button: Button, gesture: Gesture) -> None:
        asked = button.bindings[gesture]
        self.gestures += 1
        log.info("button button=%s gesture=%s action=%s", button.name, gesture, asked.action)
        request = Request(
            id=str(uuid.uuid4()), action=asked.action, arguments=asked.arguments, origin="button", granted="admin"
        )
        self._ask(request, self._answered)

    def _answered(self, answer: Answer) -> None:
        if not answer.ok:
            log.warning("button refused action=%s error=%s", answer.action, answer.error)
        self._mail.put("acknowledged" if answer.ok else "refused")

    def _signal(self, signal: Signal) -> None:
        now_s = time.monotonic()
        self._player.signal(signal, now_s)
        self._sounder.signal(signal, now_s)

    def _buzz(self, now_s: float) -> None:
        if self._sound is None:
            return
        before, self._sounding = self._sounding[0], self._sounder.sounds(now_s)
        if self._sounding[0] != before:
            self._sound(self._sounding[0])

    def _light(self, now_s: float) -> None:
        self._buzz(now_s)
        if self._show is None:
            return
        self._player.say(says(self._facts()), now_s)
        shown = self._player.show(now_s)
        if self._shown is None or (shown.level, shown.colour) != (self._shown.level, self._shown.colour):
            self._show(shown)
        self._shown = shown
