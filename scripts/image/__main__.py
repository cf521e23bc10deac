"""`scripts/image/build`: the twin's card from source, and what goes beside it."""

import argparse
import json
import os
import sys
from pathlib import Path

from edge import __version__
from edge.errors import EdgeError
from scripts.image import bundle, card, layout, packages, root, sbom
from scripts.image.running import ROOT, ImageError, digest, run, say

TOOLS = {
    "mmdebstrap": "mmdebstrap", "arch-test": "arch-test", "qemu-aarch64-static": "qemu-user-static", "update-binfmts": "binfmt-support",
    "genimage": "genimage", "mkfs.erofs": "erofs-utils", "mke2fs": "e2fsprogs", "mkfs.vfat": "dosfstools", "mcopy": "mtools",
    "bmaptool": "bmap-tools", "rauc": "rauc", "openssl": "openssl", "xz": "xz-utils", "zstd": "zstd", "file": "file",
    "qemu-system-aarch64": "qemu-system-arm", "qemu-img": "qemu-utils", "dtc": "device-tree-compiler", "sfdisk": "fdisk",
}  # fmt: skip
"""Program → Debian package: what building and trying need."""
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/image/build", description=__doc__)
    parser.add_argument("verb", choices=("build", "lock", "tools"), help=argparse.SUPPRESS)
    parser.add_argument("--mirror", default="", metavar="ADDRESS", help="of Debian; default: the system's own")
    parser.add_argument(
        "--package",
        type=Path,
        metavar="DEB",
        help="the appliance's package for arm64; default: scripts/package makes it",
    )
    parser.add_argument(
        "--keyring",
        type=Path,
        metavar="PEM",
        help="certificate whose updates are taken; default: one to try with is made",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: $EDGE_DATA/image")
    parser.add_argument("--no-pack", action="store_true", help="without .img.xz, block map and checksums")
    options = parser.parse_args(arguments)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    try:
        return VERBS[options.verb](options)
    except EdgeError as error:
        sys.stderr.write(f"image: {error}\n")
        return error.exit_code


def data_folder(options: argparse.Namespace) -> Path:
    folder = options.out or Path(os.environ.get("EDGE_DATA", ROOT / "var")) / "image"
    folder.mkdir(parents=True, exist_ok=True)
    return Path(folder).resolve()


def lock(options: argparse.Namespace) -> int:
    versions, date = packages.resolve(packages.sources(options.mirror))
    before = packages.read_lock()[0] if packages.LOCK.exists() else {}
    packages.write_lock(versions, date)
    sys.stdout.write("".join(f"{line}\n" for line in packages.differences(before, versions)))
    return 0


def tools(_: argparse.Namespace) -> int:
    """Install what is missing, as root."""
    missing = sorted({package for program, package in TOOLS.items() if not _found(program)})
    if missing:
        run(["apt-get", "-qq", "update"])
        run(
            [
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "-qq",
                "-y",
                "--no-install-recommends",
                "install",
                *missing,
            ]
        )
    if not (BINFMT / "register").exists():
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT])
    if not (BINFMT / "qemu-aarch64").exists():
        run(["update-binfmts", "--import", "qemu-aarch64"])
    return 0


def _found(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(":"))


def build(options: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise ImageError("needs root, to own the files of the root file system and to mount inside it")
    tools(options)
    data = data_folder(options)
    apt_sources = packages.sources(options.mirror)
    epoch = int(os.environ.get(root.EPOCH_ENV) or packages.read_lock()[1])
    os.environ[root.EPOCH_ENV] = str(epoch)
    packages.check_against_lock(packages.resolve(apt_sources)[0])
    keyring = options.keyring or bundle.make_certificate(data / "trial-keys", "trial")[0]
    package = options.package or made_package(data)
    boot, system = slot_images(data, apt_sources, package, keyring, epoch)
    image = assemble(data, boot, system, epoch)
    if not options.no_pack:
        card.publish(image, epoch, __version__)
    sys.stdout.write(f"{image}\n")
    return 0


def made_package(data: Path) -> Path:
    say("the appliance's package")
    env = {**os.environ, "PYTHON": sys.executable}
    printed = run(
        [ROOT / "scripts" / "package", "--suite", "trixie", "--arch", "arm64", "--out", data / "packages"], env=env
    )
    return Path(printed.splitlines()[-1])


def slot_images(data: Path, apt_sources: str, package: Path, keyring: Path, epoch: int) -> tuple[Path, Path]:
    """The two images of a slot, kept by what they are made of; and the bill of materials beside them."""
    tarball = root.base(data, apt_sources)
    scripts = (Path(__file__).with_name(name) for name in ("root.py", "card.py", "native"))
    made_of = digest(
        [package, keyring, *root.OVERLAYS, card.BOOT, card.FRAGMENTS, layout.SOURCE, *scripts], tarball.name, str(epoch)
    )
    boot, system = data / f"boot-{made_of}.vfat", data / f"system-{made_of}.erofs"
    if boot.exists() and system.exists():
        return boot, system
    target = data / "root"
    root.remove(target)
    root.lay(tarball, package, root.helpers(data, apt_sources), keyring, epoch, target)
    content = json.dumps(sbom.bill(target, card.CARD, __version__, epoch), indent=1) + "\n"
    (data / f"{card.CARD}.cdx.json").write_text(content, encoding="utf-8")
    say("file systems")
    partial = system.with_suffix(".partial")
    card.root_image(target, partial, epoch)
    kernel, ram_disk = root.kernel(target)
    files = {
        "kernel8.img": kernel.read_bytes(),
        "initramfs8": ram_disk.read_bytes(),
        **card.boot_settings(layout.load()),
    }
    folder = card.write_files(data / "boot", files)
    card.fat(boot, "boot", layout.load().of("fat", "A").size_mib, folder, epoch)
    partial.rename(system)
    return boot, system


def assemble(data: Path, boot: Path, system: Path, epoch: int) -> Path:
    table = layout.load()
    owner = data / "bootcfg.vfat"
    card.fat(
        owner,
        "bootcfg",
        table.of("fat").size_mib,
        card.write_files(data / "bootcfg", card.owner_files(table)),
        epoch,
    )
    kept = data / "data.ext4"
    card.data_image(kept, table.of("data"), epoch)
    return card.make(table, {"bootcfg": owner, "boot_a": boot, "system_a": system, "data": kept}, data)


VERBS = {"build": build, "lock": lock, "tools": tools}

if __name__ == "__main__":
    sys.exit(main())
