"""The plug is pulled at random moments, from the first boot on: it always comes up, and nothing that was acknowledged is lost."""

import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scripts.image.running import ImageError
from scripts.image.twin import firmware, owner, steps
from scripts.image.twin.card import Card
from scripts.image.twin.disk import LosingDisk
from scripts.image.twin.machine import Machine, power_on
from scripts.image.twin.shell import Shell

FIRST_BOOT_S = 150.0
"""Until one was seen."""
WORK_S = 90.0
"""Every second cut comes while it works, within these seconds."""
LIST = "edge events list --limit 100000 --json"
CHECK = "edge events check --hashes"


class Cut(NamedTuple):
    """`at_work`: the seconds count from the first work that it is given, not from power-on."""

    after_s: float
    at_work: bool


@dataclass(slots=True)
class Tally:
    """`seen`: ids of events that a subscriber has got, from all runs."""

    seen: set[str] = field(default_factory=set)
    boot_s: float = 0.0
    lost_pages: int = 0
    up: int = 0


def power_cuts(card: Card, samples: Path, work: Path, count: int, seed: int) -> Tally:
    """Cut the power so often, then bring it up once more and look.

    Raises:
        ImageError: it did not come up, or something that was promised is gone.
    """
    chance = random.Random(seed)
    sys.stdout.write(f"{count} power cuts, seed {seed}; what was not flushed is lost in part\n")
    card.write(card.layout.partitions[0], "edge.toml", steps.EDGE_TOML.encode())
    stick = steps.sample_stick(samples, work / "stick.img")
    tally = Tally(boot_s=FIRST_BOOT_S)
    for number in range(count + 1):
        last = number == count
        disk = LosingDisk(card.path, work / "disk")
        try:
            with power_on(firmware.choose(card), work / "run", [disk.drive, stick]) as machine:
                said = _live(machine, tally, None if last else _drawn(chance, tally, at_work=number % 2 == 1))
                machine.cut()
                kept, lost = disk.cut(chance)
                tally.lost_pages += lost
        finally:
            disk.close()
        sys.stdout.write(f"{number + 1:3}  {said}; of unflushed pages {kept} kept, {lost} lost\n")
        sys.stdout.flush()
    return tally


def _drawn(chance: random.Random, tally: Tally, *, at_work: bool) -> Cut:
    return Cut(chance.uniform(1.0, WORK_S if at_work else tally.boot_s), at_work)


def _live(machine: Machine, tally: Tally, cut: Cut | None) -> str:
    """Bring it up, look, give it work, until the moment comes.

    Returns:
        What was going on then.
    """
    timer = threading.Timer(cut.after_s, machine.cut) if cut is not None else None
    said = "not up yet"
    try:
        if timer and cut and not cut.at_work:
            timer.start()
        shell = machine.shell()
        steps.up(shell)
        tally.boot_s = time.monotonic() - machine.started_s
        tally.up += 1
        said = f"up after {tally.boot_s:.0f} s, {check(shell, tally.seen)}"
        if timer and cut:
            if cut.at_work:
                timer.start()
            _work(machine, shell, tally)
            machine.wait(steps.BOOT_S)
    except ImageError:
        # The machine goes from under what is asked of it: that is meant, if it was cut.
        if machine.ended != "cut":
            raise
    finally:
        if timer:
            timer.cancel()
    return said + (
        f"; cut {cut.after_s:.0f} s after {'it began to work' if cut.at_work else 'power-on'}" if cut else ""
    )


def check(shell: Shell, seen: set[str]) -> str:
    """Database and files agree, and every event that somebody got is there.

    Raises:
        ImageError: not so.
    """
    steps.check_system(shell)
    shell.run(f"runuser -u edge -- {CHECK}")
    listed = shell.run(f"runuser -u edge -- {LIST}")
    kept = {json.loads(line)["id"] for line in listed.splitlines() if line.startswith("{")}
    if missing := seen - kept:
        raise ImageError(f"{len(missing)} events were published and are gone: {', '.join(sorted(missing)[:3])}")
    return f"{len(kept)} events, all of {len(seen)} that were published"


def _work(machine: Machine, shell: Shell, tally: Tally) -> None:
    """Pictures to recognise, again and again, until there is no machine any more."""
    welcome = owner.Welcome.read(shell.run("cat /bootcfg/edge-password.txt"))
    with owner.subscribed(machine.ports.broker, welcome) as inbox:
        while machine.process.poll() is None:
            try:
                steps.lay_pictures(shell)
            finally:
                with inbox.came:
                    tally.seen |= inbox.events.keys()
