"""The page over real HTTP: who gets in, what they see, what they can do."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.events.port import Scene, Thing
from edge.geometry import Box
from edge.store.clips import ClipFolder
from edge.store.events import EventStore
from edge.store.port import Clip, Record
from edge.web.guard import BODY_BYTES
from edge.web.live import VIEWERS
from edge.work.observe import WorkInfo
from edge.work.states import StopReason, WorkState
from tests.support import until
from tests.web_rig import HOSTILE, Site


@pytest.fixture
def site(data_dir: Path) -> Iterator[Site]:
    site = Site(data_dir)
    yield site
    site.close()


PAGES = (
    "/",
    "/events",
    "/counts",
    "/work",
    "/device",
    "/cameras/door/now.jpg",
    "/events/{id}",
    "/events/{id}/picture.jpg",
)


@pytest.mark.parametrize("path", PAGES)
def test_strangers_are_sent_to_the_door(site: Site, path: str) -> None:
    status, headers, body = site.ask(path.format(id=site.events[0].id))
    assert status == 303
    assert headers["location"].startswith("/login?next=/")
    assert body == b""


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/state", "/api/v1/stream", "/metrics"])
def test_strange_machines_are_refused(site: Site, path: str) -> None:
    assert site.ask(path)[0] == 401
    assert site.ask(path, Authorization="Bearer edge_wrong")[0] == 401
    assert site.ask(path, Cookie="edge_session=9999999999.aa.bb")[0] == 401


def test_every_answer_carries_the_strict_headers(site: Site) -> None:
    for path in ("/login", "/", "/healthz", "/static/style.css", "/nowhere", "/api/v1/state"):
        _, headers, _ = site.ask(path)
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_logging_in_and_out(site: Site) -> None:
    assert site.log_in("wrong")[0] == 403
    status, headers = site.log_in(after="/events?label=Cat")
    assert (status, headers["location"]) == (303, "/events?label=Cat")
    assert {"HttpOnly", "SameSite=strict"} <= set(headers["set-cookie"].split("; "))
    assert b"porch" in site.ask("/")[2]
    status, headers, _ = site.ask("/logout", "POST", b"", X_CSRF_Token=site.csrf)
    assert 'edge_session="";' in headers["set-cookie"]


@pytest.mark.parametrize("after", ["//evil.example/", "https://evil.example/", "/\\evil.example", "evil"])
def test_logging_in_leads_nowhere_else(site: Site, after: str) -> None:
    assert site.log_in(after=after)[1]["location"] == "/"


def test_pages_show_what_is_kept_and_escape_what_came_from_outside(site: Site) -> None:
    site.log_in()
    cat, hostile = site.events
    listing = site.ask("/events")[2].decode()
    assert f"/events/{cat.id}" in listing
    for path in ("/", "/events", "/counts", f"/events/{hostile.id}", "/events?label=%3Cscript%3E"):
        status, _, page = site.ask(path)
        assert status == 200, path
        assert b"<script>alert" not in page
    only = site.ask("/events?label=Cat")[2].decode()
    assert cat.id in only
    assert hostile.id not in only
    picture = site.ask(f"/events/{cat.id}/picture.jpg")
    assert (picture[0], picture[1]["content-type"], picture[2][:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert "immutable" in picture[1]["cache-control"]
    assert site.ask(f"/events/{cat.id}/thumbnail.jpg")[2][:2] == b"\xff\xd8"
    assert site.ask(f"/events/{hostile.id}/picture.jpg")[0] == 404
    assert site.ask("/events?day=yesterday")[0] == 400
    assert site.ask(f"/events/{cat.id}/clips/0.mp4")[0] == 404


@pytest.mark.parametrize(
    "path",
    ["/events/../../etc/passwd", "/static/../render.py", "/static/%2e%2e/render.py", "/static//etc/passwd", "/cameras/..%2f/now.jpg",
     "/events/%00/picture.jpg", "/events/' OR 1=1 --"],
)  # fmt: skip
def test_no_path_leads_out(site: Site, path: str) -> None:
    site.log_in()
    status, _, body = site.ask(path.replace(" ", "%20"))
    assert status in (307, 404)
    assert b"root:" not in body
    assert b"import" not in body


def test_doing_something_needs_the_right_page(site: Site) -> None:
    site.log_in()
    body = {"request_id": "1", "arguments": {"camera": "door"}}
    assert site.act("snapshot", body)[0] == 403
    assert site.act("snapshot", body, X_CSRF_Token="wrong")[0] == 403
    token = {"X_CSRF_Token": site.csrf}
    assert site.act("snapshot", body, **token, Origin="http://evil.example")[0] == 403
    assert site.act("snapshot", body, **token, Sec_Fetch_Site="cross-site")[0] == 403
    assert site.done == []
    status, answer = site.act("snapshot", body, **token, Origin=f"http://127.0.0.1:{site.server.port}")
    assert (status, answer["ok"], site.done) == (200, True, ["door"])
    assert site.act("snapshot", body, **token)[1] == answer
    assert site.done == ["door"]


def test_a_machine_may_what_its_token_says(site: Site) -> None:
    bearer = {"Authorization": f"Bearer {site.token}"}
    assert site.act("snapshot", {"arguments": {"camera": "door"}}, **bearer)[0] == 200
    status, answer = site.act("reboot", {}, **bearer)
    assert status == 403
    assert "admin" in str(answer["error"])
    assert site.done == ["door"]
    for wrong in ([], {"arguments": {"camera": 1}}, {"request": 1}, "x"):
        assert site.act("snapshot", wrong, **bearer)[0] in (400, 409)


def test_what_is_too_large_is_refused(site: Site) -> None:
    bearer = f"Bearer {site.token}"
    status, _, _ = site.ask("/api/v1/actions/snapshot", "POST", b"x" * (BODY_BYTES + 1), Authorization=bearer)
    assert status == 413
    assert site.ask("/healthz")[0] == 200


def test_the_interface_lists_events_page_by_page(site: Site) -> None:
    bearer = {"Authorization": f"Bearer {site.token}"}
    first = json.loads(site.ask("/api/v1/events?limit=1", **bearer)[2])
    second = json.loads(site.ask(f"/api/v1/events?limit=1&before={first['before']}", **bearer)[2])
    assert [page["events"][0]["id"] for page in (first, second)] == [event.id for event in reversed(site.events)]
    one = json.loads(site.ask(f"/api/v1/events/{site.events[0].id}", **bearer)[2])
    assert one["label"] == "Cat"
    assert site.ask(f"/api/v1/events/{site.events[0].id[:8]}", **bearer)[0] == 404
    assert site.ask("/api/v1/events?limit=100000", **bearer)[0] == 400


def test_live_pictures_are_sent_when_they_are_new(site: Site) -> None:
    site.log_in()
    assert site.ask("/cameras/door/now.jpg")[0] == 404
    assert site.ask("/cameras/back/now.jpg")[0] == 404
    site.take()
    status, headers, jpeg = site.ask("/cameras/door/now.jpg")
    assert (status, jpeg[:2]) == (200, b"\xff\xd8")
    assert site.ask("/cameras/door/now.jpg", If_None_Match=headers["etag"])[0] == 304
    site.take()
    until(lambda: site.ask("/cameras/door/now.jpg", If_None_Match=headers["etag"])[0] == 200, 20, "a newer picture")


def test_live_pictures_say_what_is_in_them(site: Site) -> None:
    site.log_in()
    site.take()
    frame = site.frames["door"]
    site.scenes["door"] = Scene(frame, (Thing(HOSTILE + "é", 0.5, Box(0.1, 0.2, 0.3, 0.4), True, False),))
    things = json.loads(site.ask("/cameras/door/now.jpg")[1]["x-things"])
    assert [thing[:3] for thing in things] == [[HOSTILE + "é", 0.5, [0.1, 0.2, 0.3, 0.4]]]


def test_only_so_many_watch_a_stream(site: Site) -> None:
    site.log_in()
    site.take()
    watching = []
    for _ in range(VIEWERS):
        connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=10)
        connection.request("GET", "/cameras/door/live", headers={"Cookie": site.cookie})
        response = connection.getresponse()
        assert response.status == 200
        assert response.readline().startswith(b"--edge-frame")
        watching.append(connection)
    assert site.ask("/cameras/door/live")[0] == 503
    for connection in watching:
        connection.close()


def test_news_reach_an_open_page(site: Site) -> None:
    site.log_in()
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=10)
    connection.request("GET", "/api/v1/stream", headers={"Cookie": site.cookie})
    response = connection.getresponse()
    assert response.readline() == b"retry: 3000\n"
    site.health.report("camera", "door", "failed", "gone")
    event = msgspec.structs.replace(site.events[0], revision=2)
    site.server.committed([Record((event,), ())])
    site.server.works_changed([work(WorkState.RUNNING, progress={"done": 3, "total": 12})])
    seen = b""
    while not all(word in seen for word in (b"camera door failed", event.id.encode(), b"event: work", b'"done":3')):
        seen += response.readline()
    connection.close()


def test_health_says_whether_a_camera_runs(site: Site) -> None:
    assert site.ask("/healthz")[0] == 200
    site.health.report("camera", "door", "failed", "secret cause")
    status, _, body = site.ask("/healthz")
    assert status == 503
    assert b"secret" not in body


def test_a_clip_is_served_in_parts(site: Site, data_dir: Path) -> None:
    cat = site.events[0]
    clip = Clip(
        id=cat.id[:-1] + ("0" if cat.id[-1] != "0" else "1"), camera="door", trigger="track", started=cat.started, boot_id="boot",
        duration_s=3.0, size_bytes=1000, sha256="0" * 64, events=(cat.id,),
    )  # fmt: skip
    path = ClipFolder(data_dir).path_of(clip.id)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(range(250)) * 4)
    store = EventStore(data_dir)
    store.commit([Record((), (), clip=clip)])
    store.close()
    site.log_in()
    assert f"/events/{cat.id}/clips/0.mp4" in site.ask(f"/events/{cat.id}")[2].decode()
    status, headers, part = site.ask(f"/events/{cat.id}/clips/0.mp4", Range="bytes=10-19")
    assert (status, headers["content-range"], part) == (206, "bytes 10-19/1000", bytes(range(10, 20)))
    assert site.ask(f"/events/{cat.id}/clips/1.mp4")[0] == 404


def work(state: WorkState, **other: object) -> WorkInfo:
    values: dict[str, object] = {
        "id": "7", "name": HOSTILE, "worker": "recognise-folder", "tags": (), "attempts": 0, "periods": 2, "generation": 0,
        "stop_reason": StopReason.NOT_STOPPED, "message": "", "progress": {}, "output": {}, "next_run_wall_s": None, "waits_for": "",
    }  # fmt: skip
    return WorkInfo(**{**values, **other, "state": state})  # type: ignore[arg-type]


def test_works_are_shown_in_words_with_what_can_be_done(site: Site) -> None:
    site.log_in()
    assert "No work is asked for" in site.ask("/work")[2].decode()
    site.works = [
        work(WorkState.ENQUEUED, waits_for="waiting for Wi-Fi: connected by Ethernet", next_run_wall_s=1_800_000_000.0),
        work(WorkState.RUNNING, id="8", progress={"done": 3, "of": 12}),
        work(WorkState.FAILED, id="9", message="no such folder"),
    ]
    page = site.ask("/work")[2].decode()
    assert "Waiting for Wi-Fi: connected by Ethernet" in page
    assert 'value="0.25"' in page
    assert "no such folder" in page
    assert "<script>alert" not in page
    assert (page.count('data-ask="run-work"'), page.count('data-ask="cancel-work"')) == (1, 2)
