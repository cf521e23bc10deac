"""The units of the flashable card under the real systemd: first boot makes the device, its own broker asks for passwords, a new system on
trial stays when it is well and goes when it is not. The slots' boot partition is a folder here, and the firmware is not there.
"""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.nspawn import BOOT_S, MAKING_S, NEEDS_MACHINE, PACKING_S, Layered, Machine, booted, debian_root
from tests.support import until

LIFE_S = 400
EXPOSURE = 2.0
OWNERS = (
    '[[camera]]\nname = "pictures"\nsource = "folder:/srv/pictures"\n[[camera]]\nname = "pattern"\nsource = "test:"\n'
)
ON_TRIAL = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"
COMMITTED = "[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n"
SLOT_B = "rauc.slot=B"
# The container sees its host's kernel.
COMMAND_LINE = """\
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount --bind /etc/cmdline /proc/cmdline
[Install]
WantedBy=sysinit.target
"""
PRESETS = "edge-first-boot.service edge-health.service mosquitto.service NetworkManager-wait-online.service"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(MAKING_S + PACKING_S + LIFE_S),
    *NEEDS_MACHINE,
]


@pytest.fixture
def card(base_dir: Path, trixie_package: Path, samples: Path, tmp_path: Path) -> Layered:
    """The package with what the image adds to it, and the owner's configuration on the boot partition."""
    layered = Layered(debian_root("trixie", base_dir), tmp_path)
    layered.install(trixie_package)
    layered.run(
        "sh", "-c", f"cp -r /usr/share/edge-appliance/image/. /; rm /etc/edge/edge.toml; systemctl preset {PRESETS}"
    )
    layered.write("/etc/cmdline", f"{SLOT_B}\n")
    layered.write("/etc/systemd/system/cmdline.service", COMMAND_LINE)
    layered.run("systemctl", "enable", "cmdline.service")
    layered.write("/bootcfg/edge.toml", OWNERS)
    layered.write("/bootcfg/autoboot.txt", ON_TRIAL)
    shutil.copytree(samples / "pictures", layered.written("/srv/pictures"))
    return layered


def test_a_card_becomes_a_device_and_a_good_system_stays(card: Layered, tmp_path: Path) -> None:
    with slot_b(card, tmp_path) as machine:
        machine.until_active("edge.service")
        assert machine.ask("systemctl", "--failed", "--quiet", "--plain", "--no-legend") == ""
        first_boot_made_the_device(machine)
        only_a_password_opens_the_broker(machine)
        machine.until_active("edge-health.service")
        assert machine.ask("cat", "/bootcfg/autoboot.txt") + "\n" == COMMITTED
        machine.ask("systemd-analyze", "security", f"--threshold={EXPOSURE * 10:.0f}", "mosquitto.service")
        assert "edge.conf" not in machine.run("systemd-analyze", "verify", "--man=no", "mosquitto.service").stderr
        machine.stop()
    stopped = machine.console.index("Stopped edge.service")
    assert stopped < machine.console.index("Stopped mosquitto.service"), "messages were left over"


def test_a_system_that_is_not_well_is_left(card: Layered, tmp_path: Path) -> None:
    card.write("/etc/systemd/system/edge.service.d/broken.conf", "[Service]\nExecStartPre=/bin/false\n")
    quick = "[Service]\nExecStart=\nExecStart=/usr/bin/edge health --wait 3 --decide\n"
    card.write("/etc/systemd/system/edge-health.service.d/quick.conf", quick)
    with slot_b(card, tmp_path) as machine:
        until(lambda: "reboot.target" in machine.console, BOOT_S, "a restart")
    assert card.written("/bootcfg/autoboot.txt").read_text(encoding="ascii") == ON_TRIAL
    assert "bad" in card.written("/var/lib/edge/update/slots.json").read_text(encoding="utf-8")


def slot_b(card: Layered, tmp_path: Path) -> AbstractContextManager[Machine]:
    """The new system's first start."""
    return booted(card, tmp_path / "console", kernel=SLOT_B)


def first_boot_made_the_device(machine: Machine) -> None:
    assert machine.show("edge-first-boot.service", "Result") == "success"
    assert machine.ask("cat", "/etc/edge/edge.toml").startswith(OWNERS.splitlines()[0])
    device = machine.ask("cat", "/var/lib/edge/device-id")
    assert device in machine.ask("journalctl", "--unit=edge.service", "--no-pager")
    assert "Password:" in machine.ask("cat", "/bootcfg/edge-password.txt")
    assert machine.run("test", "-e", "/bootcfg/edge-error.txt").returncode != 0, machine.run(
        "cat", "/bootcfg/edge-error.txt"
    ).stdout


def only_a_password_opens_the_broker(machine: Machine) -> None:
    listen = ["mosquitto_sub", "-h", "127.0.0.1", "-t", "edge/#", "-C", "1", "-W", "30"]
    assert machine.run(*listen).returncode != 0
    password = machine.ask("cat", "/var/lib/edge/broker/home-password")
    assert machine.ask(*listen, "-u", "home", "-P", password)
    assert machine.ask("stat", "-c", "%U", "/var/lib/edge/broker/mosquitto.conf") == "mosquitto"
