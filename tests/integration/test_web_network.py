"""How the page is reached: over TLS with the device's own certificate, and by its name."""

import asyncio
import http.client
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zeroconf

from edge import config
from edge.demo.broker import free_port
from edge.errors import EdgeError
from edge.web import server
from edge.web.certificate import RENEW_DAYS, Certificate, check_pair
from edge.web.listening import listen
from edge.web.mdns import Announcer
from tests.certificates import Authority
from tests.support import edge, until
from tests.web_rig import Site

NAMES = ("edge-1234.local", "localhost")


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, NAMES)


def days_left(certificate: Path) -> bool:
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-checkend", str(700 * 86_400)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_certificate_is_made_once_and_its_key_is_for_the_program_alone(certificate: Certificate) -> None:
    assert certificate.ensure()
    check_pair(*certificate.pair)
    assert certificate.pair.key.stat().st_mode & 0o777 == 0o600
    assert days_left(certificate.pair.certificate)
    before = certificate.fingerprint()
    assert not certificate.ensure()
    assert certificate.fingerprint() == before
    assert len(before.split(":")) == 32


def test_an_answer_does_not_wait_for_its_head_to_be_acknowledged() -> None:
    """asyncio keeps what the listening socket was told; left to itself it lets Nagle's algorithm cost 40 ms a request."""
    told: list[int] = []

    async def ask() -> None:
        def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            told.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(accepted, sock=listening):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            await reader.read()
            writer.close()

    with listen("127.0.0.1", 0) as listening:
        asyncio.run(ask())
    assert [value != 0 for value in told] == [True]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_two_colons_are_every_address_of_ipv4_too() -> None:
    with listen("::", 0) as listening:
        port = listening.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=5).close()


def test_it_is_renewed_before_it_is_over_and_when_the_device_is_called_otherwise(
    tmp_path: Path, certificate: Certificate
) -> None:
    certificate.ensure()
    key = certificate.pair.key.read_bytes()
    command = ["openssl", "req", "-x509", "-key", str(certificate.pair.key), "-days", str(RENEW_DAYS - 1), "-subj", f"/CN={NAMES[0]}",
               "-addext", f"subjectAltName=DNS:{NAMES[0]}", "-out", str(certificate.pair.certificate)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    assert certificate.ensure()
    assert days_left(certificate.pair.certificate)
    renamed = Certificate(tmp_path, ("edge-5678.local",))
    assert renamed.ensure()
    certificate.pair.certificate.write_text("half a certif")
    assert renamed.ensure()
    assert certificate.pair.key.read_bytes() == key


@pytest.mark.parametrize("damage", ["another key", "half a key", "half a certificate"])
def test_a_pair_of_its_own_that_does_not_fit_is_made_anew(
    tmp_path: Path, certificate: Certificate, damage: str
) -> None:
    """A power cut between the new key and its certificate, and a bad card."""
    certificate.ensure()
    if damage == "another key":
        other = Certificate(tmp_path / "other", NAMES)
        other.ensure()
        other.pair.key.replace(certificate.pair.key)
    else:
        file = certificate.pair.key if damage == "half a key" else certificate.pair.certificate
        file.write_bytes(file.read_bytes()[:100])
    assert certificate.ensure()
    check_pair(*certificate.pair)
    assert not certificate.ensure()


@pytest.fixture
def site(data_dir: Path) -> Iterator[Site]:
    site = Site(data_dir, web=config.Web(host="127.0.0.1", port=0, tls="on", redirect_port=free_port()))
    yield site
    site.close()


def test_the_page_over_tls(site: Site, data_dir: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(data_dir / "web" / "tls" / "certificate.pem"))
    with closing(http.client.HTTPSConnection("localhost", site.server.port, timeout=60, context=trusted)) as connection:
        connection.request(
            "POST", "/login", "password=correct+horse", {"Origin": f"https://localhost:{site.server.port}"}
        )
        response = connection.getresponse()
        assert response.status == 303
        assert "Secure" in str(response.getheader("set-cookie"))
        assert "max-age" in str(response.getheader("strict-transport-security"))
    told = edge("web", "certificate", "--data", data_dir, check=True).stdout
    assert Certificate(data_dir / "web", ()).fingerprint() in told
    with closing(http.client.HTTPConnection("127.0.0.1", site.server.redirect_port, timeout=60)) as connection:
        connection.request("GET", "/events?label=a%20b")
        response = connection.getresponse()
        place = f"https://127.0.0.1:{site.server.port}/events?label=a%20b"
        assert (response.status, response.getheader("location")) == (308, place)
        response.read()
        connection.request("GET", "/", headers={"Host": "evil.example/\\@x"})
        assert connection.getresponse().status == 400


def test_a_certificate_from_elsewhere(data_dir: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    cert, key = authority.issue("porch")
    site = Site(data_dir, web=config.Web(host="127.0.0.1", port=0, tls="on", cert_file=str(cert), key_file=str(key)))
    try:
        trusted = ssl.create_default_context(cafile=str(authority.certificate))
        with closing(
            http.client.HTTPSConnection("127.0.0.1", site.server.port, timeout=60, context=trusted)
        ) as connection:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
    finally:
        site.close()


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(EdgeError, match=r"KEY_VALUES_MISMATCH|key values mismatch"):
        check_pair(authority.issue("a")[0], authority.issue("b")[1])


def state_of(site: Site) -> tuple[str, str]:
    (page,) = [each for each in site.health.conditions() if each.part == "page"]
    return page.state, page.cause


def answers(port: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/healthz")
        return connection.getresponse().status


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(server, "MOST_PAUSE_S", 0.05)


@pytest.mark.usefixtures("short_pauses")
def test_a_page_whose_address_is_taken_is_served_as_soon_as_it_is_free(data_dir: Path) -> None:
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        site = Site(data_dir, web=config.Web(host="127.0.0.1", port=port))
        state, cause = state_of(site)
    with closing(site):
        assert state == "failed"
        assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in cause
        until(lambda: state_of(site) == ("running", ""), 60, "the page")
        assert answers(port) == 200


@pytest.mark.usefixtures("short_pauses")
def test_a_page_that_is_never_served_can_be_stopped(data_dir: Path) -> None:
    site = Site(data_dir, web=config.Web(host="192.0.2.1", port=0, tls="off"))
    assert state_of(site)[0] == "failed"
    site.close()


@pytest.mark.usefixtures("short_pauses")
def test_a_taken_redirect_port_does_not_keep_the_page_away(data_dir: Path) -> None:
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        site = Site(data_dir, web=config.Web(host="127.0.0.1", port=0, tls="on", redirect_port=port))
        state, cause = state_of(site)
        with closing(socket.create_connection(("127.0.0.1", site.server.port), timeout=60)) as plain:
            context = ssl.create_default_context(cafile=str(data_dir / "web" / "tls" / "certificate.pem"))
            context.wrap_socket(plain, server_hostname="localhost").close()
    with closing(site):
        assert (state, f"127.0.0.1:{port} cannot be" in cause) == ("degraded", True)
        until(lambda: state_of(site) == ("running", ""), 60, "the redirect")
        assert answers(port) == 308


class Announced:
    """An announcer in a loop of its own, on the loopback."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.announcer = Announcer("edge-1234", 8443, over_tls=True, interfaces=["127.0.0.1"])
        asyncio.run_coroutine_threadsafe(self.announcer.start(), self._loop).result(60)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.announcer.stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()


def test_the_device_is_found_by_its_name() -> None:
    announced = Announced()
    browser = zeroconf.Zeroconf(interfaces=["127.0.0.1"])
    try:
        kind = "_https._tcp.local."
        info = until(lambda: browser.get_service_info(kind, f"edge-1234.{kind}", timeout=2000), 60, "an answer")
        assert (info.server, info.port, info.parsed_addresses()) == ("edge-1234.local.", 8443, ["127.0.0.1"])
    finally:
        browser.close()
        announced.close()
