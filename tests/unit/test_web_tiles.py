"""The figures of the page *Device*, in every language of the page."""

import tomllib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from edge.actions.standard import standard_actions
from edge.clock import Instant
from edge.device.state import DeviceState, unknown
from edge.follower import Stats
from edge.web.fields import groups
from edge.web.tiles import LINKS, Tile, of_device, of_recognition, of_wear
from edge.web.words import ENGLISH, FOLDER, LANGUAGES, words_in

NOW = Instant(1.0, 1.0)
DETECTOR = "ssd on the CPU, LiteRT 2, 1 thread"
OTHERS = sorted(set(LANGUAGES) - {ENGLISH})
SAME_IN_ALL = {"Wi-Fi", "Ethernet"}


def state(**rooms: dict[str, object]) -> DeviceState:
    quiet = unknown(NOW)
    return msgspec.structs.replace(
        quiet, **{name: msgspec.structs.replace(getattr(quiet, name), **values) for name, values in rooms.items()}
    )


SAGGING = state(
    power={"source": "battery", "battery_percent": 12.4, "battery_low": True, "under_voltage": True},
    network={"connected": True, "kind": "wifi", "metered": True, "ssid": "{low} & too hot"},
    storage={"free_bytes": 2_000_000_000, "total_bytes": 32_000_000_000, "low": True},
    thermal={"celsius": 84.6, "hot": True},
    clock={"synchronised": False},
)
WELL = state(
    power={"source": "mains"},
    network={"connected": True, "kind": "ethernet"},
    storage={"free_bytes": 20_000_000_000, "total_bytes": 32_000_000_000, "low": False},
    thermal={"celsius": 50.0, "hot": False},
    clock={"synchronised": True},
)


def shown(tiles: list[Tile], language: str = ENGLISH) -> dict[str, tuple[str, str, str]]:
    words = words_in(language)
    return {tile.name: (words(tile.value), tile.said(words), tile.kind) for tile in tiles}


def test_what_wants_attention_is_marked_and_said() -> None:
    assert shown(of_device(SAGGING)) == {
        "Power": ("battery", "12 %, low, under-voltage", "warn"),
        "Network": ("Wi-Fi", "{low} & too hot, metered", ""),
        "Card": ("2.0 GB", "free of 32.0 GB", "warn"),
        "Heat": ("85 °C", "too hot", "warn"),
        "Clock": ("not set yet", "", "warn"),
    }


def test_what_is_well_says_little() -> None:
    tiles = shown(of_device(WELL))
    assert {name: (said, kind) for name, (_, said, kind) in tiles.items()} == {
        "Power": ("", ""),
        "Network": ("", ""),
        "Card": ("free of 32.0 GB", ""),
        "Heat": ("", ""),
        "Clock": ("", ""),
    }


def test_a_device_that_tells_nothing_has_no_figures_of_its_own() -> None:
    assert set(shown(of_device(unknown(NOW)))) == {"Power", "Network", "Clock"}


def test_recognition_and_wear() -> None:
    stats = Stats()
    assert shown(of_recognition(stats, DETECTOR))["Inference"] == ("—", "", "")
    tiles = shown(of_recognition(stats, DETECTOR), "de")
    assert tiles["Recognition"] == ("CPU", DETECTOR, "")
    assert tiles["Pictures a second"] == ("0.0", "0 angesehen, 0 ohne Bewegung", "")
    assert shown([of_wear(30_000_000, 100)]) == {"Written to the card today": ("30 MB", "30% of the budget", "")}
    assert shown([of_wear(130_000_000, 100)]) == {"Written to the card today": ("130 MB", "130% of the budget", "warn")}
    assert shown([of_wear(30_000_000, 0)], "fr") == {"Written to the card today": ("30 MB", "aucun budget fixé", "")}


def texts() -> Iterator[str]:
    """What the program itself names, beside the templates."""
    tiles = [*of_recognition(Stats(), DETECTOR), *of_device(SAGGING), *of_device(WELL), of_wear(1, 1), of_wear(1, 0)]
    for tile in tiles:
        yield tile.name
        yield from (note.text for note in tile.notes if note.text != "{}")
    yield from ("mains", "battery", "unknown", "right", "not set yet", *LINKS.values())
    for group, of_group in groups():
        yield group
        yield from (section.title for section in of_group)
    nothing_to_act_on: Any = None
    for action in standard_actions(nothing_to_act_on):
        if action.changes and not action.needs_arguments:
            yield action.title


@pytest.mark.parametrize("language", OTHERS)
def test_every_figure_section_and_action_has_words(language: str) -> None:
    known = tomllib.loads((FOLDER / f"{language}.toml").read_text())
    said = {text: known.get(text) for text in set(texts()) - SAME_IN_ALL}
    assert [text for text, words in said.items() if words is None] == []
    assert [text for text, words in said.items() if words and words.count("{}") != text.count("{}")] == []
