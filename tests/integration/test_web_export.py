"""What is kept, taken away over HTTP; figures for Prometheus; the document that describes it all."""

import asyncio
import csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import jsonschema
import pytest

from edge.errors import StoreError
from edge.store.clips import ClipFolder
from edge.store.events import EventStore
from edge.store.port import Clip, Record
from edge.web.api.export import harmless, table_row
from edge.web.zipping import Member, zipped
from tests.web_rig import HOSTILE, Site


@pytest.fixture
def site(data_dir: Path) -> Iterator[Site]:
    site = Site(data_dir)
    site.log_in()
    yield site
    site.close()


def with_clip(site: Site, data_dir: Path) -> bytes:
    cat, content = site.events[0], bytes(range(256)) * 4000
    clip = Clip(
        id=cat.id[:-1] + ("0" if cat.id[-1] != "0" else "1"), camera="door", trigger="track", started=cat.started, boot_id="boot",
        duration_s=3.0, size_bytes=len(content), sha256="0" * 64, events=(cat.id,),
    )  # fmt: skip
    path = ClipFolder(data_dir).path_of(clip.id)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    store = EventStore(data_dir)
    store.commit([Record((), (), clip=clip)])
    store.close()
    return content


def test_events_pictures_and_clips_as_a_zip(site: Site, data_dir: Path) -> None:
    content = with_clip(site, data_dir)
    status, headers, packed = site.ask("/api/v1/export.zip?day=today")
    assert (status, headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        (picture,), (clip,) = ([name for name in names if name.endswith(end)] for end in (".jpg", ".mp4"))
        assert archive.read(clip) == content
        assert archive.read(picture)[:2] == b"\xff\xd8"
        assert picture.startswith("door/")
        events = [json.loads(line) for line in archive.read("events-001.jsonl").splitlines()]
    assert [event["id"] for event in events] == [event.id for event in reversed(site.events)]
    assert not any(letter in name for name in names for letter in '<>"\\:')
    status, _, packed = site.ask(f"/api/v1/export.zip?ids={site.events[1].id},nonsense")
    assert zipfile.ZipFile(io.BytesIO(packed)).namelist() == ["events-001.jsonl"]
    assert zipfile.ZipFile(io.BytesIO(site.ask("/api/v1/export.zip?day=2001-01-01")[2])).namelist() == []
    assert site.ask("/api/v1/export.zip?day=someday")[0] == 400


def test_a_large_archive_is_never_in_memory_whole(tmp_path: Path) -> None:
    size, count = 8_000_000, 12
    (tmp_path / "clip").write_bytes(bytes(size))

    async def pages() -> AsyncIterator[Iterable[Member]]:
        for number in range(count):
            yield [Member(f"{number}.mp4", tmp_path / "clip", 0.0), Member(f"{number}.jpg", tmp_path / "gone", 0.0)]

    async def measured() -> tuple[int, int]:
        sent = 0
        tracemalloc.start()
        try:
            async for part in zipped(pages()):
                sent += len(part)
            return sent, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    sent, peak = asyncio.run(measured())
    assert sent > size * count
    assert peak < 4_000_000


def test_events_as_tables(site: Site) -> None:
    status, headers, content = site.ask("/api/v1/export.csv")
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert [(row["label"], row["camera"]) for row in rows] == [(HOSTILE, "door"), ("Cat", "door")]
    lines = site.ask("/api/v1/export.jsonl?label=Cat")[2].splitlines()
    assert [json.loads(line)["id"] for line in lines] == [site.events[0].id]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil")'])
def test_no_text_is_a_formula(site: Site, text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("Cat") == "Cat"
    import msgspec

    row = next(
        csv.reader(io.StringIO(table_row(msgspec.structs.replace(site.events[0], label=text)).decode(), newline=""))
    )
    assert row[6] == f"'{text}"


def test_figures_for_prometheus(site: Site) -> None:
    site.health.report("camera", 'a"b\n', "failed", "secret")
    status, headers, content = site.ask("/metrics")
    text = content.decode()
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert 'edge_info{device="porch",version="1.2.3",detector="none"} 1\n' in text
    assert 'edge_part_well{part="camera",name="door"} 1\n' in text
    assert 'edge_part_well{part="camera",name="a\\"b\\n"} 0\n' in text
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(float(line.rpartition(" ")[2]) >= 0 for line in samples)
    assert "secret" not in text


def test_before_the_works_are_open_the_page_says_so_and_figures_are_there_all_the_same(site: Site) -> None:
    site.works = StoreError("the works are not open", hint="ask again")
    assert b"edge_part_well" in site.ask("/metrics")[2]
    status, refused = site.api("works")
    assert (status, refused["hint"]) == (503, "ask again in a moment")
    assert b"load the page again in a moment" in site.ask("/work")[2]


def test_the_document_says_what_is_answered(site: Site) -> None:
    status, document = site.api("openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert "/api/v1/configuration/{section}" in document["paths"]
    for path in ("/events?limit=1", "/state", "/cameras", "/device", "/actions", "/works", "/models", "/backup"):
        answer = site.api(path[1:])[1]
        operation = document["paths"]["/api/v1" + path.partition("?")[0]]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(answer)
