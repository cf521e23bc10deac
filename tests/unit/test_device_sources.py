"""Sources that read files: trees as the kernel shows them."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.config import Config, parse
from edge.device.finding import find_sources
from edge.device.firmware import THROTTLED, has_firmware, read_firmware
from edge.device.networkmanager import NetworkManager
from edge.device.networkmanager import reading_of as network_of
from edge.device.nut import Address, parse_address
from edge.device.nut import reading_of as nut_of
from edge.device.port import HeatReading, NetworkReading, PowerReading, SourceError, VoltageReading
from edge.device.routes import read_network
from edge.device.storage import read_storage
from edge.device.supplies import read_power
from edge.device.synchronised import is_right, read_synchronised
from edge.device.thermal import read_thermal
from edge.device.upower import UPower
from edge.device.upower import reading_of as upower_of

Tree = dict[str, str]
V4 = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
ETH0_DEFAULT = "eth0 00000000 010200C0 0003 0 0 100 00000000 0 0 0\n"
WLAN0_DEFAULT = "wlan0 00000000 0101A8C0 0003 0 0 600 00000000 0 0 0\n"
LOCAL_ONLY = "eth0 000200C0 00000000 0001 0 0 100 00FFFFFF 0 0 0\n"


def grow(root: Path, tree: Tree) -> Path:
    for name, text in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n", encoding="ascii")
    return root


def supply(name: str, **files: str) -> Tree:
    return {f"sys/class/power_supply/{name}/{key}": value for key, value in files.items()}


@pytest.mark.parametrize(
    ("tree", "source", "percent", "low"),
    [
        ({}, "mains", None, False),
        (supply("ac", type="Mains", online="1"), "mains", None, False),
        (supply("ac", type="Mains", online="0") | supply("b", type="Battery", capacity="41"), "battery", 41, None),
        (
            supply("usb", type="USB", online="1") | supply("b", type="Battery", status="Discharging"),
            "mains",
            None,
            None,
        ),
        (supply("b", type="Battery", status="Discharging", capacity="9", capacity_level="Low"), "battery", 9, True),
        (supply("b", type="Battery", status="Full", capacity="100"), "mains", 100, None),
        (supply("b", type="Battery", status="Unknown", capacity="77"), "unknown", 77, None),
        (supply("b", type="Battery", capacity="broken"), "unknown", None, None),
        (supply("b", type="Battery", present="0", status="Discharging"), "mains", None, False),
        (supply("mouse", type="Battery", scope="Device", status="Discharging", capacity="3"), "mains", None, False),
        (supply("ups", type="UPS", status="Discharging", capacity="50"), "battery", 50, None),
    ],
)
def test_power_supplies(tmp_path: Path, tree: Tree, source: str, percent: float | None, low: bool | None) -> None:
    reading = read_power(grow(tmp_path, tree))
    assert (reading.source, reading.percent, reading.low) == (source, percent, low)


@pytest.mark.parametrize(
    ("bits", "under_voltage", "throttled"),
    [("0", False, False), ("50005", True, False), ("50000", False, False), ("4", False, True), ("9", True, True)],
)
def test_the_throttled_bits_of_now(tmp_path: Path, bits: str, under_voltage: bool, throttled: bool) -> None:
    grow(tmp_path, {THROTTLED: bits})
    assert read_firmware(tmp_path) == VoltageReading(under_voltage=under_voltage, throttled=throttled)


def test_the_alarm_of_the_hwmon_driver(tmp_path: Path) -> None:
    assert not has_firmware(tmp_path)
    grow(tmp_path, {"sys/class/hwmon/hwmon0/name": "cpu_thermal"})
    with pytest.raises(SourceError):
        read_firmware(tmp_path)
    grow(tmp_path, {"sys/class/hwmon/hwmon1/name": "rpi_volt", "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1"})
    assert has_firmware(tmp_path)
    assert read_firmware(tmp_path) == VoltageReading(under_voltage=True)


def test_the_hottest_zone_that_tells_a_temperature(tmp_path: Path) -> None:
    assert read_thermal(tmp_path) == HeatReading(celsius=None)
    zones = {"0": "48250", "1": "51900", "2": "-273000", "3": "none"}
    grow(tmp_path, {f"sys/class/thermal/thermal_zone{number}/temp": text for number, text in zones.items()})
    assert read_thermal(tmp_path) == HeatReading(celsius=51.9)


def link(name: str, operstate: str, **files: str) -> Tree:
    return {
        f"sys/class/net/{name}/{key}": value for key, value in {"operstate": operstate, "type": "1", **files}.items()
    }


NOT_CONNECTED = NetworkReading(connected=False, validated=False, roaming=False, kind="none")


@pytest.mark.parametrize(
    ("routes", "links", "reading"),
    [
        (ETH0_DEFAULT, link("eth0", "up"), NetworkReading(connected=True, roaming=False, kind="ethernet")),
        (ETH0_DEFAULT, link("eth0", "down"), NOT_CONNECTED),
        (LOCAL_ONLY, link("eth0", "up"), NOT_CONNECTED),
        (ETH0_DEFAULT.replace("0003", "0203"), link("eth0", "up"), NOT_CONNECTED),
        (
            ETH0_DEFAULT + WLAN0_DEFAULT,
            link("eth0", "down") | link("wlan0", "up") | {"sys/class/net/wlan0/wireless/status": "0"},
            NetworkReading(connected=True, roaming=False, kind="wifi"),
        ),
        (
            ETH0_DEFAULT.replace("eth0", "wwan0"),
            link("wwan0", "unknown", uevent="DEVTYPE=wwan\nINTERFACE=wwan0"),
            NetworkReading(connected=True, kind="cellular"),
        ),
        (
            ETH0_DEFAULT.replace("eth0", "wg0"),
            link("wg0", "unknown", type="65534"),
            NetworkReading(connected=True, roaming=False, kind="other"),
        ),
    ],
)
def test_the_default_route_and_its_link(tmp_path: Path, routes: str, links: Tree, reading: NetworkReading) -> None:
    assert read_network(grow(tmp_path, links | {"proc/net/route": V4 + routes})) == reading


def test_a_default_route_of_ipv6(tmp_path: Path) -> None:
    zero, hop = "0" * 32, "fe80" + "0" * 28
    routes = (
        f"{zero} 00 {zero} 00 {hop} 00000400 00000000 00000000 00000003     eth0\n"
        f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo"
    )
    grow(tmp_path, link("eth0", "up") | link("lo", "unknown"))
    grow(tmp_path, {"proc/net/route": V4, "proc/net/ipv6_route": routes})
    assert read_network(tmp_path).kind == "ethernet"
    grow(tmp_path, link("eth0", "down"))
    assert read_network(tmp_path) == NOT_CONNECTED


def test_routes_that_cannot_be_read_are_no_answer(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="routes cannot be read"):
        read_network(tmp_path)


def test_storage_is_that_of_the_folder_or_of_the_nearest_above_it(tmp_path: Path) -> None:
    room = read_storage(tmp_path / "not" / "there")
    assert 0 < room.free_bytes <= room.total_bytes
    assert room.free_inodes <= room.total_inodes


def test_the_kernel_says_whether_the_clock_is_right() -> None:
    assert read_synchronised().synchronised in (True, False)


@pytest.mark.parametrize(
    ("state", "error_us", "right"),
    [
        (5, 16_000_000, False),  # nothing has set it since the boot, or a person has
        (0, 5, True),
        (5, 5, True),  # nothing has kept it for nine hours, as on a device without a network: it was right
    ],
)
def test_a_clock_that_was_set_stays_right_without_a_network(state: int, error_us: int, right: bool) -> None:
    """The kernel's own words of the three."""
    assert is_right(state, error_us) is right


@pytest.mark.parametrize(
    ("status", "charge", "reading"),
    [
        ("OL CHRG", "88", PowerReading(source="mains", percent=88, low=False, told_by="ups OL CHRG")),
        ("OB DISCHRG", "41.5", PowerReading(source="battery", percent=41.5, low=False, told_by="ups OB DISCHRG")),
        ("OB LB", "9", PowerReading(source="battery", percent=9, low=True, told_by="ups OB LB")),
        ("WAIT", "", PowerReading(source="unknown", told_by="ups WAIT")),
    ],
)
def test_the_words_of_a_ups(status: str, charge: str, reading: PowerReading) -> None:
    assert nut_of("ups", {"ups.status": status, "battery.charge": charge}) == reading


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", Address("", "localhost", 3493)),
        ("cellar", Address("cellar", "localhost", 3493)),
        ("cellar@nas.local", Address("cellar", "nas.local", 3493)),
        ("@nas.local:3494", Address("", "nas.local", 3494)),
    ],
)
def test_the_address_of_a_ups(text: str, address: Address) -> None:
    assert parse_address(parse({"power": {"nut": text}}, place="test").power.nut) == address


def network_manager(**told: Any) -> dict[str, Any]:
    usual = {"State": 70, "Connectivity": 4, "Metered": 4, "PrimaryConnectionType": "802-3-ethernet"}
    return usual | {"ConnectivityCheckAvailable": True, "ConnectivityCheckEnabled": True} | told


@pytest.mark.parametrize(
    ("told", "reading"),
    [
        ({}, NetworkReading(connected=True, validated=True, metered=False, roaming=False, kind="ethernet")),
        ({"Metered": 1}, NetworkReading(connected=True, validated=True, metered=True, roaming=False, kind="ethernet")),
        ({"Metered": 0}, NetworkReading(connected=True, validated=True, roaming=False, kind="ethernet")),
        (
            {"Connectivity": 2},
            NetworkReading(connected=True, validated=False, metered=False, roaming=False, kind="ethernet"),
        ),
        (
            {"ConnectivityCheckEnabled": False},
            NetworkReading(connected=True, metered=False, roaming=False, kind="ethernet"),
        ),
        (
            {"State": 20, "Connectivity": 1, "Metered": 0, "PrimaryConnectionType": ""},
            NetworkReading(connected=False, validated=False, roaming=False, kind="none"),
        ),
    ],
)
def test_the_properties_of_networkmanager(told: dict[str, Any], reading: NetworkReading) -> None:
    assert network_of(network_manager(**told), None, False) == reading


def test_the_properties_of_upower() -> None:
    battery = {"IsPresent": True, "Percentage": 12.0, "WarningLevel": 3}
    assert upower_of({"OnBattery": True}, battery) == PowerReading(
        source="battery", percent=12.0, low=True, told_by="UPower"
    )
    none = {"IsPresent": False, "Percentage": 0.0, "WarningLevel": 1}
    assert upower_of({"OnBattery": False}, none) == PowerReading(
        source="mains", low=False, told_by="UPower: no battery"
    )


@pytest.mark.parametrize(
    ("tree", "power", "names"),
    [
        ({}, {}, ["sysfs", "netlink", "thermal", "storage", "adjtimex"]),
        ({THROTTLED: "0"}, {}, ["sysfs", "firmware", "netlink", "thermal", "storage", "adjtimex"]),
        (
            {"etc/nut/nut.conf": "# MODE=netserver\nMODE=none"},
            {},
            ["sysfs", "netlink", "thermal", "storage", "adjtimex"],
        ),
        ({"etc/nut/nut.conf": "MODE=standalone"}, {}, ["nut", "netlink", "thermal", "storage", "adjtimex"]),
        (
            supply("battery", type="Battery", capacity="50"),
            {"pin": 6, "nut": "ups@nas"},
            ["nut", "pin", "sysfs", "netlink", "thermal", "storage", "adjtimex"],
        ),
        ({}, {"sources": ["upower"]}, ["upower", "netlink", "thermal", "storage", "adjtimex"]),
    ],
)
def test_which_sources_are_found(tmp_path: Path, tree: Tree, power: dict[str, Any], names: list[str]) -> None:
    settings = parse({"power": power}, place="test")
    assert [source.name for source in find_sources(settings, lambda: None, grow(tmp_path, tree))] == names
    assert [source.name for source in find_sources(Config(), lambda: None, tmp_path)][-1] == "adjtimex"


def test_without_the_package_for_the_bus_its_sources_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dbus_fast.aio", None)
    for source in (NetworkManager(1.0), UPower(1.0)):
        with pytest.raises(SourceError, match="dbus-fast is not installed"):
            asyncio.run(source.run(lambda _: None))
