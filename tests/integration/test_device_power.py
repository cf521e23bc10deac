"""Power from real sources: each flips the verdict of a work, and starts or stops it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from edge.device.firmware import THROTTLED
from tests.device_nut import nut
from tests.device_rig import device, need_programs, server, system_bus
from tests.support import ROOT

CHARGING = {"kind": "charging"}
NOT_LOW = {"kind": "battery-not-low"}
STEADY = {"kind": "no-under-voltage"}
COOL = {"kind": "not-hot"}
POLLED = "poll_s = 0.1\n"


def write(root: Path, name: str, text: str) -> None:
    path = root / "sys" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def grow_ups_hat(root: Path) -> None:
    """A gauge and a charger, as the kernel shows a UPS HAT with its overlays."""
    write(root, "class/power_supply/charger/type", "Mains")
    write(root, "class/power_supply/charger/online", "1")
    write(root, "class/power_supply/battery/type", "Battery")
    write(root, "class/power_supply/battery/capacity", "41")


def test_a_ups_hat_in_sysfs(tmp_path: Path) -> None:
    grow_ups_hat(tmp_path)
    with device(tmp_path, [CHARGING], root=tmp_path, config=POLLED) as seen:
        assert seen.runs()["power"]["battery_percent"] == 41
        write(tmp_path, "class/power_supply/charger/online", "0")
        line = seen.waits_for("mains power: on battery since ")
        assert line["waits_for"].endswith(", 41 %")
        assert line["stop_reason"] == "charging"
        write(tmp_path, "class/power_supply/charger/online", "1")
        seen.runs()


def test_a_battery_that_runs_low(tmp_path: Path) -> None:
    grow_ups_hat(tmp_path)
    with device(tmp_path, [NOT_LOW], root=tmp_path, config=POLLED) as seen:
        seen.runs()
        write(tmp_path, "class/power_supply/battery/capacity", "15")
        assert seen.waits_for("a battery that is not low")["stop_reason"] == "battery"
        write(tmp_path, "class/power_supply/battery/capacity", "21")
        seen.runs()


def test_a_supply_that_sags_and_a_processor_that_is_hot(tmp_path: Path) -> None:
    write(tmp_path, THROTTLED.removeprefix("sys/"), "0")
    write(tmp_path, "class/thermal/thermal_zone0/temp", "61000")
    with device(tmp_path, [STEADY, COOL], root=tmp_path, config=POLLED) as seen:
        assert seen.runs()["celsius"] == 61
        write(tmp_path, THROTTLED.removeprefix("sys/"), "50005")
        seen.waits_for("a steady supply: its voltage is too low")
        write(tmp_path, THROTTLED.removeprefix("sys/"), "50000")
        seen.runs()
        write(tmp_path, "class/thermal/thermal_zone0/temp", "80500")
        seen.until("heat", lambda line: line["hot"] and line["work"] == "enqueued")
        write(tmp_path, "class/thermal/thermal_zone0/temp", "71000")
        seen.runs()


# --- NUT, with the driver that plays a UPS from a file


def test_a_ups_of_nut_from_mains_to_battery_to_low_to_a_driver_that_is_killed(tmp_path: Path) -> None:
    with nut(tmp_path / "nut") as ups:
        config = POLLED + f'[power]\nnut = "@127.0.0.1:{ups.port}"\n'
        with device(tmp_path, [CHARGING, NOT_LOW], config=config) as seen:
            assert seen.runs()["power"]["battery_percent"] == 88
            ups.becomes("OB DISCHRG", 41)
            assert seen.waits_for("waiting for mains power: on battery since ")["waits_for"].count(", 41 %") >= 1
            ups.becomes("OB LB DISCHRG", 9)
            seen.waits_for("and for a battery that is not low")
            ups.becomes("OL CHRG", 30)
            seen.runs()
            ups.driver.kill()
            line = seen.waits_for("mains power: nobody can tell")
            assert line["power"]["source"] == "unknown"
            assert "ERR DRIVER-NOT-CONNECTED" in line["sources"]["nut"]


def test_a_server_of_nut_that_is_not_there(tmp_path: Path) -> None:
    with device(tmp_path, [CHARGING], config='[power]\nnut = "ups@127.0.0.1:1"\n') as seen:
        line = seen.waits_for("mains power: nobody can tell")
        assert "is upsd running" in line["sources"]["nut"]


# --- supplies that the kernel does not have, with its events; UPower over them

PRELOAD = "libumockdev-preload.so.0"
UPOWERD = Path("/usr/libexec/upowerd")


class Bed:
    """`tests/device_bed.py`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout
        self.variables = {"LD_PRELOAD": PRELOAD, "UMOCKDEV_DIR": self._output.readline().strip()}

    def becomes(self, device: str, **attributes: str) -> None:
        for name, value in attributes.items():
            self._do("set", device, name, value)
        self._do("uevent", device)

    def _do(self, *words: str) -> None:
        self._input.write(json.dumps(words) + "\n")
        self._input.flush()
        assert self._output.readline() == "done\n"


@contextmanager
def supplies() -> Iterator[Bed]:
    need_programs("umockdev-wrapper")
    bindings = subprocess.run(
        ["/usr/bin/python3", "-c", "import gi; gi.require_version('UMockdev', '1.0')"], check=False
    )
    if bindings.returncode != 0:
        pytest.skip("needs umockdev's bindings; scripts/setup --dev installs them on Debian")
    command = ["umockdev-wrapper", "/usr/bin/python3", str(ROOT / "tests/device_bed.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Bed(process)
        finally:
            process.kill()


def test_the_kernel_says_that_the_mains_went(tmp_path: Path) -> None:
    with supplies() as bed, device(tmp_path, [CHARGING], variables=bed.variables) as seen:  # polled every 30 s only
        assert seen.runs()["power"]["battery_percent"] == 60
        bed.becomes("charger", online="0")
        seen.waits_for("mains power: on battery since ")
        bed.becomes("charger", online="1")
        seen.runs()


def test_upower(tmp_path: Path) -> None:
    need_programs("dbus-daemon", str(UPOWERD))
    with supplies() as bed, system_bus(tmp_path) as bus, ExitStack() as stack:
        variables = os.environ | bed.variables | bus
        upowerd = stack.enter_context(server([UPOWERD], tmp_path / "upower.log", env=variables))
        config = '[power]\nsources = ["upower"]\n'
        with device(tmp_path, [CHARGING], config=config, variables=bed.variables | bus) as seen:
            assert seen.runs()["power"]["battery_percent"] == 60
            bed.becomes("battery", status="Discharging")
            bed.becomes("charger", online="0")
            seen.waits_for("mains power: on battery since ")
            bed.becomes("charger", online="1")
            bed.becomes("battery", status="Charging")
            seen.runs()
            upowerd.kill()
            line = seen.waits_for("mains power: nobody can tell")
            assert line["sources"]["upower"]
            stack.enter_context(server([UPOWERD], tmp_path / "upower.log", env=variables))
            assert seen.runs(40)["sources"]["upower"] == ""
