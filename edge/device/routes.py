"""The network without NetworkManager: the default route, and whether its link is up."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from edge.device.netlink import route_changes
from edge.device.polled import Polled
from edge.device.port import NetworkReading, SourceError
from edge.device.state import LinkKind

UP, REJECT = 0x1, 0x200
ANYWHERE_4, ANYWHERE_6 = "00000000", "0" * 32


class Route(NamedTuple):
    """A default route; the lowest metric is used first."""

    metric: int
    link: str


def netlink(root: Path, interval_s: float) -> Polled:
    """The source.

    Args:
        root: folder that holds `sys` and `proc`.
    """
    return Polled("netlink", "network", partial(read_network, root), interval_s, route_changes)


def read_network(root: Path) -> NetworkReading:
    """The default route of the lowest metric over a link that is up: it stays listed when the cable is pulled.

    Raises:
        SourceError: the routes cannot be read.
    """
    usable = sorted(route for route in _routes(root) if _is_up(root, route.link))
    if not usable:
        return NetworkReading(connected=False, validated=False, roaming=False, kind="none")
    kind = _kind(root, usable[0].link)
    return NetworkReading(connected=True, roaming=None if kind == "cellular" else False, kind=kind)


def _routes(root: Path) -> list[Route]:
    try:
        v4 = (root / "proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    except OSError as error:
        raise SourceError(f"netlink: the routes cannot be read: {error}") from error
    try:
        v6 = (root / "proc/net/ipv6_route").read_text(encoding="ascii").splitlines()
    except OSError:  # IPv6 is switched off
        v6 = []
    return [*_ipv4(v4), *_ipv6(v6)]


def _ipv4(lines: list[str]) -> list[Route]:
    """Interface, destination, gateway, flags, reference count, use, metric, mask …"""
    rows = [line.split() for line in lines]
    return [
        Route(int(row[6]), row[0])
        for row in rows
        if len(row) > 7 and row[1] == row[7] == ANYWHERE_4 and _is_used(int(row[3], 16))
    ]


def _ipv6(lines: list[str]) -> list[Route]:
    """Destination, its length, source, its length, next hop, metric, reference count, use, flags, interface."""
    rows = [line.split() for line in lines]
    return [
        Route(int(row[5], 16), row[9])
        for row in rows
        if len(row) > 9 and row[0] == ANYWHERE_6 and row[1] == "00" and row[9] != "lo" and _is_used(int(row[8], 16))
    ]


def _is_used(flags: int) -> bool:
    return bool(flags & UP) and not flags & REJECT


def _is_up(root: Path, link: str) -> bool:
    """Tunnels and modems say "unknown" when they are up."""
    return _read(root / "sys/class/net" / link / "operstate") in ("up", "unknown")


def _kind(root: Path, link: str) -> LinkKind:
    folder = root / "sys/class/net" / link
    if (folder / "wireless").exists() or (folder / "phy80211").exists():
        return "wifi"
    if "DEVTYPE=wwan" in _read(folder / "uevent").splitlines() or link.startswith(("wwan", "ppp")):
        return "cellular"
    return "ethernet" if _read(folder / "type") == "1" and not (folder / "tun_flags").exists() else "other"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # the link has gone
        return ""
