"""A test driver for workers and the work that runs them: time and the device do what the test says.

The rows, the rules and the workers are the real ones; only the clock and the device are simulated. Heavy workers run in the test's own
process.
"""

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec

from edge.device.state import DeviceState, unknown
from edge.testing.clock import SimulatedClock
from edge.work.chain import Chain, begin
from edge.work.constraints import Constraint, Finding, Moment, Verdict, judge
from edge.work.data import Data
from edge.work.enqueueing import Ticket
from edge.work.registry import Registry
from edge.work.request import Existing, Request
from edge.work.states import Fail, Outcome, Stopped, StopReason
from edge.work.store import WorkSettings, WorkStore
from edge.work.table import Work
from edge.work.transitions import Slots, Started, merged_input
from edge.work.worker import Run, checked_result

MANY = 1_000_000


def device_state(at: Any, **parts: Mapping[str, Any]) -> DeviceState:
    """A device on mains, online by an unmetered Ethernet, with space, cool, its clock right; `parts` change that.

    `device_state(clock.now(), power={"source": "battery"}, network={"metered": True})`
    """
    state = unknown(at)
    well: dict[str, Mapping[str, Any]] = {
        "power": {"source": "mains", "battery_low": False, "under_voltage": False},
        "network": {"connected": True, "validated": True, "metered": False, "roaming": False, "kind": "ethernet"},
        "storage": {"free_bytes": 10**10, "total_bytes": 10**11, "low": False},
        "thermal": {"hot": False, "celsius": 40.0},
        "clock": {"synchronised": True},
    }
    for part, values in well.items():
        changed = msgspec.structs.replace(getattr(state, part), **{**values, **parts.get(part, {})})
        state = msgspec.structs.replace(state, **{part: changed})
    return state


class WorkDriver:
    """Enqueue, then say what is met; each of these runs what may run then, to its end.

    Args:
        automatic: run works as soon as they may; False: only `start` and `finish` move them.
    """

    def __init__(
        self,
        folder: Path,
        registry: Registry | None = None,
        *,
        clock: SimulatedClock | None = None,
        settings: WorkSettings | None = None,
        automatic: bool = True,
    ) -> None:
        self.folder = folder
        self.clock = clock or SimulatedClock()
        self.registry = registry or Registry()
        self.device = device_state(self.clock.now())
        self._settings = settings
        self._automatic = automatic
        self._runs: dict[str, Run] = {}
        self._met: set[str] = set()
        self._open()

    def _open(self) -> None:
        self.store = WorkStore(
            self.folder,
            self.clock,
            trusted=lambda: self.device.clock.synchronised is not False,
            settings=self._settings,
            zone=UTC,
        )

    def close(self) -> None:
        self.store.close()

    def kill(self) -> None:
        """As after `kill -9` and a new start: nothing but the file is left."""
        self.store.close()
        self._open()
        self.store.recover()

    def enqueue(
        self, request: Request | Chain, *, name: str | None = None, existing: Existing = Existing.KEEP
    ) -> Ticket:
        chain = request if isinstance(request, Chain) else begin(request)
        ticket = self.store.enqueue(chain, name=name, existing=existing)
        self._go_on()
        return ticket

    def get(self, id_: str) -> Work:
        return self.store.find("id", id_)[0]

    def set_device(self, **parts: Mapping[str, Any]) -> None:
        """The device becomes so; see `device_state`."""
        self.device = device_state(self.clock.now(), **parts)
        self._go_on()

    def set_constraints_met(self, id_: str) -> None:
        """The constraints of this work hold from now on, whatever the device is like; those that are the same of others too."""
        self._met.add(repr(self.get(id_).request.constraints))
        self._go_on()

    def set_delay_met(self, id_: str) -> None:
        """Its initial delay, or its back-off, is over."""
        self._be_due(id_)

    def set_period_met(self, id_: str) -> None:
        """The next of its periods has come."""
        self._be_due(id_)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._go_on()

    def stop(self, id_: str, reason: StopReason) -> None:
        """Stop a running work: it goes back to wait for another run."""
        if id_ in self._runs:
            self._runs[id_].ask_to_stop(reason)
        self.finish(id_, Stopped(reason))

    def verdict(self, id_: str) -> Verdict:
        return self._judge(self.get(id_).request.constraints)

    # --- by hand

    def start(self, limit: int = MANY) -> list[Work]:
        """Make RUNNING what may run; nothing is run."""
        slots = Slots(limit, limit, self.registry.heavy)
        return [started.work for started in self.store.claim(self._judge, slots)]

    def finish(self, id_: str, outcome: Outcome) -> Work | None:
        """A running work comes to this."""
        return self.store.finish(id_, self.get(id_).runs, outcome)

    def run_due(self) -> list[str]:
        """Run what may run, and what may run after it; the ids, in order."""
        ran = []
        while started := self.store.claim(self._judge, Slots(1, 1, self.registry.heavy)):
            for each in started:
                ran.append(each.work.id)
                self.store.finish(each.work.id, each.work.runs, self._run(each))
        return ran

    def _run(self, started: Started) -> Outcome:
        work = started.work
        worker = self.registry.get(work.request.worker)
        if worker is None:
            return Fail(f"worker {work.request.worker!r}: there is none of that name")
        try:
            run = Run(
                id=work.id,
                worker=worker.name,
                input=merged_input(started),
                attempt=work.attempts - 1,
                tags=work.request.tags,
                data_dir=self.folder,
                models_dir=self.folder / "models",
                report=lambda progress: self._keep_progress(work, progress),
            )
            value = worker.function(run)
            result = asyncio.run(_wait(value)) if inspect.isawaitable(value) else value
        except Exception as error:  # noqa: BLE001 - a worker may raise anything: it counts as failure
            return Fail(f"{type(error).__name__}: {error}")
        return checked_result(worker.name, result)

    def _keep_progress(self, work: Work, progress: Data) -> None:
        self.store.set_progress(work.id, work.runs, progress)

    def _be_due(self, id_: str) -> None:
        self.store.make_due(id_)
        self._go_on()

    def _go_on(self) -> None:
        if self._automatic:
            self.run_due()

    def _judge(self, constraints: Sequence[Constraint]) -> Verdict:
        if repr(tuple(constraints)) in self._met:
            return Verdict((Finding(True, "set by the test"),))
        now = self.clock.now()
        return judge(constraints, Moment(self.device, now.wall_s, now.boot_s, UTC))


async def _wait(value: Any) -> Any:
    return await value
