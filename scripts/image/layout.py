"""The card's partitions, and what is made from them: the description for genimage and the growth for systemd-repart."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "layout.toml"
KINDS = ("fat", "root", "data")
SMALLEST_FAT32_MIB = 64
GPT_TYPES = {
    "fat": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",  # basic data: what the Pi's boot ROM reads
    "root": "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",  # root, arm64
    "data": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",  # Linux: the only one of its type, so that growth finds it
}
MBR_TYPES = {"fat": "0xC", "root": "0x83", "data": "0x83"}
NAMESPACE = UUID("6f0a2d52-8f0f-4d43-9a0e-3d1f6b1f0f5e")


def identifier(name: str) -> UUID:
    """The same in every build: two builds give the same card."""
    return uuid5(NAMESPACE, name)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition. `number` counts from 1, as the firmware's boot_partition= does; `slot`: A, B or none."""

    number: int
    label: str
    kind: str
    size_mib: int
    slot: str = ""

    @property
    def uuid(self) -> UUID:
        return identifier(self.label)


@dataclass(frozen=True, slots=True)
class Layout:
    """The partitions of one variant, in the order of the card."""

    variant: str
    table: str
    align_mib: int
    partitions: tuple[Partition, ...]

    def of(self, kind: str, slot: str = "") -> Partition:
        """The first partition of a kind, of a slot where one is named."""
        return next(each for each in self.partitions if each.kind == kind and slot in ("", each.slot))

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(sorted({each.slot for each in self.partitions if each.slot}))


def load(variant: str = "ab", source: Path = SOURCE) -> Layout:
    raw = tomllib.loads(source.read_text(encoding="utf-8"))[variant]
    partitions = tuple(
        Partition(number, each["label"], each["kind"], each["size"], each.get("slot", ""))
        for number, each in enumerate(raw["partition"], 1)
    )
    return Layout(variant, raw["table"], raw["align"], partitions)


def flaws(layout: Layout) -> list[str]:
    """What would not boot, or not grow."""
    found = [
        f"{each.label}: kind {each.kind!r} is none of {', '.join(KINDS)}"
        for each in layout.partitions
        if each.kind not in KINDS
    ]
    found += [
        f"{each.label}: {each.size_mib} MiB of FAT would become FAT16; {SMALLEST_FAT32_MIB} is the least"
        for each in layout.partitions
        if each.kind == "fat" and each.size_mib < SMALLEST_FAT32_MIB
    ]
    if layout.partitions[0].kind != "fat":
        found.append("the first partition is not FAT: the firmware looks for autoboot.txt there")
    if [each.kind for each in layout.partitions].count("data") != 1 or layout.partitions[-1].kind != "data":
        found.append("the last partition, and no other, has to be of the kind data: it grows")
    if layout.table == "mbr" and len(layout.partitions) > 4:
        found.append("an MBR has four partitions")
    for slot in layout.slots:
        if sorted(each.kind for each in layout.partitions if each.slot == slot) != ["fat", "root"]:
            found.append(f"slot {slot} needs one partition to boot from and one root")
    sizes = {(each.kind, each.size_mib) for each in layout.partitions if each.slot}
    if layout.slots and len(sizes) != 2:
        found.append("the slots differ in size: what fits into one has to fit into the other")
    return found


def genimage(layout: Layout, files: dict[str, str], card: str) -> str:
    """The description of the card for genimage.

    Args:
        files: by label, the image that a partition begins with; a partition without one begins empty.
        card: the name of the card's image.
    """
    lines = [
        f"image {card} {{",
        "  hdimage {",
        f"    align = {layout.align_mib}M",
        f'    partition-table-type = "{layout.table}"',
    ]
    if layout.table == "gpt":
        lines.append(f'    disk-uuid = "{identifier(layout.variant)}"')
    else:
        lines.append(f"    disk-signature = 0x{identifier(layout.variant).hex[:8]}")
    lines.append("  }")
    for each in layout.partitions:
        lines.append(f"  partition {each.label} {{")
        if layout.table == "gpt":
            lines += [f'    partition-type-uuid = "{GPT_TYPES[each.kind]}"', f'    partition-uuid = "{each.uuid}"']
        else:
            lines.append(f"    partition-type = {MBR_TYPES[each.kind]}")
        if each.label in files:
            lines.append(f'    image = "{files[each.label]}"')
        lines += [f"    size = {each.size_mib}M", "  }"]
    return "\n".join([*lines, "}", ""])


def repart(layout: Layout) -> str:
    """What systemd-repart grows to the end of the card. It knows GPT only: the other table has the unit edge-grow-card."""
    data = layout.of("data")
    return (
        f"# From scripts/image/layout.toml.\n[Partition]\nType={GPT_TYPES['data'].lower()}\nLabel={data.label}\n"
        f"SizeMinBytes={data.size_mib}M\n"
    )
