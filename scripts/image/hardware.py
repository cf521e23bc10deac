"""What rpi-image-gen's hooks call: the hardware image from the twin's sources. Not run on a machine without that tool (docs/flash.md)."""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from scripts.image import card, layout, root
from scripts.image.layout import Layout

FIRMWARE = Path("boot/firmware")
"""Where Raspberry Pi OS's packages lay kernel, initial RAM disk, device trees and the firmware itself."""
ONLY_ROOT = "/dev/mmcblk0p2"
"""An MBR has no partition labels."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m scripts.image.hardware", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    laid = verbs.add_parser("lay", help="the image's own files into a root file system")
    laid.add_argument("target", type=Path)
    laid.add_argument("--keyring", type=Path, required=True)
    made = verbs.add_parser("images", help="file systems and genimage.cfg")
    made.add_argument("target", type=Path)
    made.add_argument("into", type=Path)
    made.add_argument("--name", required=True)
    for each in (laid, made):
        each.add_argument("--variant", choices=("ab", "single"), required=True)
    options = parser.parse_args(arguments)
    if options.verb == "lay":
        root.lay_over(options.target, overlays(options.variant), layout.load(options.variant), options.keyring, "pi")
    else:
        images(options.target, options.into, layout.load(options.variant), options.name)
    return 0


def overlays(variant: str) -> tuple[Path, ...]:
    """The twin's without what is the twin's alone."""
    common = root.OVERLAYS[: -len(root.TWIN_ONLY)]
    return common if variant == "ab" else (*common, card.FOLDER / "single" / "overlay")


def images(target: Path, into: Path, table: Layout, name: str) -> None:
    """File systems for genimage, and its description."""
    epoch = int(os.environ.get(root.EPOCH_ENV) or time.time())
    boot = into / "boot"
    shutil.rmtree(boot, ignore_errors=True)
    shutil.copytree(target / FIRMWARE, boot)
    for each, content in boot_settings(table).items():
        (boot / each).write_bytes(content)
    files = {"data": into / "data.ext4", table.of("root").label: into / "system.erofs"}
    card.data_image(files["data"], table.of("data"), epoch)
    card.root_image(target, files[table.of("root").label], epoch)
    if table.slots:
        files |= {"boot_a": into / "boot.vfat", "bootcfg": into / "bootcfg.vfat"}
        card.fat(files["boot_a"], "boot", table.of("fat", "A").size_mib, boot, epoch)
        owner = into / "bootcfg"
        card.write_files(owner, card.owner_files(table))
        card.fat(files["bootcfg"], "bootcfg", table.of("fat").size_mib, owner, epoch)
    else:
        files["bootcfg"] = into / "bootcfg.vfat"
        card.fat(files["bootcfg"], "bootcfg", table.of("fat").size_mib, boot, epoch)
    names = {label: path.name for label, path in files.items()}
    (into / "genimage.cfg").write_text(layout.genimage(table, names, name), encoding="utf-8")


def boot_settings(table: Layout) -> dict[str, bytes]:
    """Of the boot partition, beside what the packages lay there."""
    if table.slots:
        return card.boot_settings(table)
    only = f"root={ONLY_ROOT} {(card.BOOT / 'cmdline.txt').read_text(encoding='ascii')}"
    return {**card.firmware_settings(), "cmdline.txt": only.encode()}


if __name__ == "__main__":
    sys.exit(main())
