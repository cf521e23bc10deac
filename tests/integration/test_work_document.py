"""docs/work.md, typed as a new user would."""

import asyncio
import shlex
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge.chores.shipped import make_registry
from edge.clock import SystemClock
from edge.config import parse
from edge.store.events import EventStore
from edge.work.checks import Floors
from edge.work.configured import TAG, requests_of
from edge.work.states import WorkState
from edge.work.store import WorkStore
from tests.support import edge
from tests.work_rig import until, working

TEXT = (Path(__file__).parents[2] / "docs" / "work.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [part.split("```", 1)[0] for part in TEXT.split(f"```{language}\n")[1:]]


@pytest.fixture
def workers_file(tmp_path: Path) -> Path:
    (own,) = [block for block in blocks("python") if "@worker" in block]
    path = tmp_path / "my_workers.py"
    path.write_text(own)
    return path


def run_block(containing: str, **names: Any) -> dict[str, Any]:
    (block,) = [block for block in blocks("python") if containing in block]
    exec(compile(textwrap.dedent(block), "docs/work.md", "exec"), names)
    return names


async def gallery_is_recognised(data_dir: Path, models_dir: Path, requests: dict[str, Any] | None) -> None:
    """It waits on battery and by Ethernet, in words, and runs when charging and on Wi-Fi."""
    async with working(data_dir, registry=make_registry(), models_dir=models_dir) as (work, device):
        device.become(power={"source": "battery"}, network={"kind": "wifi"})
        if requests is not None:
            await work.configure(requests, TAG)
        (info,) = await work.infos("name", "gallery")
        await asyncio.sleep(0.3)
        assert info.waits_for.startswith("waiting for mains power: on battery since ")
        device.become()
        (info,) = await work.infos("name", "gallery")
        assert info.waits_for == "waiting for Wi-Fi: connected by Ethernet; holds: mains power"
        device.become(network={"kind": "wifi", "ssid": "home"})
        info = await until(work, info.id, lambda info: info.periods == 1, timeout_s=60)
    assert info.output == {"pictures": 3, "events": 3, "unreadable": 0}
    assert round(info.next_run_wall_s - SystemClock().now().wall_s, -2) in (3500, 3600)
    assert sorted(event.label for event in EventStore(data_dir).newest(9)) == ["Cat", "Coffee cup", "Person"]


@pytest.fixture
def pictures(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /srv/pictures."""
    import edge.work.request as request

    folder, made = samples / "pictures", request.Request.with_input
    monkeypatch.setattr(
        request.Request,
        "with_input",
        lambda self, **values: made(self, **{k: placed(v, folder) for k, v in values.items()}),
    )
    return folder


def placed(value: Any, folder: Path) -> Any:
    return str(folder) if value == "/srv/pictures" else value


async def test_the_example_of_the_configuration(data_dir: Path, models_dir: Path, pictures: Path) -> None:
    config = parse(tomllib.loads(blocks("toml")[0]), place="docs/work.md")
    await gallery_is_recognised(data_dir, models_dir, requests_of(config.work, make_registry(), Floors()))


async def test_the_example_of_python(data_dir: Path, models_dir: Path, pictures: Path) -> None:
    ticket = run_block("Existing.UPDATE)", data_dir=data_dir)["ticket"]
    assert len(ticket.ids) == 1
    await gallery_is_recognised(data_dir, models_dir, None)


async def test_the_example_of_the_command_line(data_dir: Path, models_dir: Path, samples: Path) -> None:
    (line,) = [line for line in TEXT.splitlines() if line.startswith("$ edge work enqueue")]
    words = [word.replace("/srv/pictures", str(samples / "pictures")) for word in shlex.split(line)[2:]]
    assert edge(*words, "--data", data_dir).stdout.startswith("added: ")
    shown = edge("work", "show", "gallery", "--data", data_dir).stdout.splitlines()
    documented = blocks("console")[0].split("$ edge work show gallery\n")[1].splitlines()
    assert [row.split()[0] for row in shown[:6]] == [row.split()[0] for row in documented[:6]]
    await gallery_is_recognised(data_dir, models_dir, None)


async def test_the_example_of_workers_and_of_the_facade(data_dir: Path, workers_file: Path) -> None:
    registry = make_registry([str(workers_file)])
    run_block("Workmanager()", data_dir=data_dir)
    store = WorkStore(data_dir, SystemClock())
    (sync,) = store.find("name", "sync")
    (later,) = store.find("name", "later")
    assert later.state is WorkState.CANCELLED
    store.make_due(sync.id)
    store.close()
    async with working(data_dir, registry=registry) as (work, _):
        from edge.work import OneTimeWork

        info = await until(work, sync.id, lambda info: info.periods == 1)
        assert info.output == {"text": "hello, you"}
        (slow,) = (await work.enqueue(OneTimeWork("count-slowly"))).ids
        assert (await work.result(slow)).output == {"counted": 100}


def test_the_example_of_the_driver(data_dir: Path, workers_file: Path) -> None:
    run_block("WorkDriver(data_dir, registry)", data_dir=data_dir, workers_file=workers_file)["driver"].close()


def test_every_worker_that_ships_is_listed() -> None:
    from edge.chores.shipped import DEVICE_WORKERS

    names = [worker.name for worker in make_registry().all] + list(DEVICE_WORKERS)
    assert [name for name in names if f"`{name}`" not in TEXT] == []
