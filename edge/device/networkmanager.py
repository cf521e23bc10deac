"""The network as NetworkManager tells it on the D-Bus."""

from typing import Any

from edge.device.bus import AbsentError, Service, follow, system_service
from edge.device.port import Facet, NetworkReading, Report
from edge.device.state import LinkKind

NAME = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
MODEMS = "org.freedesktop.ModemManager1"
MODEMS_PATH = "/org/freedesktop/ModemManager1"

METERED: dict[int, bool] = {1: True, 2: False, 3: True, 4: False}
"""Yes, no, guess yes, guess no; 0 is unknown."""
VALIDATED: dict[int, bool] = {1: False, 2: False, 3: False, 4: True}
"""None, portal, limited, full; 0 is unknown."""
CONNECTED_FROM = 50
"""State: connected locally (50), to the site (60), to the world (70); below: asleep, disconnected, connecting."""
KINDS: dict[str, LinkKind] = {
    "802-3-ethernet": "ethernet",
    "802-11-wireless": "wifi",
    "gsm": "cellular",
    "cdma": "cellular",
    "": "none",
}
REGISTERED_ROAMING = 5


class NetworkManager:
    """The source."""

    name = "networkmanager"
    facet: Facet = "network"

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s

    async def run(self, report: Report) -> None:
        await follow(NAME, _read, report, self._interval_s)


async def _read(service: Service) -> NetworkReading:
    overall = await service.properties(PATH, NAME)
    kind = kind_of(overall)
    ssid = await _ssid(service, overall.get("PrimaryConnection", "/")) if kind == "wifi" else None
    roaming = await _roams() if kind == "cellular" else False
    return reading_of(overall, ssid, roaming)


def kind_of(overall: dict[str, Any]) -> LinkKind:
    """Of the connection with the default route."""
    return KINDS.get(overall.get("PrimaryConnectionType", ""), "other")


def reading_of(overall: dict[str, Any], ssid: str | None, roaming: bool | None) -> NetworkReading:
    """From the properties of NetworkManager. Its word on connectivity counts only where it checks."""
    checks = bool(overall.get("ConnectivityCheckAvailable")) and bool(overall.get("ConnectivityCheckEnabled"))
    connected = kind_of(overall) != "none" and overall.get("State", 0) >= CONNECTED_FROM
    validated = VALIDATED.get(overall.get("Connectivity", 0)) if checks else None
    return NetworkReading(
        connected=connected,
        validated=validated if connected else False,
        metered=METERED.get(overall.get("Metered", 0)),
        roaming=roaming,
        kind=kind_of(overall),
        ssid=ssid,
    )


async def _ssid(service: Service, connection: str) -> str | None:
    """Of the access point; None when it went while it was looked at."""
    try:
        active = await service.properties(connection, f"{NAME}.Connection.Active")
        point = await service.properties(active["SpecificObject"], f"{NAME}.AccessPoint")
        return bytes(point["Ssid"]).decode(errors="replace")
    except (AbsentError, KeyError):
        return None


async def _roams() -> bool | None:
    """What ModemManager says of the modems; None without it."""
    try:
        async with system_service(MODEMS) as modems:
            objects = await modems.call(MODEMS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    except AbsentError:
        return None
    states = [
        interfaces[f"{MODEMS}.Modem.Modem3gpp"]["RegistrationState"].value
        for interfaces in objects.values()
        if f"{MODEMS}.Modem.Modem3gpp" in interfaces
    ]
    return REGISTERED_ROAMING in states if states else None
