"""Background works as retained topics: what each is doing, and in words what it waits for."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from edge.clock import iso_utc
from edge.mqtt.topics import level
from edge.store.port import Message
from edge.work.observe import WorkInfo

MOST = 64
"""Named works that are shown: those that are not over first. Others come and go: nobody would know their topics."""


class WorkMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A work as it is now. `next_run_at`: not before; `waits_for`: why it does not run; `result`: what the last run said."""

    schema: Literal[1] = 1
    device: str
    id: str
    name: str
    worker: str
    state: str
    attempts: int
    periods: int
    stop_reason: str
    result: str
    progress: dict[str, Any]
    next_run_at: str | None
    waits_for: str


class Works:
    """Takes all works whenever something of one has changed. Thread: one."""

    def __init__(self, device: str, put: Callable[[Message], None]) -> None:
        self._device = device
        self._put = put
        self._shown: dict[str, bytes] = {}

    def __call__(self, infos: Sequence[WorkInfo]) -> None:
        wanted = sorted((info for info in infos if info.name), key=lambda info: info.state.finished)[:MOST]
        messages = {topic_of(info.name or ""): self._encoded(info) for info in wanted}
        for topic, payload in messages.items():
            if self._shown.get(topic) != payload:
                self._put(Message(topic, payload))
        for topic in self._shown.keys() - messages.keys():
            self._put(Message(topic, b""))
        self._shown = messages

    def _encoded(self, info: WorkInfo) -> bytes:
        body = WorkMessage(
            device=self._device,
            id=info.id,
            name=info.name or "",
            worker=info.worker,
            state=info.state.value,
            attempts=info.attempts,
            periods=info.periods,
            stop_reason=str(info.stop_reason.value),
            result=info.message,
            progress=info.progress,
            next_run_at=None if info.next_run_wall_s is None else iso_utc(info.next_run_wall_s),
            waits_for=info.waits_for,
        )
        return msgspec.json.encode(body)


def topic_of(name: str) -> str:
    return f"works/{level(name)}"
