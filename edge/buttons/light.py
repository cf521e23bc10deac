"""The language of the light: what it says, in which order of importance, and how. Pure: time is an argument."""

from typing import Literal, NamedTuple

import msgspec

Says = Literal["asking", "pairing", "safe", "fault", "busy", "starting", "private", "missing", "armed"]
Signal = Literal["acknowledged", "refused", "down", "long", "very_long", "asked"]
"""Said once, in between."""

Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 1."""
WHITE, RED, GREEN, BLUE, AMBER = (1.0, 1.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.2, 1.0), (1.0, 0.5, 0.0)

ROUNDING_S = 1e-6

Steps = tuple[tuple[float, float], ...]
"""Level 0 to 1, and for how many seconds."""


class Pattern(NamedTuple):
    """`steps` are repeated. A light of one colour shows the levels, one of three in this colour."""

    steps: Steps
    colour: Colour
    meaning: str


PATTERNS: dict[Says, Pattern] = {
    "asking": Pattern(((1, 0.1), (0, 0.1)) * 2 + ((1, 0.1), (0, 0.6)), RED, "press once more to erase everything"),
    "pairing": Pattern(
        ((1, 0.1), (0, 0.1)) * 4 + ((0, 0.6),), BLUE, "a page asks for a new password: press a button if it is yours"
    ),
    "safe": Pattern(((1, 0.1), (0, 0.9)), WHITE, "everything is on the card: the power may be cut"),
    "fault": Pattern(((1, 0.125), (0, 0.125)), RED, "something has failed: the page, MQTT or the log say what"),
    "busy": Pattern(((1, 0.15), (0, 0.15), (1, 0.15), (0, 0.85)), BLUE, "a backup is running, or all is being written"),
    "starting": Pattern(((1, 0.5), (0, 0.5)), WHITE, "not watching yet"),
    "private": Pattern(((1, 1.0), (0, 1.0)), BLUE, "disarmed: nothing is kept"),
    "missing": Pattern(((1, 1.8), (0, 0.2)), AMBER, "watching, but a part is missing"),
    "armed": Pattern(((1, 1.0),), GREEN, "watching"),
}
"""The most important first."""

SIGNALS: dict[Signal, Steps] = {
    "acknowledged": ((0, 0.1), (1, 0.3), (0, 0.1)),
    "refused": ((0, 0.08), (1, 0.08)) * 3 + ((0, 0.08),),
    "down": ((0, 0.05),),
    "long": ((0, 0.15), (1, 0.15), (0, 0.15)),
    "very_long": ((0, 0.1), (1, 0.1)) * 4 + ((0, 0.1),),
    "asked": ((0, 0.1),),
}

SOUNDS: dict[Signal, Steps] = {
    "acknowledged": ((1, 0.1),),
    "refused": ((1, 0.08), (0, 0.08)) * 3,
    "down": (),
    "long": ((1, 0.03),),
    "very_long": ((1, 0.03), (0, 0.1)) * 2,
    "asked": ((1, 0.6),),
}
"""What a buzzer says of the same."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the light is told of the device."""

    started: bool = False
    armed: bool = True
    failed: bool = False
    missing: bool = False
    busy: bool = False
    safe: bool = False
    pairing: bool = False


def says(facts: Facts) -> Says:
    """The most important that is true, but for what the light asks: that the device does not know."""
    true: dict[Says, bool] = {
        "pairing": facts.pairing,
        "safe": facts.safe,
        "fault": facts.failed,
        "busy": facts.busy,
        "starting": not facts.started,
        "private": not facts.armed,
        "missing": facts.missing,
        "armed": True,
    }
    return next(each for each in PATTERNS if true.get(each))


class Shown(NamedTuple):
    level: float
    colour: Colour
    until_s: float
    """When it changes next; infinite: never by time alone."""


class Player:
    """Which level the light has when.

    Thread: one caller at a time.
    """

    def __init__(self) -> None:
        self._says: Says = "starting"
        self._since_s = 0.0
        self._signal: tuple[Steps, float] | None = None

    def say(self, what: Says, at_s: float) -> None:
        if what != self._says:
            self._says, self._since_s = what, at_s

    def signal(self, signal: Signal, at_s: float) -> None:
        """Show it once, now, in place of one that is being shown."""
        self._signal = (SIGNALS[signal], at_s)

    def show(self, at_s: float) -> Shown:
        pattern = PATTERNS[self._says]
        if self._signal is not None:
            steps, since_s = self._signal
            shown = _at(steps, at_s - since_s)
            if shown is not None:
                level, left_s = shown
                return Shown(level, WHITE if level else pattern.colour, at_s + left_s)
            self._signal = None
        if len(pattern.steps) == 1:
            return Shown(pattern.steps[0][0], pattern.colour, float("inf"))
        length_s = sum(seconds for _, seconds in pattern.steps)
        shown = _at(pattern.steps, (at_s - self._since_s) % length_s)
        level, left_s = shown if shown is not None else (pattern.steps[0][0], pattern.steps[0][1])
        return Shown(level, pattern.colour, at_s + left_s)


class Sounder:
    """Whether the buzzer sounds when.

    Thread: one caller at a time.
    """

    def __init__(self) -> None:
        self._signal: tuple[Steps, float] = ((), 0.0)

    def signal(self, signal: Signal, at_s: float) -> None:
        """Sound it once, now, in place of one that is being sounded; a silent one leaves that alone."""
        if SOUNDS[signal]:
            self._signal = (SOUNDS[signal], at_s)

    def sounds(self, at_s: float) -> tuple[bool, float]:
        """Now, and until when; infinite: until the next signal."""
        steps, since_s = self._signal
        found = _at(steps, at_s - since_s)
        return (False, float("inf")) if found is None else (bool(found[0]), at_s + found[1])


def _at(steps: Steps, passed_s: float) -> tuple[float, float] | None:
    """The level of the step that is on, and how long it lasts yet; None: all are over."""
    for level, seconds in steps:
        if seconds - passed_s > ROUNDING_S:
            return level, seconds - passed_s
        passed_s -= seconds
    return None
