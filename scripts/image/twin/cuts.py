"""The plug is pulled at random moments, from the first boot on: it always comes up, and nothing that was acknowledged is lost."""

import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from scripts.image.running import ImageError
from scripts.image.twin import firmware, owner, steps
from scripts.image.twin.card import Card
from scripts.image.twin.disk import LosingDisk
from scripts.image.twin.machine import Machine, power_on
from scripts.image.twin.shell import Shell

AFTER_BOOT = 1.5
"""Moments are drawn up to so many times of what a boot took: two of three lie within it."""
FIRST_BOOT_S = 150.0
"""Until one was seen."""
LIST = "edge events list --limit 100000 --json"
CHECK = "edge events check --hashes"


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
                moment_s = None if last else chance.uniform(1.0, AFTER_BOOT * tally.boot_s)
                said = _live(machine, tally, moment_s)
                machine.cut()
                kept, lost = disk.cut(chance)
                tally.lost_pages += lost
        finally:
            disk.close()
        sys.stdout.write(f"{number + 1:3}  {said}; of unflushed pages {kept} kept, {lost} lost\n")
        sys.stdout.flush()
    return tally


def _live(machine: Machine, tally: Tally, moment_s: float | None) -> str:
    """Bring it up, look, give it work, until the moment comes.

    Returns:
        What was going on then.
    """
    timer = threading.Timer(moment_s, machine.cut) if moment_s is not None else None
    if timer:
        timer.start()
    said = "not up yet"
    try:
        shell = machine.shell()
        shell.wait(steps.BOOT_S)
        steps.active_since(shell, "edge.service")
        steps.active_since(shell, "edge.target")
        tally.boot_s = time.monotonic() - machine.started_s
        tally.up += 1
        said = f"up after {tally.boot_s:.0f} s"
        said = f"{said}, {check(shell, tally.seen)}"
        if moment_s is None:
            return said
        _work(machine, shell, tally)
        machine.wait(AFTER_BOOT * tally.boot_s + steps.BOOT_S)
    except ImageError:
        # The machine goes from under what is asked of it: that is meant, if it was cut.
        if machine.ended != "cut":
            raise
    finally:
        if timer:
            timer.cancel()
    return f"{said}; cut {moment_s:.0f} s after power-on"


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
