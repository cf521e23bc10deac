"""Pin map, default configuration, fragments of config.txt, documents and power budget say the same."""

import csv
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from edge.config import parse
from edge.config.checks import SPI
from edge.wiring.asked import check_asked
from hardware import pinout, power
from hardware.__main__ import CONFIGURATION, made, main
from scripts.image import card

ROOT = Path(__file__).parents[2]
FRAGMENTS = pinout.FOLDER / "config.txt.d"


@pytest.fixture(scope="module")
def functions() -> list[pinout.Function]:
    return pinout.load()


def test_the_pin_map_is_sound(functions: list[pinout.Function]) -> None:
    assert pinout.flaws(functions) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"gpio": 27, "position": 13}, "GPIO27 is given twice"),
        ({"gpio": 2, "position": 3}, "GPIO2 is given twice"),
        ({"position": 12}, "capture: GPIO17 is not at position 12"),
        ({"ground": 11}, "capture: position 11 is no ground"),
        ({"supply": 9}, "capture: position 9 gives no power"),
        ({"gpio": 0, "position": 27}, "capture: GPIO0 belongs to the memory of HATs"),
        ({"kind": "kernel"}, "capture: a fragment goes with the kinds kernel and bus"),
        ({"kind": "kernel", "fragment": "9.txt"}, "capture: there is no config.txt.d/9.txt"),
        ({"name": "status"}, "name status is given twice"),
    ],
)
def test_each_mistake_in_a_pin_map_is_found(
    functions: list[pinout.Function], change: dict[str, object], flaw: str
) -> None:
    wrong = [msgspec.structs.replace(each, **change) if each.name == "capture" else each for each in functions]
    assert pinout.flaws(wrong) == [flaw]


def test_what_is_made_from_the_pin_map_is_what_stands_there(functions: list[pinout.Function]) -> None:
    for path, text in made(functions).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run scripts/hardware all"


def test_the_default_configuration_is_right_and_has_the_pins_of_the_map(functions: list[pinout.Function]) -> None:
    config = parse(tomllib.loads(CONFIGURATION.read_text(encoding="utf-8")), place="edge.toml")
    pins = {each.name: each.gpio for each in functions}
    for tables, names in (
        (config.button, {"capture", "privacy", "backup"}),
        (config.input, {"door", "pir"}),
        (config.output, {"floodlight", "siren", "infrared"}),
    ):
        assert {table.name: table.pin for table in tables} == {name: pins[name] for name in names}
    light = config.light
    assert (light.pin, light.privacy_pin, light.buzzer_pin) == (pins["status"], pins["watching"], pins["buzzer"])


def test_the_default_pins_ask_for_what_there_is() -> None:
    check_asked(parse(tomllib.loads(CONFIGURATION.read_text(encoding="utf-8")), place="edge.toml"), ())


def test_the_page_about_buttons_shows_those_of_the_map() -> None:
    document = (ROOT / "docs" / "buttons.md").read_text(encoding="utf-8")
    shown = tomllib.loads(document.split("```toml\n", 1)[1].split("```", 1)[0])
    made = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    assert shown["button"] == made["button"]
    assert shown["light"].items() <= made["light"].items()


def test_the_pins_of_addressable_lights_stay_free(functions: list[pinout.Function]) -> None:
    assert not {each.gpio for each in functions} & set(SPI)


def test_fragments_name_the_pins_of_the_map(functions: list[pinout.Function]) -> None:
    for name in {each.fragment for each in functions if each.kind == "kernel"}:
        lines = (FRAGMENTS / name).read_text(encoding="utf-8").splitlines()
        named = {int(pin) for line in lines for pin in re.findall(r"^dtoverlay=.*?gpio(?:_?pin)?=(\d+)", line)}
        assert named == {each.gpio for each in functions if each.fragment == name}, name


def test_every_fragment_is_explained_and_leaves_all_boards_behind_it() -> None:
    document = (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
    for path in FRAGMENTS.glob("*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        filters = [line for line in lines if line.startswith("[")]
        assert f"`{path.name}`" in document
        assert filters == [] or filters[-1] == "[all]", path.name
        assert all(len(line) < 99 for line in lines if not line.startswith("#")), "the firmware reads 98 characters"


def test_the_image_has_the_fragments_that_need_no_part_and_lays_the_others_beside() -> None:
    settings = card.firmware_settings()
    config = settings.pop("config.txt").decode()
    for path in FRAGMENTS.glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert (text in config) != (settings.get(path.name) == path.read_bytes()), path.name
    assert "dtoverlay=gpio-shutdown,gpio_pin=21" in config
    assert "dtoverlay=gpio-charger" not in config, "without a UPS it would say that mains power is gone"


def test_the_parts_of_each_build_are_listed_alike() -> None:
    for path in (pinout.FOLDER / "bom").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["part", "quantity", "what for", "alternative", "verified"]
        assert all(row["part"] and int(row["quantity"]) > 0 and row["verified"] in ("yes", "no") for row in rows)


@pytest.mark.parametrize("build", pinout.BUILDS)
def test_the_list_of_parts_has_what_the_wiring_needs(functions: list[pinout.Function], build: pinout.Build) -> None:
    parts = [each.part for each in functions if build in each.builds]
    with (pinout.FOLDER / "bom" / f"{build}.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["part"]: int(row["quantity"]) for row in csv.DictReader(file)}
    for wired, bought in (("push-button", "Push-button"), ("LED", "LED"), ("AM312", "AM312"), ("reed", "Reed")):
        needed = sum(wired in part for part in parts)
        assert needed == sum(count for part, count in listed.items() if part.startswith(bought)), bought


@pytest.mark.parametrize("name", sorted(power.load()))
def test_the_supply_stands_all_peaks_and_each_figure_has_its_source(name: str) -> None:
    build = power.load()[name]
    assert build.peak_ma <= build.supply_ma
    for part in build.part:
        assert part.ma <= part.peak_ma
        assert part.source.startswith("https://") or part.estimated, part.name


def test_the_run_time_of_a_battery() -> None:
    assert power.runtime_h(50, 5) == 10
    assert power.runtime_h(50, 5, converter=0.8, usable=0.5) == pytest.approx(4)
    for wrong in ((0, 5, 1, 1), (50, 0, 1, 1), (50, 5, 0, 1), (50, 5, 1, 1.1)):
        with pytest.raises(ValueError, match="above 0"):
            power.runtime_h(wrong[0], wrong[1], converter=wrong[2], usable=wrong[3])


def test_the_documented_budget_is_what_the_script_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "wildlife", "--battery-wh", "51.8"]) == 0
    assert capsys.readouterr().out in (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
