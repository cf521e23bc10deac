"""Models tried, and the backup looked at, over HTTP, with the real ones."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge import assets
from edge.backup.looking import LIST_S
from edge.backup.target import kit_text, load
from edge.camera.port import Frame
from edge.clock import Instant
from edge.pictures import encode_jpeg, read_picture
from edge.recognition.catalogue import find
from edge.web.guard import BODY_BYTES, PICTURE_BYTES
from tests.backup_rig import Card, set_up, take
from tests.web_rig import PASSWORD, Site

MODEL = "ssd_mobilenet_v2_oid"


@pytest.fixture
def site(data_dir: Path, models_dir: Path) -> Iterator[Site]:
    site = Site(data_dir, models=models_dir)
    site.log_in()
    yield site
    site.close()


def test_the_models_that_are_known(site: Site) -> None:
    status, models = site.api("models")
    (default,) = [model for model in models if model["name"] == MODEL]
    assert (status, default["state"], default["in_use"], default["task"]) == (200, "here", True, "detection")


def test_a_model_is_read_again_only_when_its_file_has_changed(
    data_dir: Path, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = find(MODEL, models_dir).file
    content = (models_dir / asset.file).read_bytes()
    read: list[str] = []
    real = assets.state_of

    def counted(asset: assets.Asset, folder: Path) -> assets.State:
        read.append(asset.file)
        return real(asset, folder)

    monkeypatch.setattr(assets, "state_of", counted)
    with closing(Site(data_dir, models=tmp_path)) as site:
        site.log_in()

        def state() -> str:
            (shown,) = [model["state"] for model in site.api("models")[1] if model["name"] == MODEL]
            return str(shown)

        assert (state(), read) == ("missing", [])
        (tmp_path / asset.file).write_bytes(content)
        assert (state(), state(), read) == ("here", "here", [asset.file])
        read.clear()
        (tmp_path / asset.file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert (state(), state(), read) == ("damaged", "damaged", [asset.file])


def test_a_model_is_tried_on_a_picture_that_is_sent_and_on_what_a_camera_sees(site: Site, samples: Path) -> None:
    pixels = read_picture(samples / "pictures" / "chelsea.png")
    jpeg, size = encode_jpeg(pixels, quality=100, max_edge_px=2000)
    assert len(jpeg) > BODY_BYTES
    path, headers = f"/api/v1/models/{MODEL}/try", {"X_CSRF_Token": site.csrf}
    status, _, content = site.ask(path, "POST", jpeg, Content_Type="image/jpeg", **headers)
    tried = json.loads(content)
    assert (status, tried["detections"][0]["label"], tuple(tried["size_px"])) == (200, "Cat", size)
    site.frames["door"] = Frame("door", 1, pixels, Instant(1.0, 1.0))
    status, tried = site.api(f"models/{MODEL}/try?camera=door", "POST")
    assert (status, tried["detections"][0]["label"]) == (200, "Cat")


def test_what_cannot_be_tried(site: Site) -> None:
    path, headers = f"/api/v1/models/{MODEL}/try", {"X_CSRF_Token": site.csrf, "Content_Type": "image/jpeg"}
    status, _, content = site.ask(path, "POST", b"\xff\xd8 no picture", **headers)
    assert (status, "not a picture" in content.decode()) == (409, True)
    assert site.ask(path, "POST", b"x" * (PICTURE_BYTES + 1), **headers)[0] == 413
    assert site.api(f"models/{MODEL}/try", "POST")[0] == 400
    assert site.api(f"models/{MODEL}/try?camera=back", "POST")[0] == 409
    assert site.api(f"models/{MODEL}/try?event={site.events[1].id}", "POST")[0] == 409
    assert site.api("models/nonsense/try?camera=door", "POST")[0] == 404


def test_what_the_doctor_finds(site: Site) -> None:
    status, told = site.api("doctor")
    assert status == 200
    assert "python" in [finding["what"] for finding in told["findings"]]


def test_how_the_backup_stands_what_is_there_and_what_a_restore_would_fetch(
    site: Site, data_dir: Path, tmp_path: Path
) -> None:
    assert site.api("backup")[1]["set_up"] is False
    assert site.api("backup/snapshots")[0] == 409
    card = Card(data_dir)
    card.add(3)
    room = set_up(data_dir, {"type": "local"}, str(tmp_path / "remote"))
    taken = take(room, card)
    card.close()
    assert taken.name is not None
    status, backup = site.api("backup")
    assert (status, backup["set_up"], backup["waiting"], backup["packs"]) == (200, True, 0, 1)
    assert "secret" not in str(backup)
    status, snapshots = site.api("backup/snapshots")
    assert (status, [each["stamp"] for each in snapshots]) == (200, [taken.name.stamp])
    status, planned = site.api("backup/restore/plan", "POST", {"labels": ["Person"]})
    assert (status, planned["snapshot"], planned["events"], planned["files"]) == (200, taken.name.stamp, 5, 3)
    status, planned = site.api("backup/restore/plan", "POST", {"snapshot": "1999"})
    assert (status, "no such snapshot" in planned["error"]) == (409, True)
    assert not list((data_dir / "backup" / "scratch").glob("look*"))


def test_a_remote_that_is_slow_for_ever_does_not_keep_the_program_from_ending(data_dir: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def drip(listening: socket.socket) -> None:
        with listening.accept()[0] as connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            asked.set()
            while not over.wait(1.0):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(2) as threads:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        set_up(data_dir, {"type": "webdav", "url": url, "vendor": "other"}, "remote")
        threads.submit(drip, listening)
        try:
            with closing(Site(data_dir)) as site:  # it waits for its threads as the program does
                site.log_in()
                answer = threads.submit(site.api, "backup/snapshots")
                assert asked.wait(LIST_S)
            assert answer.result()[0] == 409
        finally:
            over.set()


def test_the_recovery_kit_is_for_the_password_alone(site: Site, data_dir: Path, tmp_path: Path) -> None:
    set_up(data_dir, {"type": "local"}, str(tmp_path / "remote"))
    assert site.api("backup/kit", "POST", {"password": "wrong"})[0] == 403
    token = site.server.access.add_token("root", "admin")
    assert site.api("backup/kit", "POST", {"password": PASSWORD}, Authorization=f"Bearer {token}")[0] == 403
    status, kit = site.api("backup/kit", "POST", {"password": PASSWORD})
    assert (status, kit["text"], kit["svg"][:4]) == (200, kit_text(load(data_dir)), "<svg")
