"""Background work of the running program: from its configuration and from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.store.events import EventStore
from edge.store.outbox import Outbox
from tests.support import edge, start_edge, until

pytestmark = pytest.mark.e2e

OWN_WORKERS = """
from edge.work import Run, Success, worker

@worker("greet")
async def greet(run: Run) -> Success:
    return Success({"text": f"hello, {run.input['who']}"})

@worker("count", heavy=True)
def count(run: Run) -> Success:
    return Success({"pictures": len(list(run.data_dir.glob("time-lapse/**/*.jpg")))})
"""


@pytest.fixture
def config(base_dir: Path, tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    (tmp_path / "own.py").write_text(OWN_WORKERS)
    path.write_text(
        f"""
        [paths]
        data = "{tmp_path / "data"}"
        models = "{base_dir / "models"}"
        [[camera]]
        name = "pattern"
        source = "test:"
        fps = 2
        [workers]
        files = ["own.py"]
        [[work]]
        name = "gallery"
        worker = "recognise-folder"
        every_s = 3600
        input = {{ folder = "{base_dir / "samples" / "pictures"}" }}
        when = {{ charging = true, storage_not_low = true }}
        [[work]]
        name = "stills"
        worker = "time-lapse"
        every_s = 1
        [[work]]
        name = "report"
        worker = "health-report"
        every_s = 3600
        delay_s = 1
        [[work]]
        name = "tidy"
        worker = "retention"
        cron = "0 3 * * *"
        """
    )
    return path


def works(config: Path, *arguments: object) -> dict[str, dict[str, Any]]:
    """By name, or by worker where there is none."""
    done = edge("work", "list", "--json", "--config", config, *arguments, check=True)
    infos = [json.loads(line) for line in done.stdout.splitlines()]
    return {info["name"] or info["worker"]: info for info in infos}


def test_work_of_the_configuration_and_of_the_command_line(config: Path, tmp_path: Path) -> None:
    data_dir, log = tmp_path / "data", tmp_path / "log"
    program = start_edge("run", "--config", config, log=log)
    try:
        until(lambda: b"started device" in log.read_bytes() or program.poll() is not None, 30, "the start")
        assert program.poll() is None, log.read_text()
        until(lambda: EventStore(data_dir).count() >= 3, 60, "the pictures of the gallery")
        until(lambda: len(list((data_dir / "time-lapse" / "pattern").glob("*/*.jpg"))) >= 2, 20, "two stills")
        for name, worker in (
            ("greeting", ("greet", "who=you")),
            ("counted", ("count",)),
            ("checked", ("check-models",)),
        ):
            assert edge("work", "enqueue", *worker, "--name", name, "--config", config).stderr == ""
        done = until(lambda: finished(config, "greeting", "counted", "checked"), 60, "what was asked for")
        assert done["greeting"]["output"] == {"text": "hello, you"}
        assert done["counted"]["output"]["pictures"] >= 2
        assert "ssd_mobilenet_v2_oid" in done["checked"]["output"]["ok"]
        assert done["report"]["periods"] == 1
        assert done["tidy"]["next_run"] is not None
        shown = edge("work", "show", "gallery", "--config", config, check=True).stdout
        assert "output    pictures=3, events=3, unreadable=0" in shown
        assert "holds: mains power, free space" in shown
    finally:
        program.terminate()
        program.wait(30)
    assert "ERROR" not in log.read_text()

    events = EventStore(data_dir).newest(10, camera="gallery")
    assert sorted(event.label for event in events) == ["Cat", "Coffee cup", "Person"]
    assert all(event.picture is not None and event.source for event in events)
    topics = [message.topic for message in Outbox(data_dir).waiting(0, 100)]
    assert topics.count("events") == 6
    assert "report" in topics

    config.write_text(config.read_text().replace('name = "stills"', 'name = "more-stills"'))
    program = start_edge("run", "--config", config, log=log)
    try:
        until(lambda: "more-stills" in works(config), 30, "the new configuration")
        after = works(config)
    finally:
        program.terminate()
        program.wait(30)
    assert after["stills"]["state"] == "cancelled"
    assert after["gallery"]["periods"] == 1, "it keeps its place"


def finished(config: Path, *names: str) -> dict[str, dict[str, Any]] | None:
    found = works(config)
    return found if all(name in found and found[name]["state"] == "succeeded" for name in names) else None


def test_a_wrong_work_is_told_at_the_start(config: Path) -> None:
    for old, new, problem in (
        ('worker = "time-lapse"', 'worker = "time-laps"', "work 'stills': worker 'time-laps': there is none"),
        ('cron = "0 3 * * *"', 'cron = "0 25 * * *"', "work 'tidy': cron '0 25 * * *': Bad hour"),
        ('cron = "0 3 * * *"', "", r"work[3]: says not once when it runs"),
        ("every_s = 1\n", "every_s = 0.2\n", "work 'stills': "),
    ):
        wrong = config.with_name("wrong.toml")
        wrong.write_text(config.read_text().replace(old, new))
        done = edge("run", "--config", wrong)
        assert done.returncode == 2, done.stderr
        assert problem in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("list", "--data", "nowhere"), "no work has been kept here"),
        (("show", "nobody"), "work 'nobody': none has this name or begins so"),
        (("cancel",), "cancel: says not which work"),
        (("enqueue", "mow-the-lawn"), "worker 'mow-the-lawn': there is none of that name"),
        (("enqueue", "retention", "folder"), "input 'folder': no KEY=VALUE"),
        (("enqueue", "retention", "--when", "full-moon"), "unknown field `full_moon`"),
        (("enqueue", "retention", "--when", "network=fast"), "network"),
        (("enqueue", "retention", "--every", "0.1"), "interval of 0.1: must be 1 to"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path: Path, arguments: tuple[str, ...], problem: str) -> None:
    edge("work", "enqueue", "retention", "--data", tmp_path, check=True)
    data = () if "--data" in arguments else ("--data", tmp_path)
    done = edge("work", *arguments, *data)
    assert done.returncode in (1, 2)
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
