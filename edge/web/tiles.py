"""The device's figures, as the page shows them. Pure but for reading them."""

from typing import NamedTuple

from edge.device.state import DeviceState
from edge.follower import Stats
from edge.web.port import Rooms

LINKS = {
    "wifi": "Wi-Fi",
    "ethernet": "Ethernet",
    "cellular": "mobile",
    "other": "other",
    "none": "none",
    "unknown": "unknown",
}


class Tile(NamedTuple):
    """`kind`: "warn" for what wants attention."""

    name: str
    value: str
    note: str = ""
    kind: str = ""


def tiles_of(rooms: Rooms, written_bytes: int) -> list[Tile]:
    """`written_bytes`: what the program wrote to the card today."""
    return [
        *of_recognition(rooms.stats, rooms.detector),
        *of_device(rooms.device_state()),
        of_wear(written_bytes, rooms.config.card.budget_mb_per_day),
        Tile("Program", rooms.version, rooms.device),
    ]


def of_recognition(stats: Stats, detector: str) -> list[Tile]:
    inference_ms = stats.infer_s / max(1, stats.frames) * 1000
    return [
        Tile("Recognition", detector.partition(" on ")[2].partition(",")[0].removeprefix("the ") or detector, detector),
        Tile("Pictures a second", f"{stats.fps:.1f}", f"{stats.frames:,} looked at, {stats.quiet:,} without motion"),
        Tile("Inference", f"{inference_ms:.0f} ms" if stats.frames else "—"),
        Tile("Dropped", f"{stats.dropped:,}", "a newer picture came first"),
    ]


def of_device(state: DeviceState) -> list[Tile]:
    power, network, storage, thermal = state.power, state.network, state.storage, state.thermal
    battery = f"{power.battery_percent:.0f} %" if power.battery_percent is not None else ""
    low = ", low" if power.battery_low else ""
    sagging = "under-voltage" if power.under_voltage else ""
    weak = "warn" if power.battery_low or power.under_voltage else ""
    tiles = [Tile("Power", power.source, ", ".join(part for part in (battery + low, sagging) if part), weak)]
    metered = "metered" if network.metered else ""
    off = "warn" if network.connected is False else ""
    tiles.append(
        Tile("Network", LINKS[network.kind], ", ".join(part for part in (network.ssid or "", metered) if part), off)
    )
    if storage.free_bytes is not None and storage.total_bytes:
        full = "warn" if storage.low else ""
        tiles.append(
            Tile("Card", f"{storage.free_bytes / 1e9:.1f} GB", f"free of {storage.total_bytes / 1e9:.1f} GB", full)
        )
    if thermal.celsius is not None:
        tiles.append(
            Tile("Heat", f"{thermal.celsius:.0f} °C", "too hot" if thermal.hot else "", "warn" if thermal.hot else "")
        )
    clock = {True: "right", False: "not set yet", None: "unknown"}[state.clock.synchronised]
    return [*tiles, Tile("Clock", clock, kind="warn" if state.clock.synchronised is False else "")]


def of_wear(written_bytes: int, budget_mb: int) -> Tile:
    share = f"{written_bytes / (budget_mb * 1e6):.0%} of the budget" if budget_mb else "no budget is set"
    over = bool(budget_mb) and written_bytes > budget_mb * 1e6
    return Tile("Written to the card today", f"{written_bytes / 1e6:,.0f} MB", share, "warn" if over else "")
