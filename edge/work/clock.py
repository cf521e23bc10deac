"""Work time: seconds that only grow, over restarts, reboots and wrong clocks. Everything that is due is due in work time.

Within a boot it is boot time: the wall clock may jump as it likes. Over a reboot the gap is what the wall clock says, if it was known to be
right on both sides. Until it is, the gap counts as nothing (the time since the boot counts), so that work is late rather than
early and never stalls; when the clock is synchronised later, work time makes up for the gap at once.
"""

import msgspec

from edge.clock import Instant


class Now(msgspec.Struct, frozen=True):
    """What the clocks say. `trusted`: the wall clock is not known to be wrong."""

    instant: Instant
    boot_id: str
    trusted: bool = True


class Anchor(msgspec.Struct, frozen=True):
    """Where work time stood when the clocks were last read, and when they were last right (`sure_*`; empty: never).

    `offset_s` is wall time less work time, as calendars were last calculated with.
    """

    t_s: float = 0.0
    boot_s: float = 0.0
    boot_id: str = ""
    sure_t_s: float = 0.0
    sure_wall_s: float = 0.0
    sure_boot_id: str = ""
    offset_s: float = 0.0


def advance(anchor: Anchor, now: Now) -> Anchor:
    """Work time at `now`; it never goes back."""
    t_s = work_time(anchor, now)
    moved = msgspec.structs.replace(anchor, t_s=t_s, boot_s=now.instant.boot_s, boot_id=now.boot_id)
    if not now.trusted:
        return moved
    return msgspec.structs.replace(moved, sure_t_s=t_s, sure_wall_s=now.instant.wall_s, sure_boot_id=now.boot_id)


def work_time(anchor: Anchor, now: Now) -> float:
    if not anchor.boot_id:
        return 0.0
    if now.boot_id == anchor.boot_id:
        t_s = anchor.t_s + max(0.0, now.instant.boot_s - anchor.boot_s)
    else:
        t_s = anchor.t_s + max(0.0, now.instant.boot_s)
    if now.trusted and anchor.sure_boot_id not in ("", now.boot_id):
        t_s = max(t_s, anchor.sure_t_s + now.instant.wall_s - anchor.sure_wall_s)
    return t_s
