"""A device with one work, as a process: prints a line of JSON whenever the device or the work changed.

`python -m tests.device_child FOLDER ROOT CONFIG NEEDS`: the folder of the work's database, the folder that holds `sys`, the configuration
as TOML, the constraints of the work as JSON. The work runs until it is stopped, and does not back off.
"""

import asyncio
import logging
import sys
import tomllib
from pathlib import Path

import msgspec

from edge.cli.common import print_json
from edge.clock import SystemClock
from edge.config import parse
from edge.device.finding import make_monitor
from edge.device.monitor import Monitor, running
from edge.work.constraints import Constraint
from edge.work.observe import WorkInfo
from edge.work.request import OneTimeWork
from edge.work.runs import Limits
from edge.work.service import BackgroundWork
from edge.work.states import WorkState
from tests import work_workers


async def main(folder: str, root: str, config: str, needs: str) -> None:
    settings, clock = parse(tomllib.loads(config), place="test"), SystemClock()
    async with running(make_monitor(settings, clock, lambda: None, root=Path(root)), 8) as monitor:
        work = BackgroundWork(Path(folder), work_workers.registry(), monitor, clock, limits=Limits(grace_s=0.5))
        await work.open()
        going = asyncio.create_task(work.run(asyncio.Event()))
        request = OneTimeWork("wait").when(*msgspec.json.decode(needs, type=tuple[Constraint, ...]))
        (id_,) = (await work.enqueue(request)).ids
        await asyncio.gather(going, _tell(monitor, work, id_))


async def _tell(monitor: Monitor, work: BackgroundWork, id_: str) -> None:
    backed_off = 0
    async for (info,) in work.observe("id", id_):
        if info.state is WorkState.ENQUEUED and info.attempts > backed_off:
            backed_off = info.attempts
            await work.make_due(id_)
        _print(monitor, info)


def _print(monitor: Monitor, info: WorkInfo) -> None:
    state = monitor.current()
    print_json(
        {
            "power": msgspec.to_builtins(state.power),
            "network": msgspec.to_builtins(state.network),
            "hot": state.thermal.hot,
            "celsius": state.thermal.celsius,
            "sources": {status.name: status.problem for status in monitor.statuses},
            "work": info.state.value,
            "waits_for": info.waits_for,
            "stop_reason": info.stop_reason.value,
        }
    )


logging.basicConfig(stream=sys.stderr, level="INFO")
asyncio.run(main(*sys.argv[1:]))
