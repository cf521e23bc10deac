"""The model of the firmware, and what the appliance writes for it: together they choose the system that starts."""

from pathlib import Path

import pytest

from edge.update.slots import PARTITIONS, Slot, Slots
from scripts.image import card, layout
from scripts.image.running import ImageError
from scripts.image.twin import firmware


class Device:
    """The files that the appliance sees, and what the firmware would start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "bootcfg").mkdir()
        self._autoboot.write_text(card.autoboot(layout.load()), encoding="ascii")
        self.start()

    @property
    def _autoboot(self) -> Path:
        return self._folder / "bootcfg" / "autoboot.txt"

    @property
    def _request(self) -> Path:
        return self._folder / "reboot-param"

    @property
    def slots(self) -> Slots:
        return Slots(
            self._folder / "bootcfg",
            self._folder / "data",
            cmdline=self._folder / "cmdline",
            reboot_param=self._request,
        )

    def start(self, *, in_order: bool = True) -> str:
        """Restart, by the system or by a reset; the slot that runs then."""
        tryboot = (
            in_order and self._request.exists() and self._request.read_text(encoding="ascii").strip() == firmware.FLAG
        )
        number = firmware.boot_partition(self._autoboot.read_text(encoding="ascii"), tryboot=tryboot)
        self._request.unlink(missing_ok=True)
        slot = layout.load().partitions[number - 1].slot
        (self._folder / "cmdline").write_text(card.command_line(layout.load(), slot), encoding="ascii")
        return slot


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def install(device: Device, slot: Slot) -> None:
    """What RAUC asks for while it installs."""
    device.slots.mark(slot, "bad")
    device.slots.arm(slot)


def test_a_new_card_starts_the_first_slot(device: Device) -> None:
    assert (device.slots.booted, device.slots.default) == ("A", "A")


def test_an_installed_system_is_tried_once_and_stays_when_it_is_good(device: Device) -> None:
    install(device, "B")
    assert device.start() == "B"
    assert device.slots.on_trial
    device.slots.mark("B", "good")
    assert device.start() == "B"
    assert not device.slots.on_trial


def test_what_is_never_good_is_left_at_the_next_restart(device: Device) -> None:
    install(device, "B")
    assert device.start() == "B"
    assert device.start() == "A"


def test_a_reset_before_the_trial_stays_with_the_old_system(device: Device) -> None:
    """The request lies in memory: a power cut takes it along."""
    install(device, "B")
    assert device.start(in_order=False) == "A"


def test_back_and_forth(device: Device) -> None:
    slots: tuple[Slot, ...] = ("B", "A", "B")
    for slot in slots:
        install(device, slot)
        assert device.start() == slot
        device.slots.mark(slot, "good")
        assert device.start() == slot


def test_the_layout_has_the_partitions_that_the_appliance_knows() -> None:
    table = layout.load()
    assert {slot: table.of("fat", slot).number for slot in table.slots} == PARTITIONS


@pytest.mark.parametrize(
    ("text", "tryboot", "number"),
    [
        ("[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n", False, 2),
        ("[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n", True, 3),
        ("# a word\ntryboot_a_b=1 # another\nboot_partition=3\n", False, 3),
    ],
)
def test_autoboot_is_read_as_documented(text: str, tryboot: bool, number: int) -> None:
    assert firmware.boot_partition(text, tryboot=tryboot) == number


def test_the_flag_without_slots_is_no_choice() -> None:
    with pytest.raises(ImageError, match="tryboot_a_b"):
        firmware.boot_partition("boot_partition=2\n", tryboot=True)


def test_one_configuration_serves_both_slots() -> None:
    text = card.firmware_settings()["config.txt"].decode()
    for slot, number in PARTITIONS.items():
        assert firmware.settings(text, boot_partition=number)["cmdline"] == f"cmdline_{slot.lower()}.txt"
    assert "cmdline" not in firmware.settings(text, boot_partition=1), "with one system there is one command line"
