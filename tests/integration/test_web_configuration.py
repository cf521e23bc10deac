"""The configuration over HTTP: shown without secrets, refused beside its fields, saved whole or not at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import config
from edge.recognition import catalogue
from tests.web_rig import Site

FILE = """# of the porch
[[camera]]
name = "door"  # the one in front
source = "rtsp://viewer:hunter2@192.0.2.1/live?token=geheim"

[mqtt]
host = "broker.local"
password_file = "mqtt-password"
username = "edge"

[[rule]]
name = "alarm"
webhook = "https://hooks.example/T00/B00/sesame"
"""
WORK = """
[[work]]
name = "files"
worker = "recognise-folder"
every_s = 60
input = { folder = "/srv" }
"""
SECRETS = ("hunter2", "geheim", "sesame")
AREA = [[0, 0], [1, 0], [1, 1]]


@pytest.fixture
def file(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a device that has the default model alone."""
    models, name = tmp_path / "home" / "models", catalogue.find(catalogue.DEFAULT_DETECTOR).file.file
    models.mkdir(parents=True)
    (models / name).symlink_to(models_dir / name)
    monkeypatch.setenv("EDGE_DATA", str(models.parent))
    path = tmp_path / "edge.toml"
    path.write_text(FILE)
    path.chmod(0o640)
    (tmp_path / "mqtt-password").write_text("sesame\n")
    return path


@pytest.fixture
def site(data_dir: Path, file: Path) -> Iterator[Site]:
    site = Site(data_dir, file)
    site.log_in()
    yield site
    site.close()


def shown(site: Site) -> dict[str, Any]:
    status, answer = site.api("configuration")
    assert status == 200
    found: dict[str, Any] = answer
    return found


def test_it_is_shown_whole_and_without_secrets(site: Site) -> None:
    answer = shown(site)
    assert answer["configuration"]["camera"][0]["source"] == "rtsp://***@192.0.2.1/live?***"
    assert answer["configuration"]["rule"][0]["webhook"] == "https://hooks.example/***"
    assert answer["configuration"]["clips"] == answer["defaults"]["clips"]
    assert not any(secret in str(answer) for secret in SECRETS)
    assert (answer["restart_needed"], answer["previous"]) == (False, False)


def test_what_is_wrong_is_said_of_each_field_and_nothing_is_saved(site: Site, file: Path) -> None:
    value = {"host": 5, "port": 70000, "hots": ""}
    for path, method, body in (
        ("configuration/check", "POST", {"section": "mqtt", "value": value}),
        ("configuration/mqtt", "PUT", {"value": value}),
    ):
        status, answer = site.api(path, method, body)
        assert status == (200 if method == "POST" else 422)
        assert {each["place"] for each in answer["problems"]} == {"mqtt.host", "mqtt.port", "mqtt.hots"}
    assert file.read_text() == FILE


@pytest.mark.parametrize(
    ("section", "value", "place"),
    [
        ("camera", [], "camera"),
        ("camera", [{"name": "door", "source": "smoke:signals"}], "camera[0].source"),
        ("camera", [{"name": "door"}], "camera[0].source"),
        ("zone", [{"name": "a", "camera": "door", "area": [[0, 0], [1, 1], [0.5, 0.5]]}], "zone[0].area"),
        ("zone", [{"name": "a", "camera": "back", "area": [[0, 0], [1, 0], [1, 1]]}], "zone[0].camera"),
        ("clips", {"max_s": 5}, "clips.max_s"),
        ("button", [{"name": "a", "pin": 4, "press": "explode"}], "button[0].press"),
        ("detector", {"model": "no-such-model"}, "detector.model"),
        ("work", [{"name": "a", "worker": "no-such-worker", "every_s": 5}], "work[0]"),
        ("zone", [{"name": "a", "camera": "door", "area": AREA, "labels": ["Persn"]}], "zone[0].labels"),
        (
            "line",
            [{"name": "a", "camera": "door", "start": [0, 0], "end": [1, 1], "labels": ["Dog", "Persn"]}],
            "line[0].labels",
        ),
        ("filter", [{"label": "Person"}, {"label": "Persn"}], "filter[1].label"),
        ("rule", [{"name": "a", "publish": "a", "labels": ["Persn"]}], "rule[0].labels"),
        ("detector", {"labels": ["Persn"]}, "detector.labels"),
        ("detector", {"thresholds": {"Persn": 0.5}}, "detector.thresholds"),
        ("detector", {"model": "mobilenet_v2_inat_birds"}, "detector.model"),  # in the catalogue, not on the card
        ("detector", {"accelerator": "edgetpu"}, "detector.accelerator"),
        ("second_look", [{"labels": ["Dog"], "model": "ssd_mobilenet_v2_oid"}], "second_look[0].model"),
        ("second_look", [{"labels": ["Dog"], "model": "nobody"}], "second_look[0].model"),
        ("second_look", [{"labels": ["Dogg"], "model": "mobilenet_v2_inat_birds"}], "second_look[0].labels"),
        ("second_look", [{"labels": ["Dog"], "model": "mobilenet_v2_inat_birds"}], "second_look[0].model"),
        ("nonsense", {}, "nonsense"),
        ("mqtt", "text", "mqtt"),
        ("mqtt", None, "mqtt"),
        ("camera", {}, "camera"),
        ("camera", [5], "camera[0]"),
    ],
)
def test_what_would_not_start_is_refused(site: Site, section: str, value: object, place: str) -> None:
    status, answer = site.api("configuration/check", "POST", {"section": section, "value": value})
    assert status == 200
    assert answer["problems"]
    assert answer["problems"][0]["place"] == place


def test_a_password_that_is_not_there_is_told_at_its_field(site: Site, data_dir: Path) -> None:
    file = str(data_dir / "secrets" / "door")
    mqtt = {"host": "broker.local", "username": "edge", "password_file": file}
    camera = [{"name": "door", "source": "rtsp://192.0.2.1/", "username": "edge", "password_file": file}]
    for section, value, place in (
        ("mqtt", mqtt, "mqtt.password_file"),
        ("camera", camera, "camera[0].password_file"),
    ):
        asked = {"section": section, "value": value}
        assert site.api("configuration/check", "POST", asked)[1]["problems"][0]["place"] == place
        site.api("secrets/door", "PUT", {"value": "s3cret"})
        assert site.api("configuration/check", "POST", asked)[1]["problems"] == []
        Path(file).unlink()


def test_a_section_is_saved_and_the_rest_of_the_file_stays(site: Site, file: Path) -> None:
    before = shown(site)
    value = {**before["configuration"]["mqtt"], "host": "other.local"}
    status, saved = site.api("configuration/mqtt", "PUT", {"value": value, "revision": before["revision"]})
    assert (status, saved["restart_needed"]) == (200, True)
    assert file.read_text() == FILE.replace("broker.local", "other.local")
    assert file.stat().st_mode & 0o777 == 0o640
    assert config.load(file).mqtt.host == "other.local"
    status, refused = site.api("configuration/mqtt", "PUT", {"value": value, "revision": before["revision"]})
    assert (status, "meanwhile" in refused["error"]) == (409, True)
    status, saved = site.api("configuration/previous", "POST")
    assert (status, saved["restart_needed"], file.read_text()) == (200, False, FILE)


def test_nobody_takes_back_what_another_has_changed(site: Site, file: Path) -> None:
    mine = site.api("configuration/retention", "PUT", {"value": {"days": 10}})[1]
    other = site.api("configuration/web", "PUT", {"value": {"port": 9999}, "revision": mine["revision"]})[1]
    status, refused = site.api("configuration/previous", "POST", {"revision": mine["revision"]})
    assert (status, "meanwhile" in refused["error"]) == (409, True)
    assert config.load(file).web.port == 9999
    status, saved = site.api("configuration/previous", "POST", {"revision": other["revision"]})
    assert (status, saved["revision"]) == (200, mine["revision"])


def test_what_would_not_start_any_more_is_not_taken_back(site: Site, file: Path) -> None:
    file.write_text(FILE + WORK)
    assert site.api("configuration/work", "PUT", {"value": []})[0] == 200
    assert site.api("configuration/previous", "POST")[0] == 200, "what it names has stood there"
    assert shown(site)["configuration"]["work"][0]["name"] == "files"
    file.with_name("edge.toml.previous").write_text(f'{FILE}\n[detector]\nmodel = "no-such-model"\n')
    status, refused = site.api("configuration/previous", "POST")
    assert (status, refused["problems"][0]["place"]) == (422, "detector.model")
    assert file.read_text() == FILE + WORK


def test_a_hidden_secret_that_comes_back_is_as_it_was(site: Site, file: Path) -> None:
    whole = shown(site)["configuration"]
    whole["camera"][0]["stall_after_s"] = 20
    assert site.api("configuration", "PUT", {"configuration": whole})[0] == 200
    saved = config.load(file)
    assert saved.camera[0].source == "rtsp://viewer:hunter2@192.0.2.1/live?token=geheim"
    assert saved.rule[0].webhook.endswith("sesame")
    whole["camera"][0]["source"] = "rtsp://***@evil.example/live?***"
    status, answer = site.api("configuration", "PUT", {"configuration": whole})
    assert (status, answer["problems"][0]["place"]) == (422, "camera[0].source")
    assert config.load(file) == saved


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("workers", {"files": ["/tmp/evil.py"]}),
        ("detector", {"edgetpu_library": "/tmp/evil.so"}),
        ("paths", {"data": "/etc"}),
        ("mqtt", {"host": "evil.example", "username": "x", "password_file": "/etc/shadow"}),
        ("mqtt", {"host": "evil.example", "username": "x", "password_file": "{secrets}/../access.json"}),
        ("camera", [{"name": "door", "source": "folder:/etc"}]),
        ("camera", [{"name": "door", "source": "v4l2:/etc/passwd"}]),
        ("camera", [{"name": "door", "source": "rtsp://h/x", "username": "x", "password_file": "/etc/shadow"}]),
        ("rule", [{"name": "a", "webhook": "https://h/", "webhook_ca_file": "/etc/shadow"}]),
        ("work", [{"name": "a", "worker": "recognise-folder", "every_s": 60, "input": {"folder": "/root"}}]),
    ],
)
def test_no_file_or_program_of_the_device_can_be_chosen(site: Site, data_dir: Path, section: str, value: Any) -> None:
    if isinstance(value, dict) and "password_file" in value:
        value = {**value, "password_file": value["password_file"].format(secrets=data_dir / "secrets")}
    status, answer = site.api("configuration/check", "POST", {"section": section, "value": value})
    assert status == 200
    assert "names a file or program" in answer["problems"][0]["problem"]


def test_a_password_is_kept_in_a_file_of_its_own(site: Site, data_dir: Path, file: Path) -> None:
    status, secret = site.api("secrets/broker", "PUT", {"value": "s3cret"})
    path = Path(secret["file"])
    assert (status, path.read_text(), path.stat().st_mode & 0o777) == (200, "s3cret\n", 0o600)
    mqtt = {**shown(site)["configuration"]["mqtt"], "password_file": secret["file"]}
    assert site.api("configuration/mqtt", "PUT", {"value": mqtt})[0] == 200
    assert config.load(file).mqtt.password_file == str(path)
    assert site.api("secrets/..", "PUT", {"value": "x"})[0] == 404
    assert site.api("secrets/Broker.txt", "PUT", {"value": "x"})[0] == 422


def test_zones_and_masks_of_a_camera(site: Site, file: Path) -> None:
    area = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
    new = {
        "zone": [{"name": "porch", "area": area}],
        "line": [{"name": "gate", "start": [0, 0.5], "end": [1, 0.5]}],
        "privacy": [area],
    }
    assert site.api("cameras/door/places", "PUT", new)[0] == 200
    saved = config.load(file)
    assert (saved.zone[0].camera, saved.line[0].name, len(saved.camera[0].privacy)) == ("door", "gate", 1)
    assert "# the one in front" in file.read_text()
    status, places = site.api("cameras/door/places")
    assert (status, places["zone"][0]["area"], places["motion_masks"]) == (200, area, [])
    flat = {"zone": [{"name": "flat", "area": [[0, 0], [1, 1], [0.5, 0.5]]}]}
    status, answer = site.api("cameras/door/places", "PUT", flat)
    assert (status, answer["problems"][0]["place"]) == (422, "zone[0].area")
    assert site.api("cameras/back/places")[0] == 404
    assert site.api("cameras/door/places", "PUT", {"zone": []})[0] == 200
    assert config.load(file).zone == ()


def test_a_token_sees_it_only_as_its_scope_says(site: Site) -> None:
    bearer = {"Authorization": f"Bearer {site.token}"}
    for path, method in (
        ("configuration", "GET"),
        ("configuration/mqtt", "PUT"),
        ("cameras/door/places", "GET"),
        ("secrets/x", "PUT"),
    ):
        assert site.api(path, method, {} if method == "PUT" else None, **bearer)[0] == 403
