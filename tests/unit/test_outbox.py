"""The outbox on its own: what goes, and when."""

from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.store.database import open_database, transaction
from edge.store.events import EventStore
from edge.store.outbox import TOGETHER, Outbox
from edge.store.port import Message, Record


def fill(data_dir: Path, count: int) -> Outbox:
    store = EventStore(data_dir)
    store.commit([Record((), tuple(Message("events", b"%d" % number, 1) for number in range(count)))])
    store.close()
    return Outbox(data_dir)


def test_many_messages_of_one_commit_keep_their_order(data_dir: Path) -> None:
    count = 2 * TOGETHER + 3
    outbox = fill(data_dir, count)
    assert [message.payload for message in outbox.waiting(0, count)] == [b"%d" % number for number in range(count)]


def test_what_goes_goes_in_runs_and_nothing_else_does(data_dir: Path) -> None:
    outbox = fill(data_dir, 10)
    first = outbox.waiting(0, 1)[0].seq - 1
    outbox.delete([first + number for number in (7, 2, 3, 1, 9, 10)])
    assert [message.seq - first for message in outbox.waiting(0, 10)] == [4, 5, 6, 8]
    outbox.delete([])
    assert outbox.count() == 4


def test_a_deletion_that_has_time_gives_way_to_a_writer(data_dir: Path) -> None:
    outbox = fill(data_dir, 3)
    seqs = [message.seq for message in outbox.waiting(0, 3)]
    writer = open_database(data_dir)
    with transaction(writer):
        assert not outbox.try_delete(seqs)
    assert outbox.count() == 3
    assert outbox.try_delete(seqs)
    assert outbox.count() == 0
    outbox.close()


def test_other_trouble_is_told(data_dir: Path) -> None:
    outbox = fill(data_dir, 1)
    with open_database(data_dir) as other:
        other.execute("DROP TABLE outbox")
    with pytest.raises(StoreError, match="no such table"):
        outbox.try_delete([1])
