import tomllib
from pathlib import Path

import pytest

from edge.config import Camera, Config, load, parse
from edge.errors import ConfigError


def parsed(text: str) -> Config:
    return parse(tomllib.loads(text), place="edge.toml")


def test_an_empty_file_is_all_defaults() -> None:
    assert parsed("") == Config()


def test_cameras_and_sections() -> None:
    config = parsed(
        '[[camera]]\nname = "door"\nsource = "test:"\nfps = 5\n[mqtt]\nhost = "broker"\n[detector.thresholds]\nPerson = 0.7'
    )
    assert config.camera == (Camera(name="door", source="test:", fps=5.0),)
    assert config.mqtt.host == "broker"
    assert config.detector.thresholds == {"Person": 0.7}


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ("[mqtt]\nhots = 'a'", "edge.toml: mqtt.hots", "did you mean 'host'?"),
        ("[qqqqq]\n", "edge.toml: qqqqq", "known here: device"),
        (
            "[light]\npin = 5\nprivacy_pin = 5",
            "edge.toml: light.privacy_pin: GPIO5 is light.pin already",
            "its own pin",
        ),
        (
            "[[button]]\nname='a'\npin=5\n[light]\npin=[4,5,6]",
            "light.pin: GPIO5 is button[0].pin already",
            "its own pin",
        ),
        ("[[button]]\nname='a'\npin=5\n[[button]]\nname='a'\npin=6", "button[1].name: 'a' is taken", "its own name"),
        ("[[button]]\nname='a'\npin=40", "button[0].pin is 40", "edge config show"),
        ("[[camera]]\nname='a'\nsource='test:'\npase='fast'", "camera[0].pase", "did you mean 'pace'?"),
        ("[mqtt]\nport = 'x'", "edge.toml: mqtt.port is 'x'", "edge config show"),
        ("[mqtt]\nport = 70000", "mqtt.port is 70000", "edge config show"),
        ("[detector.thresholds]\nPerson = 2.0", "detector.thresholds", "edge config show"),
        ("[[camera]]\nname='a'", "camera[0]", "edge config show"),
        ("[[camera]]\nname='A b'\nsource='test:'", "camera[0].name is 'A b'", "edge config show"),
        ("[[camera]]\nname='a'\nsource='ftp:x'", "camera[0].source: 'ftp:x'", "folder:PATH"),
        ("[[camera]]\nname='a'\nsource='http:x'", "camera[0].source: 'http:x'", "write http://HOST/PATH"),
        ("[[camera]]\nname='a'\nsource='rtsp:'", "camera[0].source: 'rtsp:'", "write rtsp://HOST/PATH"),
        ("[[camera]]\nname='a'\nsource='ftp://u:secret@h/x'", "'ftp://***@h/x' is no camera", "folder:PATH"),
        (
            "[[camera]]\nname='a'\nsource='rtsp://h/x'\nwidth=640",
            "camera[0].width: only a picamera: or v4l2:",
            "remove the line",
        ),
        ("[[camera]]\nname='a'\nsource='rtsp://h/x'\npassword_file='p'", "password_file: there is no", "username"),
        ("[[camera]]\nname='a'\nsource='file:'", "camera[0].source: 'file:'", "write file:PATH"),
        ("[[camera]]\nname='a'\nsource='test:'\nloop=true", "camera[0].loop", "remove the line"),
        (
            "[[camera]]\nname='a'\nsource='test:'\nrotation=180",
            "camera[0].rotation: only a picamera:",
            "remove the line",
        ),
        (
            "[[camera]]\nname='a'\nsource='folder:b'\nfps=5",
            "camera[0].fps: only a picamera: or v4l2: or test:",
            "remove the line",
        ),
        ("[[camera]]\nname='a'\nsource='picamera:'\nrotation=90", "camera[0].rotation is 90", "edge config show"),
        ("[[camera]]\nname='a'\nsource='picamera:'\nwidth=641", "camera[0].width is 641", "edge config show"),
        ("[[camera]]\nname='a'\nsource='test:'\n" * 2, "camera[1].name", "its own name"),
        ("[mqtt]\nprefix='a/#'", "mqtt.prefix is 'a/#'", "edge config show"),
        ("[web]\nhost='nonsense host'", "edge.toml: web.host: 'nonsense host' is no address", "0.0.0.0 is the whole"),
        ("[web]\nhost='192.168.1.300'", "web.host: '192.168.1.300' is no address", "127.0.0.1 this machine"),
    ],
)
def test_mistakes_are_refused_with_place_and_remedy(text: str, place: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert place in str(caught.value)
    assert remedy in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_camera_of_the_pi() -> None:
    text = '[[camera]]\nname = "door"\nsource = "picamera:imx708"\nwidth = 1920\nheight = 1080\nrotation = 180\nexposure_us = 8000'
    (camera,) = parsed(text).camera
    assert (camera.width, camera.height, camera.rotation, camera.exposure_us, camera.gain) == (1920, 1080, 180, 8000, 0)
    assert parsed('[[camera]]\nname = "a"\nsource = "picamera:"').camera[0].source == "picamera:"


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        '[paths]\ndata = "kept"\n[[camera]]\nname = "a"\nsource = "file:v.mp4"\n[mqtt]\nusername = "me"\npassword_file = "secret"'
    )
    config = load(path)
    assert config.data_dir == tmp_path / "kept"
    assert config.models_dir == tmp_path / "kept/models"
    assert config.camera[0].source == f"file:{tmp_path}/v.mp4"
    assert config.mqtt.password_file == f"{tmp_path}/secret"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "fe80::1", "localhost", "porch", "porch.local"])
def test_the_page_is_served_at_an_address_or_a_name_of_one(host: str) -> None:
    assert parse({"web": {"host": host}}, place="here").web.host == host


def test_a_file_that_is_not_toml_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text("[mqtt]\nhost = \nport = 1")
    with pytest.raises(ConfigError, match=r"edge\.toml: not TOML.*line 2"):
        load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")


CAMERA = "[[camera]]\nname='yard'\nsource='test:'\n"
ZONE = "[[zone]]\nname='drive'\ncamera='yard'\narea=[[0,0],[1,0],[1,1]]\n"


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        (ZONE, "zone[0].camera: no camera is named 'yard'", "there is: none"),
        (
            CAMERA + ZONE.replace("'yard'", "'yart'"),
            "zone[0].camera: no camera is named 'yart'",
            "did you mean 'yard'?",
        ),
        (CAMERA + ZONE + ZONE, "zone[1].name: 'drive' is taken by another zone", "choose another name"),
        (CAMERA + ZONE.replace("[1,1]", "[0.5,0]"), "zone[0].area: the points lie on one line", "corners"),
        (
            CAMERA + "only_zones=['drove']\n" + ZONE,
            "camera[0].only_zones: no zone of camera yard",
            "did you mean 'drive'?",
        ),
        (CAMERA + "[[filter]]\nlabel='Car'\nmin_area=0.5\nmax_area=0.1", "filter[0]: a least value", "swap them"),
        (CAMERA + "[[filter]]\nlabel='Car'\ncameras=['door']", "filter[0].cameras: no camera", "there is: yard"),
        (
            CAMERA + "[[line]]\nname='gate'\ncamera='yard'\nstart=[0,0]\nend=[0,0]",
            "line[0].end: is where the line starts",
            "two different places",
        ),
        (CAMERA + "[[schedule]]\nstart='25:00'\nend='06:00'", "schedule[0].start is '25:00'", "edge config show"),
        (CAMERA + "[[schedule]]\nstart='22:00'\nend='06:00'\ncameras=['x']", "schedule[0].cameras", "there is: yard"),
        (CAMERA + "[[schedule]]\nstart='22:00'\nend='06:00'\ndays=['monday']", "schedule[0].days", "edge config show"),
    ],
)
def test_places_and_times_name_what_is_there(text: str, place: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert place in str(caught.value)
    assert remedy in caught.value.hint
