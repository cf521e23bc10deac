"""Is the device well: do frames come, do results, do events reach the broker or the outbox, does the card take what is written?

The running program is asked over its socket; one that does not answer is not well. An update's one try is committed by this and by nothing
else.
"""

import logging
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge import control
from edge.appliance.vital import ACTION, Sign, Vital
from edge.errors import EdgeError
from edge.files import write_durably

log = logging.getLogger(__name__)

NOTE = "health.json"
LOOK_S = 2.0
OWING_S = 30.0
"""A frame that waits longer for its result has none."""


class Check(msgspec.Struct, frozen=True):
    """`found`: what was seen, or why it is not well."""

    what: str
    well: bool
    found: str


class Verdict(msgspec.Struct, frozen=True):
    checks: tuple[Check, ...]

    @property
    def well(self) -> bool:
        return all(check.well for check in self.checks)

    @property
    def why(self) -> str:
        """What is not well, in words."""
        return "; ".join(f"{check.what}: {check.found}" for check in self.checks if not check.well)


def judge(vital: Vital) -> Verdict:
    """Of one look at the running program."""
    return Verdict((_frames(vital), _results(vital), _messages(vital), _card(vital.card)))


def _frames(vital: Vital) -> Check:
    running = [each.name for each in vital.cameras if each.state in ("running", "ended")]
    if running:
        return Check("frames", True, f"from {', '.join(running)}")
    troubles = ", ".join(f"{each.name} {each.state}: {each.cause}" for each in vital.cameras)
    return Check("frames", False, troubles or "no camera has given any yet")


def _results(vital: Vital) -> Check:
    if vital.owing_s > OWING_S:
        return Check("results", False, f"a frame waits for its result since {vital.owing_s:.0f} s")
    if vital.live and not vital.frames:
        return Check("results", False, "none yet")
    return Check("results", True, f"{vital.frames} frames recognised")


def _messages(vital: Vital) -> Check:
    """A broker elsewhere may be away for its own reasons: then events wait on the card."""
    if vital.broker is not None and vital.broker.state == "running":
        return Check("messages", True, "the broker is connected")
    kept = _card(vital.card)
    away = "no broker is connected" if vital.broker is None else f"broker {vital.broker.state}: {vital.broker.cause}"
    return Check("messages", kept.well, f"{away}; events {'wait in the outbox' if kept.well else 'cannot be kept'}")


def _card(card: Sign | None) -> Check:
    if card is None:
        return Check("card", False, "nothing is said of it yet")
    return Check("card", card.state not in ("failed", "full"), card.cause or "takes what is written")


def look(data_dir: Path) -> Verdict:
    """Ask the program that runs over this folder, and write to the card what it says."""
    try:
        answer = control.ask(data_dir, str(uuid.uuid4()), ACTION, {})
        if not answer.ok:
            raise EdgeError(answer.error or "not answered", hint=answer.hint or "")
        verdict = judge(msgspec.convert(answer.result, Vital))
    except (EdgeError, msgspec.ValidationError) as error:
        verdict = Verdict((Check("program", False, str(error)),))
    return _written_down(data_dir, verdict)


def wait_until_well(
    data_dir: Path, wait_s: float, sleep: Callable[[float], None] = time.sleep, now_s: Callable[[], float] = time.monotonic
) -> Verdict:  # fmt: skip
    """The first verdict that is well, else the last one after so long."""
    until_s = now_s() + wait_s
    while not (verdict := look(data_dir)).well and now_s() < until_s:
        log.info("not well yet: %s", verdict.why)
        sleep(LOOK_S)
    return verdict


def _written_down(data_dir: Path, verdict: Verdict) -> Verdict:
    """The verdict is what is written: a card that cannot take it is not well."""
    try:
        write_durably(data_dir / NOTE, msgspec.json.encode(verdict))
        return verdict
    except OSError as error:
        return Verdict((*verdict.checks, Check("disk", False, f"{data_dir / NOTE}: {error.strerror}")))
