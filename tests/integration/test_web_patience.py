"""Strangers who connect and say nothing, or not enough, keep nobody from the page."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.web.server import CONNECTIONS
from tests.support import until
from tests.web_rig import Site

PATIENCE_S = 0.5


@pytest.fixture
def site(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("edge.web.protocol.HEAD_S", PATIENCE_S)
    monkeypatch.setattr("edge.web.patience.BODY_S", PATIENCE_S)
    site = Site(data_dir)
    yield site
    site.close()


def connected(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.server.port), 10)


def is_closed(stranger: socket.socket) -> bool:
    stranger.setblocking(False)
    try:
        return stranger.recv(100) == b""
    except BlockingIOError:
        return False


def drip(stranger: socket.socket) -> None:
    for _ in range(200):
        stranger.sendall(b"G")
        time.sleep(0.1)


def test_silent_strangers_are_shown_out(site: Site) -> None:
    with ExitStack() as stack:
        strangers = [stack.enter_context(connected(site)) for _ in range(CONNECTIONS)]
        until(lambda: site.ask("/healthz")[0] == 503, 5, "a house that is full")
        until(lambda: all(is_closed(each) for each in strangers), 10, "an empty house")
        assert site.ask("/healthz")[0] == 200


@pytest.mark.parametrize("first", ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_byte_now_and_then_is_no_request(site: Site, first: str) -> None:
    """Neither on a new connection nor on one that had an answer."""
    with connected(site) as stranger:
        stranger.sendall(first.encode())
        begin_s = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            drip(stranger)
        assert PATIENCE_S / 2 < time.monotonic() - begin_s < 10


def test_a_password_that_never_comes_is_not_waited_for(site: Site) -> None:
    with connected(site) as stranger:
        head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n"
        stranger.sendall(head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\npass")
        assert stranger.recv(100).startswith(b"HTTP/1.1 408")


def test_who_watches_for_long_is_not_sent_away(site: Site) -> None:
    site.log_in()
    with connected(site) as viewer:
        viewer.settimeout(10)
        viewer.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: {site.cookie}\r\n\r\n".encode())
        assert viewer.recv(1000).startswith(b"HTTP/1.1 200")
        time.sleep(3 * PATIENCE_S)
        assert not is_closed(viewer)
