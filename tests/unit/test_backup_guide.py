"""What is asked when a backup is set up, and what becomes of the answers."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.backup.guide import GUIDES, TOKEN_STEP, walk
from edge.backup.setting_up import Answers, make_target, read_options, read_token
from edge.backup.target import kit_text, rclone_config, read_kit
from edge.errors import ConfigError

NOTHING = Answers("", "", {}, {}, encrypted=True, mirror="")
TOKEN = '{"access_token":"a","refresh_token":"r","expiry":"2026-01-01T00:00:00Z"}'


class Person:
    """Answers what stands in a list; knows what was said and what was typed unseen."""

    def __init__(self, *answers: str) -> None:
        self._answers: Iterator[str] = iter(answers)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.unseen: list[str] = []

    def text(self, question: str, default: str) -> str:
        self.asked.append(question)
        return next(self._answers) or default

    def secret(self, question: str) -> str:
        self.unseen.append(question)
        return next(self._answers)

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize(
    ("answers", "options", "path"),
    [
        (["local", "/media/disk/edge", "", ""], {"type": "local"}, "/media/disk/edge"),
        (
            ["s3", "Minio", "https://nas:9000", "", "me", "s e'cret", "bucket/edge", "", ""],
            {"type": "s3", "provider": "Minio", "endpoint": "https://nas:9000", "access_key_id": "me", "secret_access_key": "s e'cret"},
            "bucket/edge",
        ),
        (["sftp", "nas", "", "me", "", "/root/.ssh/id", "backup", "", ""],
         {"type": "sftp", "host": "nas", "port": "22", "user": "me", "key_file": "/root/.ssh/id"}, "backup"),
        (["drive", TOKEN, "edge", "", ""], {"type": "drive", "scope": "drive.file", "token": TOKEN}, "edge"),
    ],
)  # fmt: skip
def test_a_person_is_walked_to_a_remote(answers: list[str], options: dict[str, str], path: str) -> None:
    person = Person(*answers)
    target = make_target("edge-1", walk(person, NOTHING))
    assert (target.options, target.path, target.is_encrypted, target.mirror) == (options, path, True, "")
    assert (TOKEN_STEP in person.said) == (answers[0] == "drive")
    rclone_config(target)


def test_passwords_are_typed_unseen_and_kept_as_rclone_wants_them() -> None:
    person = Person("webdav", "https://nas/dav", "", "me", "pass word'$(id)", "edge", "no", "look")
    target = make_target("edge-1", walk(person, NOTHING))
    assert person.unseen == ["password"]
    assert target.options["pass"] not in ("", "pass word'$(id)")
    assert (target.is_encrypted, target.mirror) == (False, "look")


def test_only_what_was_not_given_is_asked() -> None:
    person = Person("me", "secret", "bucket", "", "")
    given = Answers("s3", "", {"provider": "AWS", "endpoint": "", "region": "eu-west-1"}, {}, encrypted=True, mirror="")
    assert walk(person, given).options["region"] == "eu-west-1"
    assert len(person.asked) + len(person.unseen) == 5


def test_what_cannot_be_is_asked_again() -> None:
    person = Person("ftp over pigeon", "drive", "not a token", "", TOKEN, "", "edge", "", "")
    answers = walk(person, NOTHING)
    assert (answers.kind, answers.secrets["token"], answers.path) == ("drive", TOKEN, "edge")
    assert sum("this is no token" in text for text in person.said) == 1
    assert person.said.count("this is needed") == 2


@pytest.mark.parametrize("kind", GUIDES)
def test_every_question_is_an_option_of_rclones(kind: str) -> None:
    from edge.backup import target

    (provider,) = (each for each in target._providers() if each["Name"] == kind)
    known = {option["Name"] for option in provider["Options"]}
    guide = GUIDES[kind]
    assert {question.option for question in guide.questions} | set(guide.fixed) <= known
    hidden = target.secret_options(kind)
    assert hidden & {question.option for question in guide.questions} <= {
        question.option for question in guide.questions if question.secret
    }


def test_a_token_is_read_as_a_line_and_as_settings() -> None:
    settings = base64.b64encode(json.dumps({"scope": "drive.file", "token": TOKEN}).encode()).decode().rstrip("=")
    assert read_token(TOKEN) == TOKEN.replace(" ", "")
    assert read_token(settings) == TOKEN
    for text in ("", "{}", "e30", "[1]", "{", "x y", '{"access":1}'):
        with pytest.raises(ConfigError, match="no token"):
            read_token(text)


def test_every_answer_may_be_an_option(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    answers = read_options(
        "drive", "edge", ["scope=drive.file"], [f"token={tmp_path / 'token'}"], None, "look", encrypted=True
    )
    assert make_target("edge-1", answers).options == {"type": "drive", "scope": "drive.file", "token": TOKEN}


@pytest.mark.parametrize("name", ["$(touch PWNED)", "a]b", "a;b", "../x", "-rf"])
def test_a_section_of_any_name_is_taken_for_what_it_holds(tmp_path: Path, name: str) -> None:
    config = tmp_path / "rclone $(touch PWNED).conf"
    config.write_text(f"[{name}]\ntype = sftp\nhost = a host\n")
    try:
        answers = read_options(None, "p", [], [], f"{config}:{name}", "", encrypted=True)
    except ConfigError:
        assert "]" in name
        return
    target = make_target("edge-1", answers)
    assert target.options == {"type": "sftp", "host": "a host"}
    assert name not in rclone_config(target)
    assert read_kit(kit_text(target)) == target


def test_a_mirror_is_in_the_kit() -> None:
    target = make_target("edge-1", Answers("local", "/a", {}, {}, encrypted=True, mirror="/b \"c'"))
    assert read_kit(kit_text(target)) == target
    assert "remote = target:/b \"c'" in rclone_config(target)
    with pytest.raises(ConfigError):
        make_target("edge-1", Answers("local", "/a", {}, {}, encrypted=True, mirror="/b\n[edge]"))
