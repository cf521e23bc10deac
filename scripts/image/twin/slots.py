"""Updates: a good system is tried and stays; one that is unwell, panics or hangs goes back by itself; what is not ours is refused."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.image import bundle, layout, root
from scripts.image.running import ImageError, run
from scripts.image.twin import firmware, steps
from scripts.image.twin.card import Card, stick
from scripts.image.twin.machine import Machine, power_on
from scripts.image.twin.shell import Shell

COMPATIBLE = root.COMPATIBLE["twin"]
STICK_MIB = 1536
HEALTH_S = 3600.0
BROKEN = {
    "unwell": "systemd.mask=edge.service",
    "panics": "systemd.run=\"/bin/sh -c 'echo c >/proc/sysrq-trigger'\"",
    "hangs": 'systemd.run="/bin/kill -SEGV 1" systemd.crash_reboot=no systemd.crash_action=freeze',
}
"""What is wrong with a system, as words for its kernel: the systems are the same else."""


@dataclass(frozen=True, slots=True)
class Images:
    """Of one slot, and what signs them."""

    boot: Path
    system: Path
    certificate: Path
    key: Path


def images_of(built: Path) -> Images:
    """What `scripts/image/build` left in its folder."""
    systems = sorted(built.glob("system-*.erofs"), key=lambda path: path.stat().st_mtime)
    if not systems:
        raise ImageError(f"{built}: no slot images", hint="run scripts/image/build first")
    boot = systems[-1].with_name(systems[-1].name.replace("system-", "boot-")).with_suffix(".vfat")
    return Images(boot, systems[-1], *bundle.make_certificate(built / "trial-keys", "trial"))


def bundles(images: Images, work: Path) -> dict[str, Path]:
    """The bundles to try, by what is with them."""
    made = {}
    for number, (name, words) in enumerate({"good": "", **BROKEN}.items(), 1):
        boot = images.boot if not words else _with_words(images.boot, work / f"boot-{name}.vfat", words)
        made[name] = bundle.make(
            work / f"{name}.raucb", boot, images.system, version=f"9.0.{number}", compatible=COMPATIBLE,
            certificate=images.certificate, key=images.key,
        )  # fmt: skip
    return made | refused_bundles(images, made["good"], work)


def refused_bundles(images: Images, good: Path, work: Path) -> dict[str, Path]:
    """What must not be installed."""
    stranger, key = bundle.make_certificate(work / "stranger", "stranger")
    small = work / "small.img"
    small.write_bytes(os.urandom(1 << 20))
    signature, device = work / "wrong-signature.raucb", work / "wrong-device.raucb"
    bundle.make(signature, small, small, version="9.1.0", compatible=COMPATIBLE, certificate=stranger, key=key)
    bundle.make(
        device,
        small,
        small,
        version="9.1.0",
        compatible="some-other-device",
        certificate=images.certificate,
        key=images.key,
    )
    cut = shutil.copyfile(good, work / "truncated.raucb")
    os.truncate(cut, good.stat().st_size // 2)
    return {"wrong signature": signature, "wrong device": device, "truncated": cut}


def _with_words(boot: Path, path: Path, words: str) -> Path:
    """The same boot partition with more words for the kernel."""
    shutil.copyfile(boot, path)
    for slot in layout.load().slots:
        name = f"cmdline_{slot.lower()}.txt"
        text = run(["mtype", "-i", path, f"::{name}"]).strip()
        (path.with_suffix(".txt")).write_text(f"{text} {words}\n", encoding="ascii")
        run(["mcopy", "-o", "-i", path, path.with_suffix(".txt"), f"::{name}"])
    return path


class Device:
    """A card that lives on from run to run, and the firmware's one-shot flag."""

    def __init__(self, card: Card, work: Path) -> None:
        self.card = card
        self.work = work
        self.tryboot = False

    @contextmanager
    def running(self, more: list[str]) -> Iterator[tuple[Machine, Shell, str]]:
        """Started by the model of the firmware; the slot that was chosen."""
        choice = firmware.choose(self.card, tryboot=self.tryboot)
        self.tryboot = False
        drives = [f"file={self.card.path},format=raw,cache=writeback", *more]
        with power_on(choice, self.work / "run", drives) as machine:
            yield machine, machine.shell(), choice.partition.slot
            self.tryboot = machine.asked_for() == firmware.FLAG and machine.ended == "guest-reset"


def updates(card: Card, images: Images, work: Path, only: tuple[str, ...] = ()) -> None:
    """All cases, or those that are named.

    Raises:
        ImageError: the device is not where it should be.
    """
    card.write(card.layout.partitions[0], "edge.toml", steps.EDGE_TOML.encode())
    device = Device(card, work)
    made = bundles(images, work)
    slot = "A"
    for name, path in made.items():
        if only and name not in only:
            continue
        began_s = time.monotonic()
        if name in BROKEN or name == "good":
            slot = _tried(device, name, path, slot)
        else:
            _refused(device, name, path, slot)
        sys.stdout.write(f"{time.monotonic() - began_s:8.1f} s  {name}: as it should be; slot {slot} runs\n")
        sys.stdout.flush()


def _tried(device: Device, name: str, path: Path, slot: str) -> str:
    """Install, restart into the trial, and see where it ends.

    Returns:
        The slot that the device stays with.
    """
    drive = f"file={stick(device.work / 'update.img', {'update.raucb': path.read_bytes()}, STICK_MIB)},format=raw,readonly=on"
    with device.running([drive]) as (machine, shell, now):
        _expect(now, slot, "before the update")
        _up(shell)
        shell.run("mkdir -p /run/stick && mount -o ro /dev/vdb /run/stick")
        shell.run("rauc install /run/stick/update.raucb", deadline_s=HEALTH_S)
        shell.send("systemctl reboot")
        machine.wait(steps.BOOT_S)
    other = next(each for each in device.card.layout.slots if each != slot)
    with device.running([]) as (machine, shell, now):
        _expect(now, other, "on trial")
        if name == "good":
            _up(shell)
            steps.active_since(shell, "edge-health.service", HEALTH_S)
            shell.send("systemctl reboot")
        machine.wait(HEALTH_S)
        sys.stdout.write(f"            {name}: the trial ended with {', '.join(machine.events)}\n")
    expected = other if name == "good" else slot
    with device.running([]) as (machine, shell, now):
        _expect(now, expected, "after the trial")
        _up(shell)
        shell.run("runuser -u edge -- edge events check || test ! -e /var/lib/edge/edge.db")
        shell.send("systemctl poweroff")
        machine.wait(steps.BOOT_S)
    return expected


def _refused(device: Device, name: str, path: Path, slot: str) -> None:
    drive = f"file={stick(device.work / 'update.img', {'update.raucb': path.read_bytes()}, STICK_MIB)},format=raw,readonly=on"
    with device.running([drive]) as (machine, shell, now):
        _expect(now, slot, "before the update")
        _up(shell)
        shell.run("mkdir -p /run/stick && mount -o ro /dev/vdb /run/stick")
        said = shell.run("rauc install /run/stick/update.raucb && echo INSTALLED", deadline_s=HEALTH_S, check=False)
        if "INSTALLED" in said:
            raise ImageError(f"{name}: was installed")
        sys.stdout.write(f"            {name}: {said.splitlines()[-1] if said else 'refused'}\n")
        shell.send("systemctl reboot")
        machine.wait(steps.BOOT_S)
    if device.tryboot:
        raise ImageError(f"{name}: was refused, and would be tried all the same")


def _up(shell: Shell) -> None:
    shell.wait(steps.BOOT_S)
    steps.active_since(shell, "edge.target")


def _expect(now: str, wanted: str, when: str) -> None:
    if now != wanted:
        raise ImageError(f"{when} slot {now or 'none'} starts, not {wanted}")
