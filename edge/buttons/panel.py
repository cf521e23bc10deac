"""Buttons and light of one device: a thread of its own that turns gestures into requests and shows what became of them."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from edge.actions.asking import Ask
from edge.actions.port import BUTTON, Answer, Request
from edge.buttons.confirmation import Confirmation
from edge.buttons.gestures import TIMING, Gesture, GestureMachine, Step, Timing
from edge.buttons.light import PATTERNS, Facts, Player, Says, Shown, Signal, Sounder, says
from edge.buttons.mailbox import Change, Mailbox
from edge.buttons.port import InputPin
from edge.health import Health

log = logging.getLogger(__name__)

RESTART = Ask("restart", b"")
"""What any press asks for while the device is safe to remove: to go on."""

Show = Callable[[Shown], None]
Sound = Callable[[bool], None]


@dataclass(slots=True)
class Button:
    """A button and what its gestures mean. One of them that must be confirmed is confirmed by a press, whatever a press else means.

    Thread: the panel's.
    """

    name: str
    pin: InputPin
    bindings: Mapping[Gesture, Ask]
    timing: Timing = TIMING
    machine: GestureMachine = field(init=False)
    stuck: bool = False

    def __post_init__(self) -> None:
        known: set[Gesture] = set(self.bindings)
        if not known or any(ask.confirm for ask in self.bindings.values()):
            known.add("press")
        self.machine = GestureMachine(frozenset(known), self.timing)


class Panel:
    """Args:
        device: its id, which says that what was confirmed was meant.
        ask: hands a request to the performer; never waits.
        facts: what the light says now; called often, must be cheap.
        show: sets the light, None: there is none.
        sound: switches the buzzer, None: there is none.
        pressed: told of any gesture while a page asks for one (`Facts.pairing`); False: it does not any more.
        failed: called with whatever unforeseen thing the thread died of.

    Thread: `start` and `stop` the owner.
    """

    LOOK_S = 0.25
    """How soon the light follows the device."""

    def __init__(
        self,
        buttons: Sequence[Button],
        device: str,
        ask: Callable[[Request, Callable[[Answer], None]], None],
        facts: Callable[[], Facts],
        show: Show | None,
        health: Health,
        failed: Callable[[BaseException], None],
        sound: Sound | None = None,
        pressed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._buttons = buttons
        self._confirmed = msgspec.json.encode({"confirm": device})
        self._ask = ask
        self._facts = facts
        self._show = show
        self._health = health
        self._failed = failed
        self._mail: Mailbox[Signal | Literal["stop"]] = Mailbox([button.pin for button in buttons])
        self._confirmation = Confirmation()
        self._player = Player()
        self._says: Says | None = None
        self._shown: Shown | None = None
        self._sound = sound
        self._pressed = pressed
        self._sounder = Sounder()
        self._sounding = (False, float("inf"))
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)
        self.gestures = 0
        """Gestures that asked for something."""

    @property
    def forgotten(self) -> int:
        """Changes of pins that came faster than they could be looked at."""
        return self._mail.forgotten

    def start(self) -> None:
        for button in self._buttons:
            self._health.report("button", button.name, "running")
        self._mail.watch()
        self._thread.start()

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
        if isinstance(item, Change):
            self._changed(item)
        elif item is not None:
            self._signal(item)
        else:
            self._time_passed(time.monotonic())
        self._light(time.monotonic())
        return True

    def _wait_s(self, now_s: float) -> float:
        times = [due_s for button in self._buttons if (due_s := button.machine.next_s()) is not None]
        if self._show is not None:
            times.append(min(now_s + self.LOOK_S, self._shown.until_s if self._shown else now_s))
        if (due_s := self._confirmation.due_s) is not None:
            times.append(due_s)
        times.append(min(self._sounding[1], now_s + 3600.0))
        return max(0.0, min(times) - now_s)

    def _time_passed(self, now_s: float) -> None:
        for index, button in enumerate(self._buttons):
            self._take(index, button.machine.tick(now_s), now_s)
        if self._confirmation.lapses(now_s):
            log.info("button confirmed=False: nobody pressed")
            self._signal("refused")

    def _changed(self, change: Change) -> None:
        button = self._buttons[change.pin]
        self._take(change.pin, button.machine.level(change.active, change.at_s), change.at_s)
        if button.stuck and not change.active:
            button.stuck = False
            self._health.report("button", button.name, "running")

    def _take(self, index: int, step: Step, at_s: float) -> None:
        button = self._buttons[index]
        for stage in step.stages:
            self._signal(stage)
        for gesture in step.gestures:
            self._mean(index, gesture, at_s)
        if step.stuck:
            button.stuck = True
            self._health.report("button", button.name, "failed", f"held for {button.timing.stuck_s:.0f} s: stuck")

    def _mean(self, index: int, gesture: Gesture, at_s: float) -> None:
        button = self._buttons[index]
        if self._confirmation.due_s is not None:
            asked = self._confirmation.answer(index, gesture, at_s)
            log.info("button button=%s confirmed=%s", button.name, asked is not None)
            if asked is None:
                self._signal("refused")
            else:
                self._request(button, gesture, Ask(asked.action, self._confirmed))
        elif self._facts().pairing:
            log.info("button button=%s gesture=%s for the page", button.name, gesture)
            self._signal("acknowledged" if self._pressed() else "refused")
        elif self._facts().safe:
            self._request(button, gesture, RESTART)
        elif (asked := button.bindings.get(gesture)) is not None and asked.confirm:
            log.info("button button=%s gesture=%s asks action=%s", button.name, gesture, asked.action)
            self._confirmation.open(index, asked, at_s)
            self._signal("asked")
        elif asked is not None:
            self._request(button, gesture, asked)

    def _request(self, button: Button, gesture: Gesture, asked: Ask) -> None:
        self.gestures += 1
        log.info("button button=%s gesture=%s action=%s", button.name, gesture, asked.action)
        request = Request(
            id=str(uuid.uuid4()), action=asked.action, arguments=asked.arguments, origin=BUTTON, granted="admin"
        )
        self._ask(request, self._answered)

    def _answered(self, answer: Answer) -> None:
        if not answer.ok:
            log.warning("button refused action=%s error=%s", answer.action, answer.error)
        self._mail.post("acknowledged" if answer.ok else "refused")

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
        self._say(now_s)
        shown = self._player.show(now_s)
        if self._shown is None or (shown.level, shown.colour) != (self._shown.level, self._shown.colour):
            self._show(shown)
        self._shown = shown

    def _say(self, now_s: float) -> None:
        """Also to those who do not see the light."""
        said: Says = "asking" if self._confirmation.due_s is not None else says(self._facts())
        self._player.say(said, now_s)
        if said != self._says:
            self._says = said
            self._health.report("light", "status", said, PATTERNS[said].meaning)
