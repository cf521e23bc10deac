"""Memory of a process and of all that it has started."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.02


class Held(NamedTuple):
    """Shared pages counted once. `own`: without the pages of programs and libraries, which the kernel can take back."""

    all: int = 0
    own: int = 0


def peak_bytes(command: Sequence[str]) -> Held:
    """Run a command to its end: the most that it and its descendants held together.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = Held()
    while process.poll() is None:
        held = [_held(pid) for pid in _tree(process.pid)]
        peak = max(peak, Held(sum(each.all for each in held), sum(each.own for each in held)))
        time.sleep(POLL_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak


def _tree(root: int) -> list[int]:
    found = [root]
    for pid in found:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue  # it has ended
    return found


def _held(pid: int) -> Held:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return Held()
    kib = {line.split()[0]: int(line.split()[1]) for line in lines}
    return Held(kib.get("Pss:", 0) * 1024, kib.get("Pss_Anon:", 0) * 1024)
