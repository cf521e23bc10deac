"""From a root file system to the card's image, and what goes beside it."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from scripts.image import layout, root
from scripts.image.layout import Layout
from scripts.image.running import ImageError, file_sha256, run, say

FOLDER = Path(__file__).parent
BOOT = FOLDER / "boot"
"""What the firmware reads beside kernel and RAM disk."""
FRAGMENTS = FOLDER.parents[1] / "hardware" / "config.txt.d"
"""Lines for the parts of the documented builds (docs/hardware.md)."""
ON_EVERY_CARD = ("10-camera.txt", "40-power-button.txt", "50-fan.txt")
"""Those that do nothing where the part is not wired; the others lie beside them, for the owner to append."""
DATA_FEATURES = "^metadata_csum_seed,^orphan_file"
"""Off: features that an older e2fsprogs on the building machine would set and the card's own would not mend, or the other way round."""
CARD = "edge-appliance"


def autoboot(card: Layout, slot: str = "A") -> str:
    """What the firmware reads first: the system that starts, and the one that is tried when a restart asks for it."""
    other = next(each for each in card.slots if each != slot)
    return (
        f"[all]\ntryboot_a_b=1\nboot_partition={card.of('fat', slot).number}\n\n"
        f"[tryboot]\nboot_partition={card.of('fat', other).number}\n"
    )


def command_line(card: Layout, slot: str) -> str:
    """Of a slot; the same boot partition serves both, config.txt chooses."""
    common = (BOOT / "cmdline.txt").read_text(encoding="ascii").strip()
    return f"root=PARTLABEL={card.of('root', slot).label} rauc.slot={slot} {common}\n"


def boot_settings(card: Layout) -> dict[str, bytes]:
    """What the firmware is told, by name."""
    settings = {f"cmdline_{slot.lower()}.txt": command_line(card, slot).encode() for slot in card.slots}
    return {**firmware_settings(), **settings}


def firmware_settings() -> dict[str, bytes]:
    """config.txt, and what may be appended to it."""
    texts = [BOOT / "config.txt", *(FRAGMENTS / name for name in ON_EVERY_CARD)]
    more = {path.name: path.read_bytes() for path in sorted(FRAGMENTS.glob("*.txt")) if path.name not in ON_EVERY_CARD}
    return {"config.txt": b"".join(path.read_bytes() for path in texts), **more}


def owner_files(card: Layout) -> dict[str, bytes]:
    """Of the partition that the owner sees."""
    return {"autoboot.txt": autoboot(card).encode(), "README.txt": (BOOT / "README.txt").read_bytes()}


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder with these files only."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def fat(path: Path, label: str, size_mib: int, folder: Path, epoch: int) -> None:
    """A FAT32 file system with what is in `folder`, all of one date; the same bytes for the same content."""
    for each in folder.rglob("*"):
        os.utime(each, (epoch, epoch))
    path.unlink(missing_ok=True)
    run(["mkfs.vfat", "-C", "-F", "32", "-s", "1", "--invariant", "-n", label.upper(), path, str(size_mib * 1024)])
    env = {**os.environ, root.EPOCH_ENV: str(epoch), "TZ": "UTC"}
    for each in sorted(folder.iterdir()):
        run(["mcopy", "-s", "-m", "-i", path, each, "::"], env=env)


def root_image(target: Path, path: Path, epoch: int) -> None:
    """Read-only and compressed: fewer bytes come from the card, and nothing can write there."""
    path.unlink(missing_ok=True)
    run(["mkfs.erofs", "-zlz4hc,9", f"-T{epoch}", "-U", str(layout.identifier("root")), path, target])


def data_image(path: Path, partition: layout.Partition, epoch: int) -> None:
    """The data partition before its first boot: empty."""
    path.unlink(missing_ok=True)
    env = {**os.environ, root.EPOCH_ENV: str(epoch), "E2FSPROGS_FAKE_TIME": str(epoch)}
    extended = f"hash_seed={partition.uuid},lazy_itable_init=0,root_owner=0:0"
    run(
        ["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-m", "1", "-L", partition.label, "-U", str(partition.uuid),
         "-E", extended, "-O", DATA_FEATURES,
         path, f"{partition.size_mib}M"],
        env=env,
    )  # fmt: skip


def make(card: Layout, files: dict[str, Path], out: Path) -> Path:
    """The card's image by genimage, without loop mounts.

    Args:
        files: by label, what a partition begins with. The second slot begins empty: the first update fills it.
    """
    for label, path in files.items():
        partition = next(each for each in card.partitions if each.label == label)
        if path.stat().st_size > partition.size_mib << 20:
            raise ImageError(f"{path.name}: {path.stat().st_size >> 20} MiB, {label} has {partition.size_mib}")
    work = out / "genimage"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("root", "tmp", "in"):
        (work / name).mkdir(parents=True)
    for path in files.values():
        (work / "in" / path.name).symlink_to(path.resolve())
    name = f"{CARD}-{card.variant}.img"
    (work / "genimage.cfg").write_text(
        layout.genimage(card, {label: path.name for label, path in files.items()}, name), encoding="utf-8"
    )
    say("the card")
    run(
        ["genimage", "--config", work / "genimage.cfg", "--rootpath", work / "root", "--tmppath", work / "tmp",
         "--inputpath", work / "in", "--outputpath", out]
    )  # fmt: skip
    shutil.rmtree(work)
    return out / name


def publish(image: Path, epoch: int, version: str) -> list[Path]:
    """What a person downloads: packed image, block map, checksums, and the entry for Raspberry Pi Imager."""
    say("packing, block map, checksums")
    packed = image.with_suffix(".img.xz")
    run(["xz", "--keep", "--force", "-2", "--threads=0", image])
    bmap = image.with_suffix(".bmap")
    run(["bmaptool", "create", "--output", bmap, image])
    entry = image.with_suffix(".imager.json")
    entry.write_text(imager_entry(image, packed, epoch, version), encoding="utf-8")
    sums = image.with_suffix(".sha256")
    sums.write_text("".join(f"{file_sha256(path)}  {path.name}\n" for path in (image, packed, bmap)), encoding="ascii")
    return [packed, bmap, sums, entry]


def imager_entry(image: Path, packed: Path, epoch: int, version: str) -> str:
    """One entry of the list that Raspberry Pi Imager 2 takes as its repository; without it Imager offers no customisation."""
    entry = {
        "name": f"Edge appliance {version}",
        "description": "Recognises what its camera sees, keeps it and publishes it over MQTT",
        "url": packed.name,
        "extract_size": image.stat().st_size,
        "extract_sha256": file_sha256(image),
        "image_download_size": packed.stat().st_size,
        "image_download_sha256": file_sha256(packed),
        "release_date": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d"),
        "init_format": "rpi-preseed",
        "devices": ["pi5-64bit", "pi4-64bit"] if "-ab" in image.name else ["pi3-64bit", "pizero2-64bit"],
    }
    return json.dumps({"os_list": [entry]}, indent=2) + "\n"
