"""Secrets that stand in a configuration are shown nowhere, and a file that a program changed is still a person's."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge.config import ConfigFile, hidden, load, parse, unhidden
from edge.errors import ConfigError, RefusedError

SECRET = {
    "camera": [{"name": "door", "source": "rtsp://user:hunter2@192.0.2.1/live?key=hunter2"}],
    "rule": [{"name": "alarm", "webhook": "https://hooks.example/T1/hunter2"}],
    "work": [{"name": "upload", "input": {"token": "hunter2", "folder": "/srv"}}],
}


def test_what_is_hidden_comes_back_as_it_was() -> None:
    shown = hidden(SECRET)
    assert "hunter2" not in str(shown)
    assert shown["work"][0]["input"]["folder"] == "/srv"
    assert unhidden(shown, SECRET) == SECRET


def test_a_renamed_camera_keeps_its_secret_and_another_host_gets_none() -> None:
    shown = hidden(SECRET)
    shown["camera"][0]["name"] = "porch"
    assert unhidden(shown, SECRET)["camera"][0]["source"] == SECRET["camera"][0]["source"]  # type: ignore[index]
    for source in ("rtsp://***@evil.example/live?***", "rtsp://***@192.0.2.1/other", "***"):
        shown["camera"][0]["source"] = source
        with pytest.raises(ConfigError, match="hidden in part"):
            unhidden(shown, SECRET)


@pytest.mark.parametrize(
    "wrong", [{"camera": 5}, {"camera": [5, None]}, {"work": [{"input": []}]}, {"rule": [{"webhook": 7}]}, {}]
)
def test_what_has_the_wrong_shape_is_left_to_the_check(wrong: dict[str, Any]) -> None:
    assert unhidden(hidden(wrong), SECRET) == wrong


@pytest.mark.parametrize("url", ["", "https://h/", "https://h", "http://[::1", "https://h/x?y", "https://u:p@h/"])
def test_of_a_webhook_the_host_alone_is_shown(url: str) -> None:
    (rule,) = hidden({"rule": [{"name": "a", "webhook": url}]})["rule"]
    assert rule["webhook"] in (url, "https://h/***", "***")
    assert "u:p" not in rule["webhook"]


TEXT = """# mine
[mqtt]
host = "a"  # the broker

[[camera]]
name = "door"
source = "test:"

[[camera]]
name = "back"  # behind the house
source = "test:"
"""


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    (tmp_path / "edge.toml").write_text(TEXT)
    return ConfigFile(tmp_path / "edge.toml")


def test_one_value_changes_one_line(tmp_path: Path, file: ConfigFile) -> None:
    cameras = file.read().raw["camera"]
    file.save({"camera": [cameras[0], {**cameras[1], "stall_after_s": 5.0, "fps": 10.0, "clips": None}]})
    assert (tmp_path / "edge.toml").read_text() == TEXT + "stall_after_s = 5.0\n"
    assert load(tmp_path / "edge.toml").camera[1].stall_after_s == 5.0


def test_sections_come_and_go(tmp_path: Path, file: ConfigFile) -> None:
    when = {"charging": True, "quiet_hours": None}
    file.save(
        {
            "work": [{"name": "a", "worker": "health-report", "every_s": 60.0, "when": when}],
            "web": {"host": "0.0.0.0"},
            "mqtt": {},
        }
    )
    loaded = load(tmp_path / "edge.toml")
    assert (loaded.work[0].when.charging, loaded.web.host, loaded.mqtt.host) == (True, "0.0.0.0", "")
    assert "# behind the house" in (tmp_path / "edge.toml").read_text()
    file.save({"work": [], "web": {}})
    assert load(tmp_path / "edge.toml").work == ()


CAMERA = '\n[[camera]]\nname = "door"\nsource = "test:"\n'


@pytest.mark.parametrize(
    ("text", "change", "kept"),
    [
        ('retention.days = 5 # d\nmqtt.host = "b"\n', {"retention": {"days": 5, "label_days": {"Person": 90}}}, "# d"),
        ('[retention.label_days] # l\nPerson = 9 # p\n', {"retention": {"label_days": {"Person": 10}}}, "10 # p"),
        (
            '[detector]\n[detector.thresholds]\nPerson = 0.5\n[tracking]\nmin_frames = 2\n[detector.edgetpu_options]\ndevice = "usb"\n',
            {"detector": {"model": "n", "thresholds": {"Käfer 🪲": 0.6}}},
            "",
        ),
    ],
)  # fmt: skip
def test_what_is_saved_says_what_was_asked_however_the_file_was_written(
    tmp_path: Path, text: str, change: dict[str, Any], kept: str
) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(text + CAMERA)
    ConfigFile(path).save(change)
    assert load(path) == parse({**tomllib.loads(text + CAMERA), **change}, place="")
    assert kept in path.read_text()


def test_a_change_of_something_that_has_changed_is_refused(tmp_path: Path, file: ConfigFile) -> None:
    before = file.read()
    with pytest.raises(RefusedError, match="never changed"):
        file.take_back()
    (tmp_path / "edge.toml").write_text(TEXT + "fps = 3\n")
    with pytest.raises(RefusedError, match="meanwhile"):
        file.save({"mqtt": {"host": "b"}}, before.revision)
    saved = file.save({"mqtt": {"host": "b"}})
    assert (tmp_path / "edge.toml.previous").read_text() == TEXT + "fps = 3\n"
    assert file.take_back().raw["mqtt"]["host"] == "a"
    assert file.take_back() == saved
