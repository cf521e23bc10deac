"""The actions that every appliance has."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from edge.actions.port import BUTTON, Action, Arguments
from edge.camera.port import Frame
from edge.clock import Clock, iso_utc
from edge.errors import CameraError, RefusedError, StoreError
from edge.events.port import Change, Outcome
from edge.geometry import WHOLE
from edge.health import Condition
from edge.store.port import ClipTrigger, Event

SNAPSHOT = "snapshot"
"""Label of the events that are pictures taken on request."""
BACK_UP = "backup-now"
FRESH_S = 15.0
KEEP_S = 20.0
SYSTEMCTL_S = 20.0


class OneCamera(Arguments, frozen=True, kw_only=True):
    camera: str = ""
    """Empty: all of them."""


class OneEvent(Arguments, frozen=True, kw_only=True):
    event: str
    """Its id."""


class OneWork(Arguments, frozen=True, kw_only=True):
    work: str
    """Its id."""


class Missing(Arguments, frozen=True, kw_only=True):
    day: str = ""
    """Only of this day, or of two with `..` between; empty: all."""
    labels: tuple[str, ...] = ()
    """Only of these; empty: all."""


class Confirmed(Arguments, frozen=True, kw_only=True):
    confirm: str = ""
    """The device's id: whoever asks means this device."""


class Snapshot(msgspec.Struct, frozen=True):
    camera: str
    event: str


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the actions work on.

    `newest` gives a camera's newest frame, None before the first. `keep` returns when what it was given is safe, False if it is not so
    within the seconds given. `armed`: of a camera, now. `arm` arms or disarms a camera, or the device. `record` switches clips on or off.
    `clip` begins to record a camera, or all, and gives the ids. `favour` makes an event a favourite or an ordinary one. `run_work` makes a
    work due now (its constraints count), `cancel_work` cancels it. `backup_status`: how the backup stands. `bring_back` has a
    work get missing pictures and clips out of the backup, of a day and of labels or all. `end` ends the program, to be
    started again. `rest` makes it stop writing until then. `erase` writes down, durably, that everything of this device is to be removed;
    whether the device must start anew for it, not the program alone.
    """

    device: str
    clock: Clock
    cameras: Sequence[str]
    newest: Callable[[str], Frame | None]
    keep: Callable[[Outcome, float], bool]
    new_id: Callable[[], str]
    conditions: Callable[[], list[Condition]]
    armed: Callable[[str], bool]
    arm: Callable[[bool, str | None], None]
    record: Callable[[bool], None]
    clip: Callable[[str | None, ClipTrigger], Sequence[str]]
    favour: Callable[[str, bool], None]
    run_work: Callable[[str], None]
    bring_back: Callable[[str, Sequence[str]], None]
    backup_status: Callable[[], object]
    cancel_work: Callable[[str], None]
    end: Callable[[], None]
    rest: Callable[[], None]
    erase: Callable[[], bool]


def standard_actions(rooms: Rooms) -> list[Action]:
    return [
        Action("status", "How the parts are", "view", lambda _: rooms.conditions(), changes=False),
        Action("snapshot", "Keep a picture now", "operate", lambda asked: _snapshot(rooms, asked), OneCamera),
        Action("clip", "Record a clip", "operate", lambda *asked: _clip(rooms, *asked), OneCamera, by_origin=True),
        Action("recording-on", "Make clips", "operate", lambda _: rooms.record(True)),
        Action("recording-off", "Make no clips", "operate", lambda _: rooms.record(False)),
        Action("arm", "Arm", "operate", lambda asked: _arm(rooms, asked, True), OneCamera),
        Action("disarm", "Disarm", "operate", lambda asked: _arm(rooms, asked, False), OneCamera),
        Action("keep", "Keep an event for ever", "operate", lambda asked: rooms.favour(asked.event, True), OneEvent),
        Action("unkeep", "Keep it no longer", "operate", lambda asked: rooms.favour(asked.event, False), OneEvent),
        Action("backup-status", "How the backup stands", "view", lambda _: rooms.backup_status(), changes=False),
        Action(BACK_UP, "Back up now", "operate", lambda _: rooms.run_work("backup")),
        Action("backup-verify", "Verify the backup", "operate", lambda _: rooms.run_work("backup-verify")),
        Action("backup-drill", "Restore for proof", "operate", lambda _: rooms.run_work("backup-drill")),
        Action("backup-prune", "Delete old snapshots", "operate", lambda _: rooms.run_work("backup-prune")),
        Action(
            "restore-files",
            "Get missing pictures back",
            "operate",
            lambda asked: rooms.bring_back(asked.day, asked.labels),
            Missing,
        ),
        Action("run-work", "Run a work now", "operate", lambda asked: rooms.run_work(asked.work), OneWork),
        Action("cancel-work", "Cancel a work", "operate", lambda asked: rooms.cancel_work(asked.work), OneWork),
        Action("restart", "Restart the program", "admin", lambda _: rooms.end()),
        Action("safe-to-remove", "Make it safe to remove", "admin", lambda _: rooms.rest()),
        Action(
            "factory-reset", "Erase everything", "admin", lambda asked: _reset(rooms, asked), Confirmed, confirm=True
        ),
        Action("reboot", "Restart the device", "admin", lambda _: _systemctl("reboot")),
        Action("shutdown", "Shut the device down", "admin", lambda _: _systemctl("poweroff")),
    ]


def _snapshot(rooms: Rooms, asked: OneCamera) -> list[Snapshot]:
    """An event of its own for each camera; answered when picture and event are on the card."""
    taken = [_take(rooms, camera) for camera in chosen(rooms.cameras, asked.camera)]
    changes = [change for changes in taken for change in changes]
    if not rooms.keep(Outcome(changes), KEEP_S):
        raise StoreError(f"snapshot: not on the card within {KEEP_S:.0f} s", hint="look at the state of the card")
    return [Snapshot(started.event.camera, started.event.id) for started, _ in taken]


def _arm(rooms: Rooms, asked: OneCamera, on: bool) -> None:
    """Of the device, until its schedule's next change; of one camera, until it is switched again. Answered when it is kept."""
    chosen(rooms.cameras, asked.camera)
    rooms.arm(on, asked.camera or None)


def _clip(rooms: Rooms, asked: OneCamera, origin: str) -> list[str]:
    """The seconds before are in it. Answered when it is being recorded: its message says when it is on the card."""
    chosen(rooms.cameras, asked.camera)
    return list(rooms.clip(asked.camera or None, "button" if origin == BUTTON else "command"))


def _reset(rooms: Rooms, asked: Confirmed) -> None:
    """Answered when it is certain that it will be done, power cut or not."""
    if asked.confirm != rooms.device:
        hint = f"say confirm={rooms.device} if you mean it; backups elsewhere stay"
        raise RefusedError("factory-reset erases events, pictures, clips, settings and secrets", hint=hint)
    if rooms.erase():
        _systemctl("reboot")
    else:
        rooms.end()


def chosen(cameras: Sequence[str], camera: str) -> Sequence[str]:
    """The camera of that name, or all.

    Raises:
        RefusedError: there is none.
    """
    if camera and camera not in cameras:
        raise RefusedError(f"camera {camera!r} is not there", hint=f"one of {', '.join(cameras)}, or none for all")
    return [camera] if camera else cameras


def _take(rooms: Rooms, camera: str) -> tuple[Change, Change]:
    if not rooms.armed(camera):
        raise RefusedError(f"camera {camera} is disarmed: nothing of it is kept", hint="arm it first")
    frame = rooms.newest(camera)
    if frame is None or rooms.clock.now().boot_s - frame.taken.boot_s > FRESH_S:
        since = f"since {iso_utc(frame.taken.wall_s)}" if frame is not None else "yet"
        raise CameraError(f"camera {camera} gave no picture {since}", hint="`edge ask status` says how it is")
    event = Event(
        id=rooms.new_id(),
        camera=camera,
        label=SNAPSHOT,
        score=1.0,
        box=WHOLE,
        started=frame.taken,
        seen=frame.taken,
        boot_id=rooms.clock.boot_id,
    )
    ended = msgspec.structs.replace(event, revision=2, end_reason="still")
    return Change("started", event, frame), Change("ended", ended, None)


def _systemctl(verb: str) -> None:
    """The service manager stops this program in order first."""
    try:
        done = subprocess.run(
            ["systemctl", "--no-block", verb], capture_output=True, text=True, timeout=SYSTEMCTL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RefusedError(f"systemctl {verb}: {error}", hint="this works where systemd runs the device") from error
    if done.returncode:
        raise RefusedError(f"systemctl {verb}: {done.stderr.strip()}", hint="the service may lack the right to do so")
