"""The card's layout: one table, from which everything else follows."""

import re
from pathlib import Path

import pytest

from scripts.image import card, layout, root
from scripts.image.layout import Layout


@pytest.fixture(params=["ab", "single"])
def table(request: pytest.FixtureRequest) -> Layout:
    return layout.load(request.param)


def test_the_layouts_have_no_flaws(table: Layout) -> None:
    assert layout.flaws(table) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (("size = 64\n", "size = 32\n"), "FAT16"),
        (
            ('label = "boot_b"\nkind = "fat"\nsize = 256', 'label = "boot_b"\nkind = "fat"\nsize = 128'),
            "the slots differ in size",
        ),
        (('kind = "data"\nsize = 128\n\n[single]', 'kind = "root"\nsize = 128\n\n[single]'), "the last partition"),
        (('label = "system_b"\nkind = "root"', 'label = "system_b"\nkind = "swap"'), "'swap' is none of"),
    ],
)
def test_flaws_are_found(tmp_path: Path, change: tuple[str, str], flaw: str) -> None:
    text = layout.SOURCE.read_text(encoding="utf-8")
    assert change[0] in text
    source = tmp_path / "layout.toml"
    source.write_text(text.replace(*change, 1), encoding="utf-8")
    assert any(flaw in each for each in layout.flaws(layout.load("ab", source)))


def test_slots_end_where_the_next_begins(table: Layout) -> None:
    """The description for genimage names every partition with its size, in the order of the table."""
    text = layout.genimage(table, {"data": "data.ext4"}, "card.img")
    assert re.findall(r"^  partition (\S+) \{", text, re.MULTILINE) == [each.label for each in table.partitions]
    assert [int(size) for size in re.findall(r"^    size = (\d+)M", text, re.MULTILINE)] == [
        each.size_mib for each in table.partitions
    ]
    assert text.count("image = ") == 1


def test_only_the_data_partition_grows() -> None:
    table = layout.load()
    kind = re.search(r"^Type=(\S+)$", layout.repart(table), re.MULTILINE)
    assert kind is not None
    assert [each.label for each in table.partitions if layout.GPT_TYPES[each.kind].lower() == kind[1]] == ["data"]


def test_the_updater_writes_the_slots_of_the_table() -> None:
    table = layout.load()
    devices = re.findall(r"^device=/dev/disk/by-partlabel/(\S+)$", root.rauc_system(table, "x"), re.MULTILINE)
    assert sorted(devices) == sorted(each.label for each in table.partitions if each.slot)


def test_each_slot_starts_its_own_root() -> None:
    table = layout.load()
    for slot in table.slots:
        assert f"root=PARTLABEL={table.of('root', slot).label} rauc.slot={slot} " in card.command_line(table, slot)


def test_what_is_mounted_by_label_is_on_the_card(table: Layout) -> None:
    fstab = (root.FOLDER / "overlay/etc/fstab").read_text(encoding="utf-8")
    labels = {label.lower() for label in re.findall(r"^LABEL=(\S+)", fstab, re.MULTILINE)}
    assert labels == {"data", "bootcfg"}
    assert labels <= {each.label for each in table.partitions}
    assert not re.search(r"^UUID=|\bswap\b(?!:)", re.sub(r"#.*", "", fstab), re.MULTILINE)
