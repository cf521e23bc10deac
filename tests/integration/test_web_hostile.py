"""What comes over the network is anything: requests made up by the thousand, with a token and without."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.web_rig import Site

FILE = '[[camera]]\nname = "door"\nsource = "test:"\n'
# A response of its own never ends; the other two start a process each, and have tests of their own.
LEFT_OUT = ("/api/v1/stream", "/api/v1/doctor", "/api/v1/models/{name}/try")
# What is right by its schema may still be refused for what it says: no such day, no such section.
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection,"
          "unsupported_method,allow_header_conformance")  # fmt: skip
CANARY = "canary-5f3c"


class Recorder:
    """Notes what was answered to whom."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: list[tuple[str, str, int]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.seen.append((scope["method"], scope["path"], message["status"]))
            await send(message)

        await self._app(scope, receive, noted if scope["type"] == "http" else send)


class Watched(Site):
    """A site whose answers are noted."""

    def made(self) -> ASGIApp:
        self.recorder = Recorder(super().made())
        return self.recorder


@pytest.fixture
def site(data_dir: Path, tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "edge.toml").write_text(FILE)
    (tmp_path / "outside.txt").write_text(CANARY)
    site = Watched(data_dir, tmp_path / "edge.toml")
    site.take()
    yield site
    site.close()


def made_up(site: Watched, folder: Path, token: str, examples: int) -> list[tuple[str, str, int]]:
    """Let the tool ask whatever the document allows and forbids; what was answered."""
    url = f"http://127.0.0.1:{site.server.port}"
    document = folder / "openapi.json"
    document.write_bytes(site.ask("/api/v1/openapi.json", Authorization=f"Bearer {site.root}")[2])
    site.recorder.seen.clear()
    left_out = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    header = ["--header", f"Authorization: Bearer {token}"] if token else []
    checks = ["--checks", CHECKS if token else "not_a_server_error"]
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", str(document), "--url", url, "--seed", "1",
        "--max-examples", str(examples),
        "--phases", "coverage,fuzzing", "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all", "--request-timeout", "60",
        "--max-response-time", "60", *checks, *header, *left_out,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    return list(site.recorder.seen)


@pytest.mark.timeout(1300)
def test_two_thousand_requests_lead_to_no_fault(site: Watched, tmp_path: Path) -> None:
    with_token = made_up(site, tmp_path, site.root, 25)
    strange = made_up(site, tmp_path, "", 12)
    assert len(with_token) + len(strange) >= 2000
    assert not [seen for seen in with_token + strange if seen[2] >= 500]
    # The tool looks at pages too: it is sent to the door, which is open.
    assert {status for _, path, status in strange if path.startswith(("/api/", "/metrics"))} == {401}
    assert {status for _, path, status in strange if path != "/login"} <= {303, 401}
    assert sum(status < 300 for _, _, status in with_token) > 100
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == [
        "data",
        "edge.toml",
        *(["edge.toml.previous"] if (tmp_path / "edge.toml.previous").exists() else []),
        "openapi.json",
        "outside.txt",
    ]


SEGMENTS = st.lists(
    st.sampled_from(
        ["..", "%2e%2e", ".%2e", "%2f", "%5c..", "..%2f..", "etc", "passwd", "outside.txt", "data", "web", "access.json", "edge.db", "%00",
         "static", "events", "cameras", "door", "clips", "0.mp4", "picture.jpg", "now.jpg", "api", "v1", "~", "$(id)", "%252e%252e", ""]
    ),
    min_size=1,
    max_size=7,
)  # fmt: skip


@pytest.mark.parametrize("host", ["x/static/?", "x/static/#", "/static/?", "x/login?", "x/login#", "x\\static/?"])
def test_no_host_opens_a_path(site: Watched, host: str) -> None:
    assert site.ask("/api/v1/configuration", Host=host)[0] == 401
    status, headers, _ = site.ask("/events/a%3Fb", Host=host)
    assert (status, headers["location"]) == (303, "/login?next=/events/a%3Fb")


def test_no_path_leaves_its_folder(site: Watched) -> None:
    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(["", "/static", "/events", "/cameras", "/api/v1/events", "/api/v1/secrets"]), SEGMENTS)
    def ask(front: str, segments: list[str]) -> None:
        status, _, body = site.ask("/".join([front, *segments]) or "/", Authorization=f"Bearer {site.root}")
        assert status < 500
        assert CANARY.encode() not in body
        assert not re.search(rb"root:.?:0|SQLite format|sha256\":", body)

    ask()
