"""The card and its partitions: errors, wear, speed, and the two slots of a flashed one."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from edge.appliance.places import why_no_data
from edge.appliance.problems import without_data
from edge.doctor.port import Finding, Patient, from_error
from edge.errors import EdgeError
from edge.update import autoboot
from edge.update.slots import CMDLINE

TRIAL_BYTES, PIECES = 4 << 20, 8
SLOW_BYTES_PER_S, SLOW_SYNC_S = 2e6, 0.5
TRIAL = ".doctor-trial"
PARTITIONS = ("bootcfg", "boot_a", "boot_b", "system_a", "system_b", "data")
LABELS = "dev/disk/by-partlabel"
WORN = 0x0B
"""Of an eMMC, in tenths of its life: it has outlived it."""


def errors(patient: Patient) -> Iterator[Finding]:
    """What the file systems have counted since they were made."""
    counts = {path.parent.name: _number(path) or 0 for path in patient.root.glob("sys/fs/ext4/*/errors_count")}
    bad = [f"{name}: {count}" for name, count in sorted(counts.items()) if count]
    if bad:
        remedy = "back up now, then write a new card; `edge events check` says what is damaged"
        yield Finding(
            level="fail", what="card errors", value=f"the file system has counted {', '.join(bad)}", remedy=remedy
        )
    elif counts:
        yield Finding(level="ok", what="card errors", value="none since the file systems were made")


def data(patient: Patient) -> Iterator[Finding]:
    """Only of a flashed card: another has no such partition."""
    if why := why_no_data(patient.root):
        problem = without_data(why)
        yield Finding(level="fail", what="data", value=f"the {problem.place} {problem.what}", remedy=problem.remedy)


def wear(patient: Patient) -> Iterator[Finding]:
    """An eMMC tells; an SD card tells only who made it and when."""
    for device in sorted(patient.root.glob("sys/block/mmcblk*/device")):
        name, made = _text(device / "name"), _text(device / "date")
        lives = [int(word, 16) for word in _text(device / "life_time").split() if re.fullmatch(r"0x[0-9a-fA-F]+", word)]
        about = f"{device.parent.name}: {name or 'card'}" + (f" of {made}" if made else "")
        if not lives:
            yield Finding(level="ok", what="card wear", value=f"{about}; SD cards do not tell")
        elif max(lives) >= WORN - 1:
            remedy = "back up, and replace it: docs/update.md and docs/backup.md"
            yield Finding(
                level="warn", what="card wear", value=f"{about}; nine tenths of its life are over", remedy=remedy
            )
        else:
            yield Finding(level="ok", what="card wear", value=f"{about}; {max(lives) * 10} % of its life at most")


def speed(patient: Patient) -> Iterator[Finding]:
    """Written as the program writes: a few megabytes, and small pieces each synced."""
    folder = patient.config.data_dir
    if not folder.is_dir():
        return
    trial = folder / TRIAL
    try:
        rate, slowest_s = _try(trial)
    except OSError as error:
        remedy = "check the card and the rights of the data folder"
        yield Finding(level="fail", what="card speed", value=f"{folder}: {error.strerror}", remedy=remedy)
        return
    finally:
        trial.unlink(missing_ok=True)
    value = f"{rate / 1e6:.0f} MB/s, a sync takes {slowest_s * 1000:.0f} ms at most"
    if rate < SLOW_BYTES_PER_S or slowest_s > SLOW_SYNC_S:
        remedy = "use a card of class A1 or A2, or an SSD; events wait in memory meanwhile"
        yield Finding(level="warn", what="card speed", value=value, remedy=remedy)
    else:
        yield Finding(level="ok", what="card speed", value=value)


def _try(trial: Path) -> tuple[float, float]:
    """Bytes a second, and the longest of some small syncs."""
    with trial.open("wb", buffering=0) as file:
        begin_s = time.monotonic()
        file.write(os.urandom(TRIAL_BYTES))
        os.fsync(file.fileno())
        took_s = time.monotonic() - begin_s
        syncs = []
        for _ in range(PIECES):
            begin_s = time.monotonic()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            syncs.append(time.monotonic() - begin_s)
    return TRIAL_BYTES / max(took_s, 1e-6), max(syncs)


def partitions(patient: Patient) -> Iterator[Finding]:
    """Only of a flashed card: it says in its command line which slot runs."""
    found = re.search(r"\brauc\.slot=([AB])\b", _text(patient.root / CMDLINE.relative_to("/")))
    if found is None:
        return
    missing = [label for label in PARTITIONS if not (patient.root / LABELS / label).exists()]
    if missing:
        value = f"slot {found[1]} runs; missing: {', '.join(missing)}"
        yield Finding(
            level="fail", what="partitions", value=value, remedy="write the card anew; a backup brings the data back"
        )
    else:
        yield Finding(level="ok", what="partitions", value=f"slot {found[1]} runs; all are there")
    try:
        now = autoboot.read(patient.root / "bootcfg")
        yield Finding(level="ok", what="boot", value=f"starts from partition {now.boot}, tries {now.trial}")
    except EdgeError as error:
        yield from_error("warn", "boot", error)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None
