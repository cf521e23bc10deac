"""Who gets in, and what they may: guesses are slowed, scopes hold, and who has the device at hand gets in anew."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from edge.actions.port import RANKS, Permission
from edge.testing.clock import SimulatedClock
from edge.web.access import TRIES
from edge.web.pairing import ASK_S, CHOOSE_S, Pairing
from tests.disks import small_card
from tests.web_rig import PASSWORD, Site

CHANGING = ("POST", "PUT", "DELETE")


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def pairing(clock: SimulatedClock) -> Pairing:
    return Pairing(clock)


@pytest.fixture
def site(data_dir: Path, pairing: Pairing) -> Iterator[Site]:
    site = Site(data_dir, pairing=pairing)
    yield site
    site.close()


def operations(site: Site) -> Iterator[tuple[str, str, Permission]]:
    """Method, path and permission, as the document says."""
    document = site.api("openapi.json", Authorization=f"Bearer {site.root}")[1]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), re.sub(r"{number}", "0", re.sub(r"{\w+}", "x", path)), operation["x-permission"]


def test_scopes_hold_at_every_operation(site: Site) -> None:
    granted: tuple[Permission, ...] = ("view", "operate", "admin")
    tokens = {each: site.server.access.add_token(each, each) for each in granted}
    seen = 0
    for method, path, wanted in operations(site):
        if path.endswith(("/stream", "/doctor")):
            continue
        for may in granted:
            body = b"{}" if method in CHANGING else None
            status = site.ask(path, method, body, Authorization=f"Bearer {tokens[may]}")[0]
            assert (status == 403) == (RANKS[may] < RANKS[wanted]), (method, path, may, status)
            seen += 1
        assert site.ask(path, method, b"{}" if method in CHANGING else None)[0] == 401
    assert seen > 60


def test_guesses_are_slowed(site: Site) -> None:
    for _ in range(int(TRIES)):
        assert site.log_in("a guess")[0] == 403
    assert site.log_in(PASSWORD)[0] == 403, "not even the right one, for a while"


def test_a_card_that_has_turned_read_only_locks_nobody_out(tmp_path: Path) -> None:
    with small_card(tmp_path / "card", 16) as card:
        site = Site(card)
        (card / "web" / "first-password").touch()
        try:
            subprocess.run(["mount", "-o", "remount,abort", card], check=True)
            assert site.log_in()[0] == 303
            assert site.ask("/")[0] == 200
            assert site.ask("/device")[0] == 200
        finally:
            site.close()


def test_the_kit_is_guessed_no_faster_than_the_password(site: Site) -> None:
    site.log_in()
    for _ in range(int(TRIES)):
        assert site.api("backup/kit", "POST", {"password": "a guess"})[0] == 403
    status, answer = site.api("backup/kit", "POST", {"password": PASSWORD})
    assert (status, "too often" in answer["error"]) == (403, True)


def choose(site: Site, code: str, password: str) -> tuple[int, str]:
    status, _, page = site.ask("/login/password", "POST", urlencode({"code": code, "password": password}).encode())
    return status, page.decode()


def test_a_press_of_a_button_lets_a_page_choose_a_new_password(site: Site, pairing: Pairing) -> None:
    assert "/login/pairing" in site.ask("/login")[2].decode()
    page = site.ask("/login/pairing", "POST", b"")[2]
    found = re.search(r'name="code" value="([\w-]+)"', page.decode())
    assert found is not None
    code = found[1]
    assert site.ask("/login/pairing", "POST", b"")[0] == 409, "a press would be the first page's"
    assert choose(site, code, "a new password")[0] == 403
    assert (pairing.waiting, pairing.press(), pairing.state(code)) == (True, True, "pressed")
    assert choose(site, "made up", "a new password")[0] == 403
    assert choose(site, code, "short")[0] == 400
    site.log_in()
    assert choose(site, code, "a new password")[0] == 303
    assert site.ask("/")[0] == 303, "whoever was logged in is so no more"
    assert site.log_in("a new password")[0] == 303
    assert choose(site, code, "another password")[0] == 403


def test_a_strange_page_cannot_ask_in_the_name_of_a_browser(site: Site, pairing: Pairing) -> None:
    assert site.ask("/login/pairing", "POST", b"", Origin="http://evil.example")[0] == 403
    assert site.ask("/login/pairing", "POST", b"", Sec_Fetch_Site="cross-site")[0] == 403
    assert not pairing.waiting


def test_a_device_without_a_button_has_no_such_way(data_dir: Path) -> None:
    site = Site(data_dir)
    try:
        assert "/login/pairing" not in site.ask("/login")[2].decode()
        assert site.ask("/login/pairing", "POST", b"")[0] == 404
    finally:
        site.close()


def test_neither_a_press_nor_a_choice_is_waited_for_without_end(pairing: Pairing, clock: SimulatedClock) -> None:
    assert not pairing.press()
    first = pairing.ask()
    assert first is not None
    clock.advance(ASK_S)
    assert (pairing.waiting, pairing.press(), pairing.state(first)) == (False, False, "over")
    second = pairing.ask()
    assert second is not None
    assert pairing.press()
    assert pairing.state(first) == "over"
    clock.advance(CHOOSE_S)
    assert not pairing.end(second)
