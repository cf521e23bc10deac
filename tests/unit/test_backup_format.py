"""Names, documents and packs of a backup."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from edge.backup.format import (
    Layer,
    Manifest,
    Pack,
    SnapshotName,
    checked_path,
    encode,
    name_of,
    parse_name,
    read_manifest,
)
from edge.backup.packs import Member, names_in, write_pack
from edge.backup.rclone import Do, run
from edge.backup.remote import translated
from edge.backup.repository import chosen, next_stamp
from edge.backup.target import Target, kit_text, new_key, rclone_config, read_kit
from edge.backup.unpacking import Unpacker
from edge.errors import BackupError, ConfigError

HOSTILE = (
    "$(touch PWNED)",
    "`id`",
    "a b",
    "x;y",
    "../up",
    "/etc",
    "-rf",
    'q"q',
    "a\nb",
    "ä",
    "a//b",
    "",
    ".hidden",
    "%n",
    "a&b",
    "edge:x",
)


def manifest(**changes: object) -> Manifest:
    fields = {
        "id": "1" * 32, "repository": "r", "device": "edge-1", "lineage": "l", "made_at": "2026-11-21T08:00:00Z", "program": "edge 0",
        "database_schema": 9, "events": 3, "database": (Layer("copy", "a" * 64, 10),), "packs": (Pack(1, "b" * 64, 20, 2),),
    }  # fmt: skip
    return Manifest(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_manifest_is_read_as_it_was_written_and_its_name_says_when() -> None:
    content = encode(manifest())
    name = name_of(manifest(), content, 1_763_712_000.0)
    assert name.path.startswith("snapshots/20251121T080000Z-")
    assert parse_name(name.path.removeprefix("snapshots/")) == name
    assert read_manifest(name, content) == manifest()
    assert manifest().paths == {f"database/{'a' * 64}.db.gz": 10, f"packs/bb/{'b' * 64}.zip": 20}


def test_a_manifest_with_one_bit_changed_is_refused() -> None:
    content = encode(manifest())
    name = name_of(manifest(), content, 0.0)
    with pytest.raises(BackupError, match="not what its name says"):
        read_manifest(name, content.replace(b"20", b"21", 1))


@pytest.mark.parametrize("path", HOSTILE)
def test_a_manifest_that_names_anything_else_than_plain_hashes_is_refused(path: str) -> None:
    content = encode(manifest(packs=(Pack(1, f"{path}{'b' * 62}x y", 1, 1),)))
    with pytest.raises(BackupError):
        read_manifest(name_of(manifest(), content, 0.0), content)
    with pytest.raises(BackupError):
        checked_path(path)


@pytest.mark.parametrize(
    "word", [word for word in HOSTILE if word not in ("", "/etc", "-rf", ".hidden", "a//b", "edge:x")]
)
def test_the_runner_refuses_every_word_that_a_shell_would_read(word: str) -> None:
    for do in (
        Do("copyto", word, "t", (), ".", "c"),
        Do("copyto", "s", word, (), ".", "c"),
        Do("copyto", "s", "t", (word,), ".", "c"),
    ):
        with pytest.raises(ValueError, match="plain"):
            run(do, None, None)


def test_the_same_files_give_the_same_pack_and_damaged_ones_are_left_out(tmp_path: Path) -> None:
    good, bad = b"a" * 100, b"b" * 50
    members = []
    for content in (good, bad):
        sha256 = hashlib.sha256(content).hexdigest()
        member = Member(f"pictures/{sha256[:2]}/{sha256}.jpg", sha256, len(content))
        (tmp_path / member.name).parent.mkdir(parents=True)
        (tmp_path / member.name).write_bytes(content)
        members.append(member)
    (tmp_path / members[1].name).write_bytes(b"c" * 50)
    first = write_pack(tmp_path / "1.zip", tmp_path, members)
    again = write_pack(tmp_path / "2.zip", tmp_path, members)
    assert first == again
    assert first.members == (members[0],)
    assert first.damaged == (members[1].name,)
    (tmp_path / "out").mkdir()
    with Unpacker(tmp_path / "out") as unpacker:
        assert unpacker.put(tmp_path / "1.zip", {members[0].name}) == [members[0].name]
        assert not (tmp_path / "out" / members[0].name).exists(), "it is not durable yet"
    assert (tmp_path / "out" / members[0].name).read_bytes() == good


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "pictures/ab/x.jpg", "edge.db"])
def test_a_pack_with_a_strange_name_in_it_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(name, b"x")
    with Unpacker(tmp_path) as unpacker, pytest.raises(BackupError, match="no pack of ours"):
        unpacker.put(tmp_path / "p.zip", {name})
    with pytest.raises(BackupError, match="no pack of ours"):
        names_in(tmp_path / "p.zip")


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "packed"])
def test_a_damaged_pack_is_refused(tmp_path: Path, harm: str) -> None:
    pack, sha256 = tmp_path / "p.zip", hashlib.sha256(b"x").hexdigest()
    name = f"pictures/{sha256[:2]}/{sha256}.jpg"
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED if harm == "packed" else zipfile.ZIP_STORED) as archive:
        archive.writestr(name, b"x")
    whole = pack.read_bytes()
    at = 30 + len(name)
    pack.write_bytes(
        {"cut": whole[:-30], "flip": whole[:at] + b"y" + whole[at + 1 :], "empty": b"", "packed": whole}[harm]
    )
    with Unpacker(tmp_path) as unpacker, pytest.raises(BackupError, match="damaged"):
        unpacker.put(pack, {name})
    assert not (tmp_path / "pictures").exists()


def test_the_kit_gives_the_target_back_and_strange_options_are_refused() -> None:
    target = Target(
        device="edge-1", repository="r", path="a folder/\"ü", options={"type": "local", "x": "$(id) \\ 'q'"}, password=new_key(), salt="s"
    )  # fmt: skip
    assert read_kit(kit_text(target)) == target
    for options in (
        {"type": "local", "x": "a\n[edge]"},
        {"type": "local", "a b": "x"},
        {"type": ""},
        {"type": "lo\ncal"},
    ):
        with pytest.raises(ConfigError):
            rclone_config(Target(device="d", repository="r", path="p", options=options))


@pytest.mark.parametrize(
    ("words", "cause", "retryable"),
    [
        ("AccessDenied: no, status code: 403", "refuses", False),
        ("SlowDown 503", "wait", True),
        ("write: no space left on device", "full", True),
        ("dial tcp 127.0.0.1:1: connect: connection refused", "reached", True),
        ("directory not found", "not there", False),
        ("packs/40/404403a429e507b503c404.zip: dial tcp: connection refused", "reached", True),
        ("Attempt 1/1 failed with 1 errors and: preallocate: file too big for remaining disk space", "full", True),
        ("https response error StatusCode: 500, api error InternalError", "fault of its own", True),
    ],
)
def test_what_rclone_says_is_told_as_a_cause(words: str, cause: str, retryable: bool) -> None:
    error = translated(words)
    assert cause in str(error)
    assert error.hint
    assert error.retryable is retryable


def test_a_snapshot_is_chosen_by_the_beginning_of_its_time() -> None:
    names = [SnapshotName("20251121T080000Z", "1", "a"), SnapshotName("20251122T080000Z", "2", "b")]
    assert chosen(names, "") == names[1]
    assert chosen(names, "20251121") == names[0]
    with pytest.raises(BackupError, match="several"):
        chosen(names, "2025")
    with pytest.raises(BackupError, match="no such"):
        chosen(names, "2024")
    assert next_stamp("20251231T235959Z") == "20260101T000000Z"
