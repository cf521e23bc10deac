"""From the level of a pin to what a person meant. Pure: time is an argument."""

from typing import Literal, NamedTuple

Gesture = Literal["press", "double", "long", "very_long"]
GESTURES: tuple[Gesture, ...] = ("press", "double", "long", "very_long")

Stage = Literal["down", "long", "very_long"]
"""How far a button has been held, for feedback while it is."""


class Timing(NamedTuple):
    """Seconds."""

    debounce_s: float = 0.04
    """A contact must be at rest for so long before its level counts."""
    double_s: float = 0.4
    """Between the end of one press and the beginning of the next."""
    long_s: float = 2.0
    very_long_s: float = 8.0
    stuck_s: float = 60.0
    """Held for longer, it is no finger."""


TIMING = Timing()


class Step(NamedTuple):
    """What has become certain."""

    gestures: list[Gesture]
    stages: list[Stage]
    stuck: bool = False
    """It has just become clear that the button is stuck."""


class GestureMachine:
    """One button. A contact that bounces gives the same as one that does not, counted from the first change of each burst.

    A gesture is given as soon as nothing bound could still replace it: a press at once when nothing else is bound, at its end when only a
    longer one is, and after `double_s` when two presses mean something else. A hold beyond a bound that has no gesture of its own is the
    longest bound gesture that it reached.

    Args:
        bound: the gestures that mean something; others are not told apart.

    Thread: one caller at a time; times never go back.
    """

    def __init__(self, bound: frozenset[Gesture], timing: Timing = TIMING) -> None:
        self._bound = bound
        self._timing = timing
        self._level = False
        self._raw = False
        self._burst_s: float | None = None
        self._changed_s = 0.0
        self._down_s: float | None = None
        self._stage = 0
        self._given = False
        self._pending_s: float | None = None
        self._second = False

    def level(self, pressed: bool, at_s: float) -> Step:
        """The pin has this level now."""
        step = self.tick(at_s)
        if pressed != self._raw:
            self._raw = pressed
            self._changed_s = at_s
            if self._burst_s is None:
                self._burst_s = at_s
        return step

    def tick(self, at_s: float) -> Step:
        """Time has gone on: everything that became certain until now, in its order."""
        gestures: list[Gesture] = []
        stages: list[Stage] = []
        stuck = False
        while (due_s := self.next_s()) is not None and due_s <= at_s:
            if self._burst_s is not None and due_s == self._settles_s():
                self._settle(gestures, stages)
            elif self._pending_s is not None and self._down_s is None:
                self._pending_s = None
                gestures.append("press")
            else:
                stuck = self._held(gestures, stages) or stuck
        return Step(gestures, stages, stuck)

    def next_s(self) -> float | None:
        """When `tick` should be called at the latest; None: nothing becomes certain by time alone."""
        times = [self._settles_s(), self._next_hold_s()]
        if self._pending_s is not None and self._down_s is None and self._burst_s is None:
            times.append(self._pending_s)
        return min((time_s for time_s in times if time_s is not None), default=None)

    def _settles_s(self) -> float | None:
        return None if self._burst_s is None else self._changed_s + self._timing.debounce_s

    def _next_hold_s(self) -> float | None:
        if self._down_s is None or self._stage == 3 or self._burst_s is not None:
            return None
        return self._down_s + (self._timing.long_s, self._timing.very_long_s, self._timing.stuck_s)[self._stage]

    def _settle(self, gestures: list[Gesture], stages: list[Stage]) -> None:
        """The contact is at rest."""
        began_s, self._burst_s = self._burst_s, None
        if self._raw == self._level or began_s is None:
            return
        self._level = self._raw
        if self._level:
            self._begin(began_s, gestures, stages)
        else:
            self._end(began_s, gestures)

    def _begin(self, at_s: float, gestures: list[Gesture], stages: list[Stage]) -> None:
        if self._pending_s is not None and at_s > self._pending_s:
            self._pending_s = None
            gestures.append("press")
        self._down_s, self._stage, self._given = at_s, 0, False
        self._second = self._pending_s is not None
        stages.append("down")
        if self._bound <= {"press"}:
            self._give("press", gestures)

    def _end(self, at_s: float, gestures: list[Gesture]) -> None:
        held_s = at_s - (self._down_s if self._down_s is not None else at_s)
        self._down_s = None
        if self._given:
            self._pending_s = None
            return
        if held_s >= self._timing.long_s and "long" in self._bound:
            self._first_press(gestures)
            self._give("long", gestures)
        elif self._second:
            self._pending_s = None
            self._give("double", gestures)
        elif "double" in self._bound:
            self._pending_s = at_s + self._timing.double_s
        else:
            self._give("press", gestures)

    def _held(self, gestures: list[Gesture], stages: list[Stage]) -> bool:
        """The next bound of a hold is reached; True when it is the last."""
        self._stage += 1
        if self._stage == 3:
            return True
        stage: Stage = "long" if self._stage == 1 else "very_long"
        stages.append(stage)
        last = stage == "very_long" or "very_long" not in self._bound
        if stage in self._bound and last and not self._given:
            self._first_press(gestures)
            self._give(stage, gestures)
        return False

    def _first_press(self, gestures: list[Gesture]) -> None:
        """A press before a hold was a press after all."""
        if self._second and self._pending_s is not None:
            gestures.append("press")
        self._pending_s, self._second = None, False

    def _give(self, gesture: Gesture, gestures: list[Gesture]) -> None:
        self._given = True
        if gesture in self._bound:
            gestures.append(gesture)
