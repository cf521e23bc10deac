"""The device's figures, as the page shows them. Pure but for reading them."""

from typing import NamedTuple

from edge.device.state import DeviceState, Network, Power
from edge.follower import Stats
from edge.web.port import Rooms
from edge.web.words import Words

LINKS = {
    "wifi": "Wi-Fi",
    "ethernet": "Ethernet",
    "cellular": "mobile",
    "other": "other",
    "none": "none",
    "unknown": "unknown",
}


class Note(NamedTuple):
    """`text`: English, with {} for each of `figures`, which are the same in every language."""

    text: str
    figures: tuple[str, ...] = ()


class Tile(NamedTuple):
    """`kind`: "warn" for what wants attention."""

    name: str
    value: str
    notes: tuple[Note, ...] = ()
    kind: str = ""

    def said(self, words: Words) -> str:
        """The notes in the reader's language."""
        return ", ".join(words(text).format(*figures) for text, figures in self.notes)


def tiles_of(rooms: Rooms, written_bytes: int) -> list[Tile]:
    """`written_bytes`: what the program wrote to the card today."""
    return [
        *of_recognition(rooms.stats, rooms.detector),
        *of_device(rooms.device_state()),
        of_wear(written_bytes, rooms.config.card.budget_mb_per_day),
        Tile("Program", rooms.version, (Note("{}", (rooms.device,)),)),
    ]


def of_recognition(stats: Stats, detector: str) -> list[Tile]:
    inference_ms = stats.infer_s / max(1, stats.frames) * 1000
    return [
        Tile("Recognition", _runs_on(detector), (Note("{}", (detector,)),)),
        Tile(
            "Pictures a second",
            f"{stats.fps:.1f}",
            (Note("{} looked at", (f"{stats.frames:,}",)), Note("{} without motion", (f"{stats.quiet:,}",))),
        ),
        Tile("Inference", f"{inference_ms:.0f} ms" if stats.frames else "—"),
        Tile("Dropped", f"{stats.dropped:,}", (Note("a newer picture came first"),)),
    ]


def of_device(state: DeviceState) -> list[Tile]:
    tiles = [_power(state.power), _network(state.network)]
    storage, thermal = state.storage, state.thermal
    if storage.free_bytes is not None and storage.total_bytes:
        free = Note("free of {}", (f"{storage.total_bytes / 1e9:.1f} GB",))
        tiles.append(Tile("Card", f"{storage.free_bytes / 1e9:.1f} GB", (free,), _warn(storage.low)))
    if thermal.celsius is not None:
        notes = (Note("too hot"),) if thermal.hot else ()
        tiles.append(Tile("Heat", f"{thermal.celsius:.0f} °C", notes, _warn(thermal.hot)))
    clock = {True: "right", False: "not set yet", None: "unknown"}[state.clock.synchronised]
    return [*tiles, Tile("Clock", clock, kind=_warn(state.clock.synchronised is False))]


def _power(power: Power) -> Tile:
    notes = []
    if power.battery_percent is not None:
        notes.append(Note("{}", (f"{power.battery_percent:.0f} %",)))
    if power.battery_low:
        notes.append(Note("low"))
    if power.under_voltage:
        notes.append(Note("under-voltage"))
    return Tile("Power", power.source, tuple(notes), _warn(power.battery_low or power.under_voltage))


def _network(network: Network) -> Tile:
    notes = [Note("{}", (network.ssid,))] if network.ssid else []
    if network.metered:
        notes.append(Note("metered"))
    return Tile("Network", LINKS[network.kind], tuple(notes), _warn(network.connected is False))


def of_wear(written_bytes: int, budget_mb: int) -> Tile:
    share = written_bytes / (budget_mb * 1e6) if budget_mb else 0.0
    note = Note("{} of the budget", (f"{share:.0%}",)) if budget_mb else Note("no budget is set")
    return Tile("Written to the card today", f"{written_bytes / 1e6:,.0f} MB", (note,), _warn(share > 1))


def _warn(wanted: bool | None) -> str:
    return "warn" if wanted else ""


def _runs_on(detector: str) -> str:
    return detector.partition(" on ")[2].partition(",")[0].removeprefix("the ") or detector
