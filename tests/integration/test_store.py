"""The real SQLite and the real file system."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from edge.camera.still import Still
from edge.clock import Instant, local_day
from edge.errors import RefusedError, StoreError
from edge.geometry import Box, KeyPoint
from edge.identity import device_id, locked
from edge.store.database import FILE_NAME, open_database
from edge.store.events import EventStore
from edge.store.migrations import MIGRATIONS
from edge.store.outbox import Outbox
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Message, PathPoint, Picture, Record, Switch
from edge.store.stills import StillLedger
from edge.store.switches import SwitchStore
from edge.wiring.asking import favour

PICTURE = Picture("ab" * 32, 64, 48, 1000)


def event(id_: str, **fields: object) -> Event:
    made = {
        "id": id_, "camera": "door", "label": "Car", "score": 0.75, "box": Box(0.1, 0.2, 0.3, 0.4),
        "started": Instant(1000.5, 10.25), "seen": Instant(1001.5, 11.25), "boot_id": "boot",
    }  # fmt: skip
    return Event(**{**made, **fields})  # type: ignore[arg-type]


def test_an_event_comes_back_as_it_went_in(data_dir: Path) -> None:
    store = EventStore(data_dir)
    kept = event(
        "a", picture=PICTURE, source="/x.jpg", end_reason="still", revision=3, zones=("drive", "lawn"), current_zones=("lawn",),
        stationary=True, path=(PathPoint(0.1, 0.2, 0.0), PathPoint(0.3, 0.4, 1.5)),
    )  # fmt: skip
    store.commit([Record((kept,))])
    assert store.newest(10) == [kept]
    assert EventStore(data_dir).find("a") == [kept]


def test_a_later_revision_replaces_the_earlier_and_both_pictures_stay_known(data_dir: Path) -> None:
    store = EventStore(data_dir)
    first = event("a", picture=PICTURE)
    better = event("a", picture=Picture("cd" * 32, 64, 48, 900), revision=2, score=0.9, end_reason="left")
    store.commit([Record((first,))])
    assert store.open_events() == [first]
    store.commit([Record((better,))])
    assert store.newest(10) == [better]
    assert store.open_events() == []
    with sqlite3.connect(data_dir / FILE_NAME) as connection:
        assert connection.execute("SELECT count(*) FROM event_pictures WHERE event = 'a'").fetchone() == (2,)


def test_pages_and_filters(data_dir: Path) -> None:
    store = EventStore(data_dir)
    store.commit(
        [Record(tuple(event(f"{n:03}", label="Car" if n % 2 else "Cat", camera=f"c{n % 3}") for n in range(30)))]
    )
    assert [e.id for e in store.newest(3)] == ["029", "028", "027"]
    assert [e.id for e in store.newest(3, before="027")] == ["026", "025", "024"]
    assert [e.id for e in store.newest(2, label="Cat", camera="c0")] == ["024", "018"]
    assert store.count() == 30
    assert store.newest_id() == "029"
    assert len(store.find("02")) == 2


def test_a_record_is_kept_whole_or_not_at_all(data_dir: Path) -> None:
    store = EventStore(data_dir)
    broken = Record((event("b"),), (Message("events", None),))  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        store.commit([Record((event("a"),), (Message("events", b"1"),)), broken])
    assert store.count() == 0
    assert Outbox(data_dir).count() == 0


def test_the_outbox_is_in_order_and_forgets_only_what_was_deleted(data_dir: Path) -> None:
    store, outbox = EventStore(data_dir), Outbox(data_dir)
    store.commit([Record((), tuple(Message("events", b"%d" % n) for n in range(5)))])
    waiting = outbox.waiting(0, 3)
    assert [message.payload for message in waiting] == [b"0", b"1", b"2"]
    outbox.delete([waiting[1].seq])
    assert [message.payload for message in outbox.waiting(0, 10)] == [b"0", b"2", b"3", b"4"]
    last = outbox.waiting(0, 10)[-1].seq
    outbox.delete(message.seq for message in outbox.waiting(0, 10))
    store.commit([Record((), (Message("events", b"5"),))])
    assert outbox.waiting(last, 10)[0].seq > last, "numbers are never used again"


def test_writers_in_two_threads_wait_for_each_other(data_dir: Path) -> None:
    EventStore(data_dir).close()
    problems: list[Exception] = []

    def write(prefix: str) -> None:
        try:
            store = EventStore(data_dir)
            for n in range(50):
                store.commit([Record((event(f"{prefix}{n}"),))])
            store.close()
        except StoreError as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(prefix,)) for prefix in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert EventStore(data_dir).count() == 100


def test_threads_that_open_a_new_database_together_do_not_disturb_each_other(data_dir: Path) -> None:
    problems: list[Exception] = []

    def open_it(folder: Path, together: threading.Barrier) -> None:
        together.wait()
        try:
            open_database(folder).close()
        except StoreError as error:
            problems.append(error)

    for n in range(10):
        together = threading.Barrier(4)
        threads = [threading.Thread(target=open_it, args=(data_dir / str(n), together)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not problems


def test_stills(data_dir: Path) -> None:
    ledger = StillLedger(data_dir)
    still = Still("/a.jpg", 10, 20)
    assert not ledger.is_done("gallery", still)
    EventStore(data_dir).commit([Record(still=("gallery", still))])
    assert ledger.is_done("gallery", still)
    assert not ledger.is_done("other", still)
    assert not ledger.is_done("gallery", still._replace(mtime_ns=21))


def test_a_database_of_a_newer_program_is_left_alone(data_dir: Path) -> None:
    connection = open_database(data_dir)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.execute(f"PRAGMA application_id = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(StoreError, match="written by a newer version"):
        open_database(data_dir)


def test_a_file_that_is_no_database(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / FILE_NAME).write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError, match=r"edge\.db: file is not a database \(the file is damaged") as caught:
        open_database(data_dir)
    assert not caught.value.retryable


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be made: File exists"):
        open_database(tmp_path / "file" / "data")


def test_commits_are_synced(data_dir: Path) -> None:
    connection = open_database(data_dir)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_picture_is_named_by_its_content_and_kept_once(data_dir: Path) -> None:
    folder = PictureFolder(data_dir)
    first, second = folder.put(b"jpeg", (4, 3)), folder.put(b"jpeg", (4, 3))
    assert first.picture == second.picture
    assert (first.is_new, second.is_new) == (True, False)
    assert folder.path_of(first.picture).read_bytes() == b"jpeg"
    assert [path.name for path in folder.folder.rglob("*") if path.is_file()] == [f"{first.picture.sha256}.jpg"]


def test_a_cut_off_picture_file_is_written_again(data_dir: Path) -> None:
    folder = PictureFolder(data_dir)
    path = folder.path_of(folder.put(b"jpeg", (4, 3)).picture)
    path.write_bytes(b"jp")
    folder.put(b"jpeg", (4, 3))
    assert path.read_bytes() == b"jpeg"


def test_the_device_id_is_made_once(data_dir: Path) -> None:
    made = device_id(data_dir)
    assert made.startswith("edge-")
    assert device_id(data_dir) == made
    (data_dir / "device-id").write_text("Not An Id")
    with pytest.raises(StoreError, match="'Not An Id' is no device id"):
        device_id(data_dir)


def test_two_programs_do_not_share_a_data_folder(data_dir: Path) -> None:
    with locked(data_dir), pytest.raises(StoreError, match=r"in use by process \d+"), locked(data_dir):
        pass
    with locked(data_dir):
        pass


def test_what_a_second_look_found_comes_back(data_dir: Path) -> None:
    store = EventStore(data_dir)
    first = event("a")
    store.commit([Record((first,))])
    points = (KeyPoint("nose", 0.25, 0.5, 0.75), KeyPoint("left eye", 0.3, 0.45, 0.5))
    looked_at = event("a", revision=2, sub_label="beagle", sub_score=0.75, keypoints=points)
    store.commit([Record((looked_at,))])
    assert store.newest(10) == [looked_at]


def test_a_database_of_the_first_version_is_taken_over(data_dir: Path) -> None:
    data_dir.mkdir()
    with sqlite3.connect(data_dir / FILE_NAME) as connection:
        connection.executescript(MIGRATIONS[0])
        connection.execute("PRAGMA user_version = 1")
        connection.execute(
            """INSERT INTO events VALUES
            ('a', 1, 'door', 'Car', 0.75, 0.1, 0.2, 0.3, 0.4, 1000.5, 10.25, 1001.5, 11.25, 'boot', NULL, NULL, NULL)"""
        )
    connection.close()
    store = EventStore(data_dir)
    assert store.newest(10) == [event("a")]
    store.commit([Record((event("a", sub_label="taxi", sub_score=0.5),))])
    assert store.newest(10)[0].title == "Car (taxi)"


DAY_S = 86_400.0
NOON_S = 1_700_000_000.0  # 2023-11-14 22:13 UTC: so far from midnight that a day is a day in most time zones


def on_day(id_: str, day: int, **fields: object) -> Event:
    return event(id_, started=Instant(NOON_S + day * DAY_S, 10.0), **fields)


def test_events_of_some_days_in_pages(data_dir: Path) -> None:
    store, today = EventStore(data_dir), local_day(NOON_S)
    store.commit([Record(tuple(on_day(f"{n:03}", n // 10, label="Car" if n % 2 else "Cat") for n in range(40)))])
    assert [e.id for e in store.newest(3, days=(today + 1, today + 2))] == ["029", "028", "027"]
    assert [e.id for e in store.newest(99, label="Cat", days=(today, today))] == ["008", "006", "004", "002", "000"]
    assert [e.id for e in store.newest(2, label="Cat", days=(today + 1, today + 2), before="022")] == ["020", "018"]


def test_a_page_goes_on_below_an_event_that_was_deleted_meanwhile(data_dir: Path) -> None:
    store = EventStore(data_dir)
    store.commit([Record(tuple(event(f"{n:03}") for n in (1, 2, 4, 5)))])
    assert [e.id for e in store.newest(5, before="003")] == ["002", "001"]
    assert store.newest(5, before="000") == []


def test_counts_by_day_follow_new_events_and_corrected_times(data_dir: Path) -> None:
    store, today = EventStore(data_dir), local_day(NOON_S)
    store.commit([Record((on_day("a", 0), on_day("b", 0, label="Cat"), on_day("c", 2), on_day("c", 2, revision=2)))])
    assert store.count_by_day() == [(today + 2, 1), (today, 2)]
    assert store.count_by_day(label="Cat", days=(today, today + 1)) == [(today, 1)]
    store.commit([Record((on_day("a", 1, revision=2, clock="corrected"),))])
    assert store.count_by_day() == [(today + 2, 1), (today + 1, 1), (today, 1)]
    assert store.newest(1, days=(today + 1, today + 1))[0].id == "a"
    store.commit([Record((on_day("a", 5, revision=3),))])
    assert store.find("a")[0].started == Instant(NOON_S + DAY_S, 10.0), "the start stands, but for a correction"


@pytest.mark.parametrize(
    ("term", "index"),
    [
        ("e.label = 'Cat' AND e.day BETWEEN 1 AND 3", "events_by_label (label=? AND day>? AND day<?)"),
        ("e.label = 'Cat' AND (e.day, e.number) < (3, 4)", "events_by_label (label=? AND day<?)"),
        ("e.camera = 'door'", "events_by_camera (camera=?)"),
        ("(e.day, e.number) < (3, 4)", "events_by_day (day<?)"),
    ],
)
def test_lists_are_read_in_order_from_an_index(data_dir: Path, term: str, index: str) -> None:
    query = f"EXPLAIN QUERY PLAN SELECT * FROM events e WHERE {term} ORDER BY e.day DESC, e.number DESC LIMIT 5"  # noqa: S608
    with closing(open_database(data_dir)) as connection:
        plan = [row[3] for row in connection.execute(query)]
    assert len(plan) == 1, "nothing is sorted"
    assert index in plan[0]


def test_a_favourite_may_be_named_by_the_start_of_its_id(data_dir: Path) -> None:
    store = EventStore(data_dir)
    store.commit([Record((event("0197a1"), event("0197b1")))])
    favour(data_dir, "0197a", True)
    assert {each.id: each.kept for each in store.newest(9)} == {"0197a1": True, "0197b1": False}
    for start, message in (("0197", "more than one event begins with '0197'"), ("0198", "event '0198' is not there")):
        with pytest.raises(RefusedError, match=message):
            favour(data_dir, start, True)
    favour(data_dir, "0197a1", False)
    assert not any(each.kept for each in store.newest(9))


def test_a_favourite_stays_one_when_the_event_goes_on(data_dir: Path) -> None:
    store = EventStore(data_dir)
    store.commit([Record((event("a"),))])
    store.keep("a", True)
    store.commit([Record((event("a", revision=2, end_reason="left"),))])
    assert store.newest(1)[0].kept
    store.keep("a", False)
    assert not store.newest(1)[0].kept


def test_a_database_with_pictures_of_the_second_version_is_taken_over(data_dir: Path) -> None:
    data_dir.mkdir()
    with closing(sqlite3.connect(data_dir / FILE_NAME)) as connection:
        for script in MIGRATIONS[:2]:
            connection.executescript(script)
        connection.execute("PRAGMA user_version = 2")
        connection.executemany("INSERT INTO pictures VALUES (?, 64, 48, 1000)", [("aa",), ("bb",)])
        for id_, picture in (("a", "aa"), ("b", "aa"), ("c", "bb")):
            times = (NOON_S, 1, NOON_S, 1, "boot")
            row = (id_, 1, "door", "Car", 0.75, 0.1, 0.2, 0.3, 0.4, *times, "left", None, picture, None, None, None)
            connection.execute(f"INSERT INTO events VALUES ({', '.join('?' * 20)})", row)  # noqa: S608
            connection.execute("INSERT INTO event_pictures VALUES (?, ?)", (id_, picture))
        connection.commit()
    store = EventStore(data_dir)
    assert [(e.id, e.picture and e.picture.sha256) for e in store.newest(9)] == [("c", "bb"), ("b", "aa"), ("a", "aa")]
    assert store.count_by_day() == [(local_day(NOON_S), 3)]
    with closing(open_database(data_dir)) as connection:
        assert connection.execute("SELECT * FROM shared_pictures").fetchall() == [("aa", 2)]
        assert connection.execute("SELECT * FROM totals").fetchall() == [("pictures", 2000)]


def test_switches_survive_a_restart(data_dir: Path) -> None:
    SwitchStore(data_dir).save("armed", Switch(False, 1000.5))
    SwitchStore(data_dir).save("armed", Switch(True, 2000.5))
    SwitchStore(data_dir).save("camera/door", Switch(False, 3000.5))
    assert SwitchStore(data_dir).load() == {"armed": Switch(True, 2000.5), "camera/door": Switch(False, 3000.5)}


def test_a_switch_that_was_set_before_the_clock_was_knows_its_boot_until_it_is_set_again(data_dir: Path) -> None:
    undated, dated = Switch(True, 1000.5, "boot", 20.5), Switch(True, 2000.5)
    for switch in (undated, undated._replace(at_boot_s=30.5), dated):
        SwitchStore(data_dir).save("armed", switch)
        assert SwitchStore(data_dir).load() == {"armed": switch}


def test_events_that_were_in_a_zone(data_dir: Path) -> None:
    store = EventStore(data_dir)
    store.commit([Record((event("a", zones=("gate", "path")), event("b", zones=("path",)), event("c")))])
    assert [e.id for e in store.newest(9, zone="path")] == ["b", "a"]
    assert [e.id for e in store.newest(9, zone="gate", label="Car")] == ["a"]
    assert store.newest(9, zone="pat") == []
