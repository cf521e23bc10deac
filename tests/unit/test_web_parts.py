"""Parts of the page that need no server."""

import re
import tomllib
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.port import Frame, Still
from edge.clock import Instant, day_of
from edge.config import Config
from edge.events.port import Scene, Thing
from edge.geometry import WHOLE, Box
from edge.health import Condition, State
from edge.store.port import Event
from edge.testing.clock import SimulatedClock
from edge.web.access import FIRST, FOLDER, TRIES, Access
from edge.web.archive import crop_around
from edge.web.fields import groups, sections
from edge.web.live import chosen
from edge.web.plots import by_day, timeline
from edge.web.render import FOLDER as RENDERING
from edge.web.render import lamp_of
from edge.web.words import ENGLISH, LANGUAGES, language_of, words_in

TODAY = day_of(date(2026, 11, 21))


def condition(state: State) -> Condition:
    return Condition(part="camera", name="door", state=state, cause="", since=Instant(0, 0))


@pytest.mark.parametrize(
    ("states", "kind", "text"),
    [
        ([], "warn", "Starting"),
        (["running", "ended"], "well", "All is well"),
        (["running", "degraded"], "warn", "camera door degraded"),
        (["absent", "failed"], "trouble", "camera door absent +1"),
    ],
)
def test_the_device_in_one_word(states: list[State], kind: str, text: str) -> None:
    assert lamp_of([condition(state) for state in states]) == (kind, text)


@pytest.mark.parametrize(("state", "text"), [("flushing", "Writing what there is"), ("safe", "Safe to remove")])
def test_the_lamp_says_that_the_device_may_be_taken_away_whatever_else_is(state: State, text: str) -> None:
    at = Instant(0.0, 0.0)
    rest = Condition(part="program", name="edge", state=state, cause="", since=at)
    assert lamp_of([condition("failed"), rest]).text == text


coordinates = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda v: Box(min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)


@given(coordinates, st.integers(64, 4000), st.integers(64, 4000))
def test_a_thumbnail_shows_the_thing_and_stays_in_the_picture(box: Box, width: int, height: int) -> None:
    part = crop_around(box, (width, height))
    assert -1e-6 <= part.left < part.right <= 1 + 1e-6
    assert -1e-6 <= part.top < part.bottom <= 1 + 1e-6
    x, y = box.centre
    assert part.left - 1e-6 <= x <= part.right + 1e-6
    assert part.top - 1e-6 <= y <= part.bottom + 1e-6
    if part.width < 0.999 and part.height < 0.999:  # nothing had to be cut off
        assert part.width * width / (part.height * height) == pytest.approx(4 / 3)
        assert box.width <= part.width
        assert box.height <= part.height


def event(wall_s: float) -> Event:
    moment = Instant(wall_s, wall_s)
    return Event(id="1", camera="door", label="Cat", score=1, box=WHOLE, started=moment, seen=moment, boot_id="b")


def test_a_day_on_a_line() -> None:
    bars, labels = timeline([event(1_800_000_000.0)] * 3 + [event(1_800_000_000.0 + 3600)])
    assert [bar.title[-1] for bar in bars] == ["3", "1"]
    assert bars[1].x - bars[0].x == 40
    assert bars[0].height == 3 * bars[1].height
    assert [count for _, count in labels] == [4]
    assert timeline([]) == ([], [])


def test_counts_of_a_month() -> None:
    plot = by_day({"Cat": {TODAY: 3, TODAY - 6: 1}, "Dog": {TODAY: 1, TODAY - 29: 10}}, TODAY)
    assert [(row.label, row.today, row.week, row.month) for row in plot.rows] == [("Dog", 1, 1, 11), ("Cat", 3, 4, 4)]
    assert [line.text for line in plot.lines] == ["0", "5", "10"]
    assert len(plot.bars) == 4
    lowest = plot.lines[0].y
    of_today = [bar for bar in plot.bars if bar.title.startswith("21 Nov")]
    assert of_today[0].y + of_today[0].height == pytest.approx(lowest, abs=0.2)
    assert of_today[1].y + of_today[1].height == pytest.approx(of_today[0].y, abs=0.2)
    assert by_day({}, TODAY).rows == []


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(tmp_path, SimulatedClock())


def first_password(folder: Path) -> str:
    return (folder / FOLDER / FIRST).read_text().strip()


def test_the_first_password_is_made_shown_and_forgotten(tmp_path: Path, access: Access) -> None:
    assert (tmp_path / FOLDER / FIRST).stat().st_mode & 0o777 == 0o600
    password = first_password(tmp_path)
    again = Access(tmp_path, SimulatedClock())
    cookie = again.log_in(password, "192.0.2.1")
    assert cookie is not None
    assert again.first_password is None
    assert again.session(cookie) is not None
    assert password not in (tmp_path / FOLDER / "access.json").read_text()


def test_a_session_outlives_a_restart_but_not_a_new_password(tmp_path: Path, access: Access) -> None:
    cookie = access.log_in(first_password(tmp_path), "here") or ""
    restarted = Access(tmp_path, SimulatedClock())
    assert restarted.session(cookie) == access.session(cookie) is not None
    Access(tmp_path, SimulatedClock()).set_password("a better one")
    assert access.session(cookie) is None
    assert access.log_in("a better one", "here") is not None


@pytest.mark.parametrize("cookie", ["", ".", "x", "9999999999.aa.bb", "9999999999", "é.é.é", "1" * 5000])
def test_a_made_up_session_is_none(access: Access, cookie: str) -> None:
    assert access.session(cookie) is None


def test_an_old_session_is_over(tmp_path: Path, access: Access) -> None:
    body = "1000000000.aa"
    assert access.session(access._signed(body)) is None


def test_passwords_cannot_be_tried_without_end(tmp_path: Path) -> None:
    clock = SimulatedClock()
    access = Access(tmp_path, clock)
    password = first_password(tmp_path)
    for _ in range(int(TRIES)):
        assert access.log_in("wrong", "there") is None
    assert access.log_in(password, "there") is None
    assert access.log_in(password, "elsewhere") is not None
    clock.advance(60)
    assert access.log_in(password, "there") is not None


def test_who_guesses_over_ipv6_keeps_its_own_network_out_and_nobody_else(tmp_path: Path) -> None:
    access = Access(tmp_path, SimulatedClock())
    access.set_password("right and long")
    for number in range(10):
        assert access.log_in("wrong", f"2001:db8::{number:x}") is None
    assert access.log_in("right and long", "2001:db8::ffff") is None
    assert access.log_in("right and long", "2001:db8:0:1::1") is not None
    # A socket for both gives the addresses of IPv4 so: they are no one network.
    for _ in range(10):
        assert access.log_in("wrong", "::ffff:192.0.2.1") is None
    assert access.log_in("right and long", "::ffff:192.0.2.1") is None
    assert access.log_in("right and long", "::ffff:192.0.2.2") is not None


def test_tokens_of_machines(access: Access) -> None:
    token = access.add_token("home", "operate")
    session = access.bearer(token)
    assert session is not None
    assert (session.granted, session.csrf) == ("operate", "")
    assert access.bearer(token + "x") is None
    assert access.remove_token("home")
    assert not access.remove_token("home")
    assert access.bearer(token) is None


@pytest.mark.parametrize(
    ("wish", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "de-DE,de;q=0.9,en;q=0.8", "de"),
        ("", "es, fr;q=0.7, de;q=0.3", "fr"),
        ("fr", "de", "fr"),
        ("../de", "xx;q=y", "en"),
    ],
)
def test_the_language_is_the_readers(wish: str, accepted: str, language: str) -> None:
    assert language_of(wish, accepted) == language


def frame(taken_s: float, still: Still | None = None) -> Frame:
    pixels = np.zeros((2, 2, 3), np.uint8)
    return Frame("door", 0, pixels, Instant(taken_s, taken_s), still)


def test_the_picture_that_is_shown_has_the_boxes_of_its_things() -> None:
    things = (Thing("Cat", 0.5, WHOLE, True, False),)
    newest, seen = frame(10.0), frame(9.8)
    assert chosen(None, None) == (None, ())
    assert chosen(newest, None) == (newest, ())
    assert chosen(newest, Scene(seen, things)) == (seen, things)
    # Nothing has moved since: what was there is there still.
    assert chosen(newest, Scene(frame(3.0), things)) == (newest, things)
    # Stored pictures have nothing to do with each other: the boxes belong to theirs.
    stored, before = frame(3.0, Still("b.jpg", 1, 1)), frame(1.0, Still("a.jpg", 1, 1))
    assert chosen(stored, Scene(before, things)) == (before, things)


def said() -> set[str]:
    """Every English text of the templates."""
    texts = " ".join(path.read_text() for path in (RENDERING / "templates").glob("*.html"))
    return {one or other for one, other in re.findall(r"""\b_\((?:"([^"]+)"|'([^']+)')""", texts)}


@pytest.mark.parametrize(("language", "backup"), [("de", "Sicherung"), ("fr", "Sauvegarde")])
def test_a_language_has_words_for_everything_that_the_pages_say(language: str, backup: str) -> None:
    words = words_in(language)
    known = catalogue(language)
    assert sorted(text for text in said() if text not in known) == []
    assert words("Backup") == backup
    assert words("what nobody translated") == "what nobody translated"


def test_all_languages_say_as_much() -> None:
    """Names of states come from the program, and no template shows which there are."""
    texts = {language: set(catalogue(language)) for language in LANGUAGES if language != ENGLISH}
    assert len({frozenset(each) for each in texts.values()}) == 1, texts["de"] ^ texts["fr"]


def catalogue(language: str) -> dict[str, str]:
    return tomllib.loads((RENDERING / f"languages/{language}.toml").read_text())


def test_every_key_of_the_configuration_has_a_control_and_words() -> None:
    forms = sections()
    assert set(forms) == {field.name for field in msgspec.structs.fields(Config)}
    shown = {section.name for _, of_group in groups() for section in of_group}
    assert set(forms) - shown == {"paths"}
    by_path = {field.path: field for field in forms["camera"].fields}
    assert by_path["fps"].kind == "number"
    assert by_path["clips"].choices == ("copy", "encode", "off")
    assert by_path["clips"].optional
    assert by_path["width"].help == by_path["height"].help != ()
    assert by_path["loop"].default is False
    port = {field.path: field for field in forms["mqtt"].fields}["port"]
    assert (port.kind, port.least, port.most) == ("integer", 1, 65535)
    assert {field.path: field.kind for field in forms["rule"].fields}["armed"] == "maybe"
