"""Background works as retained topics."""

import json

import msgspec

from edge.mqtt.works import MOST, Works
from edge.store.port import Message
from edge.work.observe import WorkInfo
from edge.work.states import StopReason, WorkState

INFO = WorkInfo(
    id="1",
    name="Nightly prune",
    worker="prune",
    tags=(),
    state=WorkState.ENQUEUED,
    attempts=0,
    periods=2,
    generation=1,
    stop_reason=StopReason.NOT_STOPPED,
    message="",
    progress={},
    output={},
    next_run_wall_s=1000.0,
    waits_for="mains power",
)


def test_each_named_work_has_a_topic_while_it_is_there() -> None:
    put: list[Message] = []
    works = Works("dev", put.append)
    nameless = msgspec.structs.replace(INFO, id="2", name=None)
    works([INFO, nameless])
    works([INFO])
    (message,) = put
    assert message.topic == "works/nightly_prune"
    body = json.loads(message.payload)
    assert (body["state"], body["waits_for"], body["next_run_at"]) == (
        "enqueued",
        "mains power",
        "1970-01-01T00:16:40.000Z",
    )
    works([])
    assert put[-1] == Message("works/nightly_prune", b"")


def test_there_are_not_too_many_and_those_that_are_over_go_first() -> None:
    put: list[Message] = []
    over = [msgspec.structs.replace(INFO, name=f"over {n}", state=WorkState.SUCCEEDED) for n in range(MOST)]
    Works("dev", put.append)([*over, INFO])
    assert len(put) == MOST
    assert "works/nightly_prune" in {message.topic for message in put}
