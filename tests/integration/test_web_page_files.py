"""A browser keeps the page's files until they change, and no longer."""

import os
from contextlib import closing
from pathlib import Path

from starlette.responses import Response
from starlette.types import Scope

from edge.web.page_files import PageFiles
from tests.web_rig import Site

EPOCH_S = 1_700_000_000


def version(folder: Path, content: str) -> Path:
    """As an image of the system has it: every file of the same time."""
    folder.mkdir()
    (folder / "page.js").write_text(content)
    os.utime(folder / "page.js", (EPOCH_S, EPOCH_S))
    return folder


def answered(folder: Path, **headers: str) -> Response:
    path = folder / "page.js"
    asked = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {"type": "http", "method": "GET", "headers": asked}
    return PageFiles(directory=folder).file_response(path, path.stat(), scope)


def test_a_file_of_the_next_version_is_fetched_though_it_is_as_long_and_as_old(tmp_path: Path) -> None:
    old, new = version(tmp_path / "old", "size(12)"), version(tmp_path / "new", "size(14)")
    kept = answered(old).headers["ETag"]
    assert answered(old, If_None_Match=kept).status_code == 304
    assert answered(new, If_None_Match=kept).status_code == 200
    assert answered(new, If_None_Match=f'"other", W/{answered(new).headers["ETag"]}').status_code == 304


def test_a_file_that_is_edited_while_the_program_runs_is_another(tmp_path: Path) -> None:
    folder = version(tmp_path / "page", "size(12)")
    kept = answered(folder).headers["ETag"]
    (folder / "page.js").write_text("size(14)")
    assert answered(folder, If_None_Match=kept).status_code == 200


def test_the_page_asks_each_time_and_is_told_that_nothing_has_changed(data_dir: Path) -> None:
    with closing(Site(data_dir)) as site:
        site.log_in()
        status, headers, body = site.ask("/static/app.js")
        assert (status, headers["cache-control"], "last-modified" in headers) == (200, "no-cache", False)
        assert b"fetch" in body
        status, _, body = site.ask("/static/app.js", If_None_Match=headers["etag"])
        assert (status, body) == (304, b"")
        assert site.ask("/static/app.js", If_Modified_Since="Fri, 31 Dec 2100 00:00:00 GMT")[0] == 200
        assert site.ask("/static/../server.py")[0] == 404
