"""The twin's root file system: Debian's part, which is kept, and the appliance laid over it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from edge import __version__
from scripts.image import layout, packages
from scripts.image.running import ROOT, ImageError, digest, run, say

FOLDER = Path(__file__).parent
TWIN_ONLY = (FOLDER / "twin" / "overlay",)
OVERLAYS = (ROOT / "systemd" / "image", FOLDER / "overlay", *TWIN_ONLY)
"""Later ones win."""
EPOCH_ENV = "SOURCE_DATE_EPOCH"
MOUNT_POINTS = ("data", "bootcfg", "boot/firmware")
COMPATIBLE = {"twin": "edge-twin", "pi": "edge-pi"}
USERS = {"edge": 987, "mosquitto": 100}
"""Their files lie on the data partition and outlive an update: their numbers have to be the same in every image."""
PRESETS = Path("usr/lib/systemd/system-preset")


def helpers(data: Path, apt_sources: str, lock: Path = packages.LOCK) -> Path:
    """amd64 programs that serve the chroot while packages are installed."""
    folder = data / f"helpers-{digest([lock, FOLDER / 'native'])}"
    if not folder.is_dir():
        say("amd64 helpers")
        partial = folder.with_suffix(".partial")
        remove(partial)
        run([FOLDER / "native", "fetch", partial, _sources_file(data, apt_sources)])
        partial.rename(folder)
    return folder


def base(data: Path, apt_sources: str) -> Path:
    """Tarball of Debian's part, cached by what it is made of.

    Raises:
        ImageError: it cannot be made, or has other versions than the lock.
    """
    locked, date = packages.read_lock()
    tarball = data / f"base-{digest([packages.LOCK, FOLDER / 'native', FOLDER / 'base'])}.tar.zst"
    if tarball.exists():
        return tarball
    programs = helpers(data, apt_sources)
    say(f"Debian's part: {len(locked)} packages, installed under emulation (some minutes of processor time)")
    listed = _sources_file(data, apt_sources)
    env = {**os.environ, EPOCH_ENV: str(date)}
    run([FOLDER / "base", tarball, listed, programs, *packages.wanted()], env=env)
    return tarball


def _sources_file(data: Path, apt_sources: str) -> Path:
    path = data / "sources.list"
    path.write_text(apt_sources, encoding="utf-8")
    return path


def lay(tarball: Path, package: Path, programs: Path, keyring: Path, epoch: int, target: Path) -> None:
    """Unpack Debian's part and lay the appliance over it.

    Args:
        package: the appliance's own Debian package, for arm64.
        programs: the helpers.
        keyring: certificate whose bundles are taken.
        target: a folder that is not there yet.
    """
    target.mkdir(parents=True)
    run(["tar", "--zstd", "--extract", "--file", tarball, "--directory", target, "--numeric-owner", "--xattrs"])
    check_versions(target)
    install(target, package, programs)
    check_users(target)
    say("the appliance's own files")
    lay_over(target, OVERLAYS, layout.load(), keyring, "twin")
    make_ram_disk(target, programs)
    tidy(target, epoch)


def lay_over(target: Path, overlays: tuple[Path, ...], card: layout.Layout, keyring: Path, build: str) -> None:
    """The image's own files, the same in both builds but for the overlays that are named.

    Args:
        build: twin or pi: whose updates are taken.
    """
    for overlay in overlays:
        run(["cp", "-a", "--no-preserve=ownership", f"{overlay}/.", target])
    write_generated(target, card, keyring, COMPATIBLE[build])
    for name in MOUNT_POINTS:
        (target / name).mkdir(parents=True, exist_ok=True)
    enable(target)


def make_ram_disk(target: Path, programs: Path) -> None:
    say("initial RAM disk")
    run([FOLDER / "native", "lend-few", target, programs])
    try:
        chroot(target, "update-initramfs", "-c", "-k", "all")
    finally:
        run([FOLDER / "native", "return", target])


def install(target: Path, package: Path, programs: Path) -> None:
    say(f"{package.name} into the root")
    run([FOLDER / "native", "lend", target, programs])
    try:
        shutil.copy(package, target / "package.deb")
        chroot(target, "dpkg", "--install", "/package.deb")
        compile_python(target)
    finally:
        (target / "package.deb").unlink(missing_ok=True)
        run([FOLDER / "native", "return", target])


def compile_python(target: Path) -> None:
    """Nothing changes in a root that is only read: a start need not read every source to see whether its bytecode still fits."""
    folders = [*sorted(target.glob("usr/lib/python3*")), target / "usr/lib/edge-appliance/lib"]
    inside = [f"/{folder.relative_to(target)}" for folder in folders]
    chroot(
        target, "python3", "-m", "compileall", "-q", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash", *inside
    )


def check_versions(target: Path) -> None:
    listed = run(["dpkg-query", f"--admindir={target}/var/lib/dpkg", "--show", "--showformat=${Package}=${Version}\n"])
    there = dict(line.split("=", 1) for line in listed.splitlines())
    if found := packages.differences(packages.read_lock()[0], there):
        raise ImageError(
            f"the root has other packages than packages.lock: {'; '.join(found)}", hint="remove it and build again"
        )


def check_users(target: Path) -> None:
    rows = (line.split(":") for line in (target / "etc/passwd").read_text(encoding="utf-8").splitlines())
    numbers = {row[0]: int(row[2]) for row in rows}
    if moved := {name: numbers.get(name) for name, number in USERS.items() if numbers.get(name) != number}:
        raise ImageError(
            f"users with other numbers than images before this one: {moved}",
            hint="the packages make users in another order: give these their numbers with a file in /usr/lib/sysusers.d",
        )


def write_generated(target: Path, card: layout.Layout, keyring: Path, compatible: str) -> None:
    """What follows from the layout table, and whose updates are taken."""
    if card.slots:
        growth, rauc = target / "usr/lib/repart.d/50-data.conf", target / "etc/rauc"
        for folder in (growth.parent, rauc):
            folder.mkdir(parents=True, exist_ok=True)
        growth.write_text(layout.repart(card), encoding="utf-8")
        (rauc / "system.conf").write_text(rauc_system(card, compatible), encoding="utf-8")
        shutil.copyfile(keyring, rauc / "keyring.pem")
    release = target / "usr/lib/os-release"
    lines = release.read_text(encoding="utf-8").splitlines() if release.exists() else []
    lines = [
        *(line for line in lines if not line.startswith("IMAGE_")),
        "IMAGE_ID=edge-appliance",
        f"IMAGE_VERSION={__version__}",
    ]
    release.parent.mkdir(parents=True, exist_ok=True)
    release.write_text("\n".join([*lines, ""]), encoding="utf-8")
    # Each device makes its own: empty, so that the first start is taken for one of many and writes it.
    (target / "etc/machine-id").write_text("")
    (target / "etc/hostname").unlink(missing_ok=True)
    resolv = target / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.symlink_to("/run/NetworkManager/resolv.conf")


def rauc_system(card: layout.Layout, compatible: str) -> str:
    """RAUC's view of the slots."""
    parts = [
        "# From scripts/image/layout.toml.",
        "[system]",
        f"compatible={compatible}",
        "bootloader=custom",
        "bundle-formats=verity",
        "data-directory=/data/rauc",
        "",
        "[keyring]",
        "path=/etc/rauc/keyring.pem",
        "",
        "[handlers]",
        "bootloader-custom-backend=/usr/lib/edge-image/slots",
    ]
    for index, slot in enumerate(card.slots):
        root, boot = card.of("root", slot), card.of("fat", slot)
        parts += [
            "",
            f"[slot.system.{index}]",
            f"device=/dev/disk/by-partlabel/{root.label}",
            "type=raw",
            f"bootname={slot}",
        ]
        parts += [
            "",
            f"[slot.boot.{index}]",
            f"device=/dev/disk/by-partlabel/{boot.label}",
            "type=vfat",
            f"parent=system.{index}",
        ]
    return "\n".join([*parts, ""])


def enable(target: Path) -> None:
    """What starts: by the presets that lie in the root."""
    for preset in sorted((target / PRESETS).glob("*edge*.preset")):
        for verb, unit in re.findall(r"^(enable|disable) (\S+)$", preset.read_text(encoding="utf-8"), re.MULTILINE):
            run(["systemctl", f"--root={target}", verb, unit])


INSIDE = """
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs run "$1/run"
root=$1
shift
exec chroot "$root" "$@"
"""


def chroot(target: Path, *command: str) -> None:
    """Run a command of the root's own, with the kernel's file systems, in a mount name space that goes with it."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    env |= {EPOCH_ENV: os.environ.get(EPOCH_ENV, "0")}
    run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", INSIDE, "chroot", target, *command],
        env=env,
    )


def tidy(target: Path, epoch: int) -> None:
    """What differs from build to build goes, or gets the build's date."""
    for name in ("var/log", "var/cache", "tmp", "run"):
        for path in (target / name).rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.unlink()
    for path in (*target.glob("etc/*-"), *target.glob("var/lib/dpkg/*-old")):
        path.unlink()
    for path in [target, *target.rglob("*")]:
        if path.lstat().st_mtime > epoch:
            os.utime(path, (epoch, epoch), follow_symlinks=False)


def kernel(target: Path) -> tuple[Path, Path]:
    """Kernel and initial RAM disk."""
    found = sorted(target.glob("boot/vmlinuz-*"))
    if len(found) != 1:
        raise ImageError(f"{target}/boot: {len(found)} kernels", hint="packages.txt names one")
    return found[0], found[0].with_name(found[0].name.replace("vmlinuz", "initrd.img"))


def remove(target: Path) -> None:
    """A root may hold what only root may remove; nothing is mounted in it."""
    if target.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", target], check=True)
