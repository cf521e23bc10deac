"""The `edge` command: answers and errors as a person gets them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support import edge, environment

pytestmark = pytest.mark.e2e


@pytest.fixture
def config(base_dir: Path, tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(f'[paths]\ndata = "data"\nmodels = "{base_dir / "models"}"\n')
    return path


def add(config: Path, text: str) -> Path:
    config.write_text(config.read_text() + text)
    return config


def camera(name: str, source: str) -> str:
    return f'[[camera]]\nname = "{name}"\nsource = "{source}"\n'


def one_line(stderr: str) -> str:
    """The error that the user reads: one line, no trace."""
    assert "Traceback" not in stderr
    lines = [line for line in stderr.splitlines() if line.startswith("edge: ")]
    assert len(lines) == 1, stderr
    return lines[0]


def test_recognise_prints_one_json_object_a_picture(config: Path, samples: Path) -> None:
    done = edge("recognise", samples / "pictures", "--json", "--config", config)
    assert done.returncode == 0, done.stderr
    found = {Path(item["picture"]).name: item["detections"] for item in map(json.loads, done.stdout.splitlines())}
    assert {name: [d["label"] for d in detections] for name, detections in found.items()} == {
        "astronaut.png": ["Person"],
        "chelsea.png": ["Cat"],
        "coffee.png": ["Coffee cup"],
    }


def test_recognise_goes_on_after_a_file_that_is_no_picture(config: Path, samples: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    done = edge("recognise", bad, samples / "pictures" / "chelsea.png", "--config", config)
    assert done.returncode == 1
    assert "chelsea.png: Cat 87%" in done.stdout
    assert f"edge: {bad}: not a picture that can be read (use JPEG" in done.stderr
    assert "1 of 2 pictures could not be read" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (["recognise", "/none/at/all"], "/none/at/all: no such file or folder", 2),
        (["recognise", "."], None, None),
        (["models", "try", "nothing", "x.jpg"], "x.jpg: no such file", 1),
        (["models", "pull", "ssd_mobilenet_v2_odi"], "did you mean 'ssd_mobilenet_v2_oid'?", 2),
        (["events", "list"], "no events have been kept here (", 1),
        (["run"], "no camera is configured (add a [[camera]] table", 2),
        (["events", "list", "--limit", "0"], "--limit 0: must be 1 to 1000000", 2),
        (["events", "list", "--limit", "1" + 20 * "0"], "must be 1 to 1000000", 2),
        (["clips", "list", "--limit", "1" + 20 * "0"], "must be 1 to 1000000", 2),
    ],
)
def test_errors_are_one_line_with_a_code(
    config: Path, arguments: list[str], text: str | None, code: int | None
) -> None:
    if text is None:
        return
    done = edge(*arguments, "--config", config)
    assert done.returncode == code
    assert text in one_line(done.stderr)


@pytest.mark.parametrize(
    ("line", "text", "code"),
    [
        ("config show --json >/dev/full", "edge: the output cannot be written: No space left on device", 1),
        ("web password </dev/null", "edge: the input ended before it was answered", 1),
        ("web password --stdin <&-", "edge: the password is too short", 2),
        ("slots set-state A", "edge: slots set-state: more is to be said", 2),
        ("config show >&-", "", 0),
        ("backup setup --help", "drive ?", 0),
    ],
)
def test_whatever_its_streams_are_a_command_ends_without_a_trace(
    tmp_path: Path, line: str, text: str, code: int
) -> None:
    """`setsid`: a password is asked for at the terminal, if there is one."""
    variables = {"EDGE_DATA": str(tmp_path), "EDGE_CONFIG": os.devnull, "PYTHONIOENCODING": "iso-8859-1"}
    shell = ["setsid", "--wait", "sh", "-c", f'exec "$0" -m edge {line}', sys.executable]
    done = subprocess.run(
        shell, capture_output=True, encoding="iso-8859-1", check=False, env={**environment(), **variables}
    )
    assert "Traceback" not in done.stderr
    assert text in done.stdout + done.stderr
    assert done.returncode == code


def test_a_wrong_key_names_place_and_remedy(config: Path) -> None:
    done = edge("config", "check", "--config", add(config, "[mqtt]\nhots = 'x'\n"))
    assert done.returncode == 2
    assert one_line(done.stderr) == f"edge: {config}: mqtt.hots: unknown key (did you mean 'host'?)"


def test_what_config_show_prints_is_a_configuration(config: Path, tmp_path: Path) -> None:
    shown = edge(
        "config", "show", "--config", add(config, camera("door", "test:") + "[detector.thresholds]\nPerson = 0.7\n")
    )
    again = tmp_path / "again.toml"
    again.write_text(shown.stdout)
    checked = edge("config", "check", "--config", again)
    assert checked.returncode == 0, checked.stderr
    assert "cameras: door" in checked.stdout
    assert edge("config", "show", "--config", again).stdout == shown.stdout


def test_a_missing_model_ends_the_start(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('[paths]\ndata = "data"\n' + camera("a", "test:"))
    done = edge("run", "--once", "--config", config)
    assert done.returncode == 1
    assert "file is missing (get it with `edge models pull ssd_mobilenet_v2_oid`)" in one_line(done.stderr)


def test_one_broken_camera_does_not_stop_the_others(config: Path, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("no video")
    add(config, camera("broken", "file:broken.mp4") + camera("gallery", f"folder:{samples / 'pictures'}"))
    done = edge("run", "--once", "--json", "--config", config)
    assert done.returncode == 1
    assert re.search(r"camera failed camera=broken error=.*broken\.mp4: cannot be read as video", done.stderr)
    report = json.loads(done.stdout)
    assert report["frames"] == 3
    assert report["events"] == 3
    assert report["problems"] == ["1 camera failure"]
    assert report["waiting"] == 7, "two messages an event, and the notice that a camera failed"
    listed = edge("events", "list", "--config", config)
    assert all(label in listed.stdout for label in ("Cat", "Person", "Coffee cup"))


def test_without_a_broker_events_wait_in_the_outbox(config: Path, samples: Path) -> None:
    add(config, camera("gallery", f"folder:{samples / 'pictures'}"))
    first = json.loads(edge("run", "--once", "--json", "--config", config, check=True).stdout)
    assert (first["events"], first["messages_sent"], first["waiting"]) == (3, 0, 6)
    second = json.loads(edge("run", "--once", "--json", "--config", config, check=True).stdout)
    assert (second["events"], second["waiting"]) == (0, 6), "pictures that are done are not recognised again"


def test_an_event_can_be_shown_with_its_picture(config: Path, samples: Path, tmp_path: Path) -> None:
    edge("run", "--once", "--config", add(config, camera("gallery", f"folder:{samples / 'pictures'}")), check=True)
    (cat,) = [
        json.loads(line)
        for line in edge("events", "list", "--label", "Cat", "--json", "--config", config).stdout.splitlines()
    ]
    assert cat["source"].endswith("chelsea.png")
    target = tmp_path / "cat.jpg"
    shown = edge("events", "show", cat["id"], "--save", target, "--config", config)
    assert shown.returncode == 0, shown.stderr
    assert "Cat 87%" in shown.stdout
    with Image.open(target) as image:
        assert image.size == (451, 300)
    wrong = edge("events", "show", "zzz", "--config", config)
    assert (wrong.returncode, "no event begins so" in one_line(wrong.stderr)) == (2, True)


def test_models(config: Path, base_dir: Path, samples: Path, tmp_path: Path) -> None:
    listed = {model["name"]: model for model in json.loads(edge("models", "list", "--json", "--config", config).stdout)}
    assert listed["ssd_mobilenet_v2_oid"]["state"] == "here"
    assert edge("models", "verify", "ssd_mobilenet_v2_oid", "--config", config).returncode == 0
    assert "is here and whole" in edge("models", "pull", "--config", config).stdout
    tried = edge(
        "models",
        "try",
        "ssd_mobilenet_v2_oid",
        samples / "pictures" / "chelsea.png",
        "--config",
        config,
        "--save",
        tmp_path / "c.png",
    )
    assert "87%  Cat" in tried.stdout
    assert (tmp_path / "c.png").exists()


def test_a_damaged_model_is_found(base_dir: Path, tmp_path: Path) -> None:
    name = "object_detection_ssd_mobilenetv2_oidv4_fp16.tflite"
    models = tmp_path / "data" / "models"
    models.mkdir(parents=True)
    (models / name).write_bytes((base_dir / "models" / name).read_bytes()[:-1])
    config = tmp_path / "edge.toml"
    config.write_text('[paths]\ndata = "data"\n' + camera("a", "test:"))
    verified = edge("models", "verify", "--config", config)
    assert verified.returncode == 1
    assert f"{name}: damaged" in one_line(verified.stderr)
    assert "file is damaged: its hash is not" in one_line(edge("run", "--once", "--config", config).stderr)


def test_a_second_program_on_the_same_data_is_refused(config: Path, tmp_path: Path) -> None:
    from edge.identity import locked

    add(config, camera("a", "test:"))
    with locked(tmp_path / "data"):
        done = edge("run", "--once", "--config", config)
    assert done.returncode == 1
    assert "in use by process" in one_line(done.stderr)


def test_doctor_finds_a_machine_well(config: Path) -> None:
    add(config, camera("a", "test:"))
    done = edge("doctor", "--json", "--config", config)
    assert done.returncode == 0, done.stdout
    answer = json.loads(done.stdout)
    assert answer["healthy"] is True
    assert {"system", "runtime", "model", "inference", "edgetpu"} <= {finding["what"] for finding in answer["findings"]}


def test_doctor_fails_with_remedies(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("[mqtt]\nhots = 'x'\n")
    done = edge("doctor", "--config", config)
    assert done.returncode == 1
    assert "fail  config" in done.stdout
    assert "→ did you mean 'host'?" in done.stdout
    assert "ok    system" in done.stdout
    assert "Traceback" not in done.stderr
