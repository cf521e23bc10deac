"""Updates with real signed bundles: what is offered, what is refused before anything is written, and how it is told."""

import http.server
import json
import os
import shutil
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli import main
from edge.clock import read_boot_id
from edge.errors import UpdateError
from edge.mqtt.updates import Updates
from edge.store.port import Message
from edge.update import offers, progress, versions
from edge.update.progress import Standing, settled
from edge.update.system import System, this_system
from edge.update.updater import Updater
from tests.bundles import Maker, offer, stand_in
from tests.certificates import Authority
from tests.support import check_payload

REAL = shutil.which("rauc")
pytestmark = pytest.mark.skipif(REAL is None, reason="needs rauc (scripts/setup --dev installs it)")


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def newer(maker: Maker) -> Path:
    return maker.bundle("newer", "1.2.0")


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stand-in that installs."""
    folder = stand_in(tmp_path / "bin", REAL or "rauc")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


def updater(tmp_path: Path, system: System, source: object) -> Updater:
    return Updater(tmp_path / "data", system, str(source), now_s=lambda: 1000.0)


def standing(tmp_path: Path) -> Standing:
    return progress.load(tmp_path / "data")


def test_the_card_says_what_fits_it(maker: Maker, tmp_path: Path) -> None:
    found = this_system(maker.conf())
    assert (found.compatible, found.keyring) == (maker.system().compatible, maker.authority.certificate)
    with pytest.raises(UpdateError, match="no slots for updates"):
        this_system(tmp_path / "none")
    (tmp_path / "half").write_text("[system]\ncompatible=x\n")
    with pytest.raises(UpdateError, match="no keyring"):
        this_system(tmp_path / "half")


def test_a_newer_one_is_found_verified_and_installed(maker: Maker, newer: Path, card: Path, tmp_path: Path) -> None:
    older = maker.bundle("between", "1.1.0")
    source = offer(tmp_path / "stick", [(newer, "1.2.0"), (older, "1.1.0")])
    made = updater(tmp_path, maker.system(), source)
    found = made.check()
    assert found is not None
    assert (found.version, standing(tmp_path).latest, standing(tmp_path).notes) == ("1.2.0", "1.2.0", "Sees better")
    assert made.install_newest() == "1.2.0"
    assert (card / "installed").read_bytes() == newer.read_bytes()
    now = standing(tmp_path)
    assert (now.phase, now.version, now.error, now.is_waiting) == ("installed", "1.2.0", "", True)
    assert (source / newer.name).exists()


@pytest.mark.parametrize("installed", ["1.2.0", "1.2", "1.10", "2.0.0"])
def test_there_is_nothing_newer(maker: Maker, newer: Path, card: Path, tmp_path: Path, installed: str) -> None:
    made = updater(tmp_path, maker.system(installed), offer(tmp_path / "stick", [(newer, "1.2.0")]))
    assert made.check() is None
    assert made.install_newest() == ""
    assert not (card / "installed").exists()


def test_what_is_for_another_device_is_not_offered(maker: Maker, newer: Path, tmp_path: Path) -> None:
    source = offer(tmp_path / "stick", [(newer, "1.2.0")], compatible="toaster")
    assert offers.newest(str(source), maker.system()) is None


def test_refused_before_anything_is_written(maker: Maker, newer: Path, card: Path, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "stranger").issue("evil")
    cut = tmp_path / "cut.raucb"
    cut.write_bytes(newer.read_bytes()[:60_000])
    (tmp_path / "text.raucb").write_text("no bundle at all, only words\n" * 10)
    refused = {
        maker.bundle("stranger", "1.3.0", signer=stranger): "signature|verif",
        maker.bundle("toaster", "1.3.0", compatible="toaster"): "for 'toaster', this is 'edge-test'",
        maker.bundle("same", "1.0.0"): "version 1.0.0 is not newer than 1.0.0",
        maker.bundle("downgrade", "0.9"): "version 0.9 is not newer",
        maker.bundle("odd", "tomorrow"): "'tomorrow' is no version",
        cut: "exceeds|nvalid",
        tmp_path / "text.raucb": "nvalid|exceeds",
        tmp_path / "none.raucb": "No such file",
    }
    for path, why in refused.items():
        with pytest.raises(UpdateError, match=why) as caught:
            updater(tmp_path, maker.system(), "").install_file(path)
        assert caught.value.hint
        assert (standing(tmp_path).phase, standing(tmp_path).error) == ("failed", str(caught.value))
    assert not (card / "installed").exists()


def test_an_index_that_lies_gains_nothing(maker: Maker, newer: Path, card: Path, tmp_path: Path) -> None:
    old = maker.bundle("old", "0.5")
    for source, why in (
        (offer(tmp_path / "a", [(old, "9.0")]), "is version 0.5, the index says 9.0"),
        (offer(tmp_path / "b", [(newer, "1.2.0")], sha256="0" * 64), "damaged"),
        (offer(tmp_path / "c", [(newer, "1.2.0")], size_bytes=5), "damaged"),
    ):
        with pytest.raises(UpdateError, match=why):
            updater(tmp_path, maker.system(), source).install_newest()
    assert not (card / "installed").exists()


ELSEWHERE = (
    '{"schema":1,"bundles":[{"version":"1","compatible":"c","file":"../x","size_bytes":1,"sha256":"' + "0" * 64 + '"}]}'
)


@pytest.mark.parametrize("index", ["", "[]", '{"schema": 2, "bundles": []}', ELSEWHERE])
def test_what_is_no_index_is_said(tmp_path: Path, index: str) -> None:
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(UpdateError, match=r"index\.json is no index"):
        offers.read_index(str(tmp_path))


def test_a_stick_that_is_not_there_may_come(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="No such file") as caught:
        offers.read_index(str(tmp_path / "usb"))
    assert caught.value.retryable


def test_an_installation_that_fails_leaves_what_runs(maker: Maker, newer: Path, card: Path, tmp_path: Path) -> None:
    (card / "fails").touch()
    with pytest.raises(UpdateError, match="dm-verity"):
        updater(tmp_path, maker.system(), offer(tmp_path / "stick", [(newer, "1.2.0")])).install_newest()
    assert standing(tmp_path).phase == "failed"


def test_nothing_is_installed_while_this_version_is_on_trial(
    maker: Maker, newer: Path, card: Path, tmp_path: Path
) -> None:
    progress.save(tmp_path / "data", Standing(phase="installed", version="1.1.0", boot_id="the start before"))
    made = updater(tmp_path, maker.system("1.1.0"), "")
    with pytest.raises(UpdateError, match=r"1\.1\.0 is on trial") as caught:
        made.install_file(newer)
    assert caught.value.retryable
    assert standing(tmp_path).is_on_trial("1.1.0")
    assert not (card / "installed").exists()
    progress.save(tmp_path / "data", progress.committed(standing(tmp_path)))
    assert made.install_file(newer) == "1.2.0"


class Server:
    """An HTTPS server over a folder, with ranges as a resumed download asks for them; `cut` of its bundles end early."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        certificate, key = authority.issue("server")
        outer = self
        self.cut = 0
        self.asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = folder / self.path.lstrip("/")
                if not path.is_file():
                    self.send_error(404)
                    return
                begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
                outer.asked.append(f"{path.name} {begin}")
                content = path.read_bytes()[begin:]
                self.send_response(206 if begin else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if outer.cut and path.suffix == ".raucb":
                    outer.cut -= 1
                    content = content[: len(content) // 2]
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(newer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    authority = Authority(tmp_path / "web")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    made = Server(offer(tmp_path / "site", [(newer, "1.2.0")]), authority)
    yield made
    made.close()


def test_it_comes_over_https_and_is_gone_on_with(maker: Maker, server: Server, card: Path, tmp_path: Path) -> None:
    server.cut = 1
    made = updater(tmp_path, maker.system(), server.address)
    with pytest.raises(UpdateError, match="the next try resumes there") as caught:
        made.install_newest()
    assert caught.value.retryable
    assert made.install_newest() == "1.2.0"
    resumed = [int(asked.split()[1]) for asked in server.asked if asked.startswith("newer.raucb")]
    assert resumed[0] == 0 < resumed[1]
    assert (card / "installed").exists()
    assert list((tmp_path / "data/update/bundles").iterdir()) == []


def test_a_server_that_nobody_vouches_for_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UpdateError, match="CERTIFICATE_VERIFY_FAILED"):
        offers.read_index(server.address)
    with pytest.raises(UpdateError, match="is not HTTPS"):
        offers.read_index("http://localhost:1")


def test_versions() -> None:
    assert versions.is_newer("1.10", "1.9.9")
    assert not versions.is_newer("1.0", "1.0.0")
    for text in ("", "1.", "v1", "1.0-rc1", "1.0.0.0.0.0", "9" * 10):
        with pytest.raises(UpdateError, match="is no version"):
            versions.parse(text)


def test_what_a_start_makes_of_what_was_left() -> None:
    here, there = read_boot_id(), "another"
    installed = Standing(phase="installed", version="2.0", boot_id=there)
    assert settled(installed, "2.0", here) == installed  # on trial: only the health check ends that
    assert progress.committed(installed).phase == "idle"
    back = settled(installed, "1.0", here)
    assert (back.phase, back.given_up) == ("failed", ("2.0",))
    assert "2.0" in back.error
    waiting = Standing(phase="installed", version="2.0", boot_id=here)
    assert settled(waiting, "1.0", here) == waiting
    cut = settled(Standing(phase="downloading", version="2.0", boot_id=there, percent=5), "1.0", here)
    assert (cut.phase, cut.percent, cut.given_up) == ("failed", None, ())


def test_mqtt_tells_what_home_assistant_shows(tmp_path: Path) -> None:
    told: list[Message] = []
    updates = Updates(tmp_path, "dev", told.append)
    for each in (
        Standing(),
        Standing(latest="9.0", notes="x" * 300),
        Standing(phase="downloading", version="9.0", latest="9.0", percent=40),
        Standing(phase="downloading", version="9.0", latest="9.0", percent=40),
        Standing(phase="installed", version="9.0", boot_id=read_boot_id()),
        Standing(phase="failed", version="9.0", latest="9.0", error="refused"),
    ):
        progress.save(tmp_path, each)
        updates(())
    said = [check_payload("update", message.payload) for message in told]
    assert {message.topic for message in told} == {"update"}
    assert [each["latest_version"] == "9.0" for each in said] == [False, True, True, True, True]
    assert [each["in_progress"] for each in said] == [False, False, True, True, False]
    assert [each["update_percentage"] for each in said] == [None, None, 40, None, None]
    assert (said[4]["error"], len(said[1]["release_summary"])) == ("refused", 255)
    assert json.loads(told[0].payload)["latest_version"] == said[0]["installed_version"]


def test_the_command(
    maker: Maker,
    newer: Path,
    card: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.update.system.__version__", "1.0.0")
    source = offer(tmp_path / "stick", [(newer, "1.2.0")])
    where = ["--data", str(tmp_path / "data"), "--rauc-conf", str(maker.conf()), "--source", str(source)]
    assert main(["update", "check", *where]) == 0
    assert "version 1.2.0 is there" in capsys.readouterr().out
    assert main(["update", "install", *where]) == 0
    assert "version 1.2.0 is installed: the next restart tries it" in capsys.readouterr().out
    assert main(["update", "status", *where]) == 0
    assert capsys.readouterr().out == "version 1.0.0\nnewest known: 1.2.0\nlast update: installed 1.2.0\n"
    assert main(["update", "rollback", *where]) == 1
    assert "no slots" in capsys.readouterr().err
    assert main(["update", "install", str(maker.bundle("older", "0.1")), *where]) == 1
    assert "version 0.1 is not newer than 1.0.0" in capsys.readouterr().err
