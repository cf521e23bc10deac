"""How far a backup or a restore is, where nobody looks at a terminal."""

import logging

import pytest

from edge.backup.rc import Transfer
from edge.cli import progress
from edge.cli.progress import Bar


def test_a_message_now_and_then_where_there_is_no_terminal(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    with Bar("restore") as bar:
        bar.step("files 1 of 9", 10)
        assert caplog.messages == [], "not so soon"
        monkeypatch.setattr(progress, "EVERY_S", -1.0)
        bar.step("files 2 of 9", 20)
        bar.moved(Transfer(1_000_000, 12_000_000, 500_000.0))
    assert caplog.messages == [
        "restore: files 2 of 9, 20 files",
        "restore: files 2 of 9, 20 files: 1.0 of 12.0 MB, 0.5 MB/s",
    ]
