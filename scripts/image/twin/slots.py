"""Updates: a good system is tried and stays; one that is unwell, panics or hangs goes back by itself; what is not ours is refused."""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.image import bundle, layout, root
from scripts.image.running import ImageError, file_sha256, run
from scripts.image.twin import cuts, firmware, owner, steps
from scripts.image.twin.card import Card, stick
from scripts.image.twin.machine import Machine, power_on
from scripts.image.twin.shell import Shell

COMPATIBLE = root.COMPATIBLE["twin"]
STICK_MIB = 1536
STICK = "/run/stick"
EDGE_TOML = f"""{steps.EDGE_TOML}
[update]
source = "{STICK}"
"""
HEALTH_S = 3600.0
VERSION = "9.0"
GOOD = "good"
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


def images_of(built: Path, work: Path) -> Images:
    """From what `scripts/image/build` left in its folder: the same boot partition, and the same root with a higher version."""
    boots = sorted(built.glob("boot-*.vfat"), key=lambda path: path.stat().st_mtime)
    if not boots or not (built / "root").is_dir():
        raise ImageError(f"{built}: no slot images", hint="run scripts/image/build first")
    return Images(
        boots[-1], newer_system(built / "root", work), *bundle.make_certificate(built / "trial-keys", "trial")
    )


def newer_system(laid: Path, work: Path) -> Path:
    """An image of that root which says that it is version `VERSION`.1."""
    copy = work / "root"
    root.remove(copy)
    run(["cp", "-al", laid, copy])
    release = copy / "usr/lib/os-release"
    lines = release.read_text(encoding="utf-8").splitlines()
    release.unlink()  # it is a link to the one that is copied from
    text = "\n".join(
        [line for line in lines if not line.startswith("IMAGE_VERSION=")] + [f"IMAGE_VERSION={VERSION}.1", ""]
    )
    release.write_text(text, encoding="utf-8")
    system = work / "newer.erofs"
    system.unlink(missing_ok=True)
    run(["mkfs.erofs", "-zlz4", system, copy])
    root.remove(copy)
    return system


def bundles(images: Images, work: Path) -> dict[str, Path]:
    """What is tried, by what is with it."""
    made = {}
    for number, (name, words) in enumerate({GOOD: "", **BROKEN}.items(), 1):
        boot = images.boot if not words else _with_words(images.boot, work / f"boot-{name}.vfat", words)
        made[name] = bundle.make(
            work / f"{name}.raucb", boot, images.system, version=f"{VERSION}.{number}", compatible=COMPATIBLE,
            certificate=images.certificate, key=images.key,
        )  # fmt: skip
    return made


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


def index(version: str, path: Path) -> bytes:
    """What a source of updates says of the one bundle that it has."""
    offer = {
        "version": version, "compatible": COMPATIBLE, "file": path.name,
        "size_bytes": path.stat().st_size, "sha256": file_sha256(path),
    }  # fmt: skip
    return json.dumps({"schema": 1, "bundles": [offer]}).encode()


class Device:
    """A card that lives on from run to run, the firmware's one-shot flag, and the slot that should start.

    `seen`: ids of the events that a subscriber got before the first update.
    """

    def __init__(self, card: Card, samples: Path, work: Path) -> None:
        self.card = card
        self.samples = samples
        self.work = work
        self.tryboot = False
        self.slot = "A"
        self.seen: set[str] = set()

    @property
    def other(self) -> str:
        return next(each for each in self.card.layout.slots if each != self.slot)

    @contextmanager
    def running(self, wanted: str, files: dict[str, Path | bytes]) -> Iterator[tuple[Machine, Shell]]:
        """Started by the model of the firmware, which is to choose that slot; with these files on a stick."""
        choice = firmware.choose(self.card, tryboot=self.tryboot)
        if choice.partition.slot != wanted:
            raise ImageError(f"slot {choice.partition.slot or 'none'} starts, not {wanted}")
        self.tryboot = False
        drives = [
            f"file={self.card.path},format=raw,cache=writeback",
            steps.sample_stick(self.samples, self.work / "stick.img"),
        ]
        if files:
            drives.append(f"file={stick(self.work / 'update.img', files, STICK_MIB)},format=raw,readonly=on")
        with power_on(choice, self.work / "run", drives) as machine:
            shell = machine.shell()
            yield machine, shell
            self.tryboot = machine.asked_for() == firmware.FLAG and machine.ended == "guest-reset"


def updates(card: Card, built: Path, samples: Path, work: Path, only: tuple[str, ...] = ()) -> None:
    """All trials one after the other, or those that are named; what is to be refused is offered before the first.

    Raises:
        ImageError: the device is not where it should be.
    """
    card.write(card.layout.partitions[0], "edge.toml", EDGE_TOML.encode())
    images = images_of(built, work)
    trials = {name: path for name, path in bundles(images, work).items() if not only or name in only}
    device = Device(card, samples, work)
    names = list(trials)
    _settled(device, trials, names[0], refused_bundles(images, trials[names[0]], work))
    for name, following in zip(names, [*names[1:], ""], strict=True):
        began_s = time.monotonic()
        _tried(device, name)
        _settled(device, trials, following, {})
        _say(began_s, f"{name}: as it should be; slot {device.slot} runs, all of {len(device.seen)} events are kept")


def _settled(device: Device, trials: dict[str, Path], following: str, refused: dict[str, Path]) -> None:
    """A start that nothing is tried in: data is looked at, what must not be installed is offered, and the next trial is installed."""
    files: dict[str, Path | bytes] = {path.name: path for path in refused.values()}
    if following:
        path = trials[following]
        files |= {path.name: path, "index.json": index(_version(trials, following), path)}
    began_s = time.monotonic()
    with device.running(device.slot, files) as (machine, shell):
        steps.up(shell)
        if not device.seen:
            device.seen = _events(machine, shell)
        cuts.check(shell, device.seen)
        sys.stdout.write(f"            {shell.run('edge update status').splitlines()}\n")
        if files:
            shell.run(f"mkdir -p {STICK} && mount -o ro /dev/vdc {STICK}")
        for name, path in refused.items():
            _say(began_s, f"{name}: {_refusal(shell, path.name)}")
        if not following:
            shell.send("systemctl poweroff")
        elif (
            following == GOOD
        ):  # as an owner asks for it: background work of the program, which then restarts the device
            shell.run("runuser -u edge -- edge ask install-update")
        else:
            shell.run(f"edge update install {STICK}/{trials[following].name} --restart", deadline_s=HEALTH_S)
        machine.wait(HEALTH_S)
    if following:
        _say(began_s, f"{following}: installed, and the restart asks for it")
        if not device.tryboot:
            raise ImageError(f"{following}: the restart did not ask for the new slot: {machine.events}")


def _refusal(shell: Shell, name: str) -> str:
    """Neither RAUC nor the appliance takes it, and no restart would try anything."""
    for command in ("rauc install", "edge update install"):
        said = shell.run(f"{command} {STICK}/{name} && echo INSTALLED", deadline_s=HEALTH_S, check=False)
        if "INSTALLED" in said:
            raise ImageError(f"{command} {name}: was installed")
    if shell.run("cat /run/systemd/reboot-param", check=False).startswith(firmware.FLAG):
        raise ImageError(f"{name}: was refused, and would be tried all the same")
    return said.splitlines()[-1]


def _tried(device: Device, name: str) -> None:
    """The trial, to its end; the slot that the device stays with."""
    began_s = time.monotonic()
    with device.running(device.other, {}) as (machine, shell):
        if name == GOOD:
            steps.up(shell)
            steps.active_since(shell, "edge-health.service", HEALTH_S)
            shell.send("systemctl reboot")
        machine.wait(HEALTH_S)
    if machine.ended != "guest-reset" and "watchdog" not in machine.events:
        raise ImageError(f"{name}: the trial ended with {machine.ended}")
    _say(began_s, f"{name}: the trial ended with {', '.join(machine.events)}")
    if name == GOOD:
        device.slot = device.other


def _events(machine: Machine, shell: Shell) -> set[str]:
    """Of the sample pictures, as a subscriber gets them."""
    welcome = owner.Welcome.read(shell.run("cat /bootcfg/edge-password.txt"))
    with owner.subscribed(machine.ports.broker, welcome) as inbox:
        steps.lay_pictures(shell)
        return {event["id"] for event, _ in inbox.wait_for(len(steps.PICTURES), steps.BOOT_S)}


def _version(trials: dict[str, Path], name: str) -> str:
    return str(json.loads(run(["rauc", "info", "--no-verify", "--output-format=json", trials[name]]))["version"])


def _say(began_s: float, what: str) -> None:
    sys.stdout.write(f"{time.monotonic() - began_s:8.1f} s  {what}\n")
    sys.stdout.flush()
