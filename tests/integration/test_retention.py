"""What is deleted and what stays, on the real SQLite and the real file system."""

import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.clock import Instant, local_day
from edge.config import Retention as Settings
from edge.geometry import Box
from edge.store import retention
from edge.store.database import open_database
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Record
from edge.store.removal import Remover
from edge.store.retention import Pruned, Retention
from edge.store.space import Space

DAY_S = 86_400.0
NOON_S = 1_700_000_000.0
TODAY = local_day(NOON_S)
KB = 1000
FOREVER = Settings(days=0, min_free_mb=0)


class SmallCard(Space):
    """A card of 10 MB on which only the pictures take room."""

    def total_bytes(self) -> int:
        return 10_000 * KB

    def free_bytes(self) -> int:
        return self.total_bytes() - sum(path.stat().st_size for path in self._data_dir.rglob("*.jpg"))


class Store:
    """A store to delete from, and the questions that the tests ask."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.events = EventStore(data_dir)
        self.folder = PictureFolder(data_dir)
        self.remover = Remover(data_dir, self.folder)

    def add(self, id_: str, *, days_ago: float = 0, content: bytes = b"", size: int = 100, **fields: object) -> Event:
        """Keep an event with a picture of its own, or with this one."""
        put = self.folder.put(content or random.Random(id_).randbytes(size), (4, 3))
        made = {
            "id": id_, "camera": "door", "label": "Car", "score": 0.5, "box": Box(0, 0, 1, 1),
            "started": Instant(NOON_S - days_ago * DAY_S, 10), "seen": Instant(NOON_S, 11), "boot_id": "boot",
            "end_reason": "left", "picture": put.picture,
        }  # fmt: skip
        event = Event(**{**made, **fields})  # type: ignore[arg-type]
        new = frozenset({put.picture.sha256}) if put.is_new else frozenset()
        self.events.commit([Record((event,), new_pictures=new)])
        self.folder.let_go(())
        return event

    def prune(self, settings: Settings, *, protect_unsecured: bool = False, today: int | None = TODAY) -> Pruned:
        retention = Retention(
            self.remover, SmallCard(self.data_dir), settings, lambda: True, protect_unsecured=protect_unsecured
        )
        return retention.run(today)

    @property
    def ids(self) -> str:
        return "".join(sorted(event.id for event in self.events.newest(1000)))

    @property
    def files(self) -> set[str]:
        return {path.stem for path in self.folder.folder.rglob("*") if path.is_file()}

    @property
    def waiting(self) -> list[str]:
        """Files that are still to be unlinked."""
        with closing(open_database(self.data_dir)) as connection:
            return [path for (path,) in connection.execute("SELECT path FROM to_unlink")]

    def secure(self, id_: str) -> None:
        connection = open_database(self.data_dir)
        connection.execute("UPDATE event_pictures SET secured = 1 WHERE event = ?", (id_,))
        connection.close()


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    made = Store(data_dir)
    yield made
    assert made.files == {event.picture.sha256 for event in made.events.newest(1000) if event.picture}
    sizes = {event.picture.sha256: event.picture.size_bytes for event in made.events.newest(1000) if event.picture}
    assert made.remover.total_bytes() == sum(sizes.values())
    assert sum(count.events for count in made.events.count_by_day()) == len(made.ids)


def test_what_is_too_old_goes_with_its_pictures(store: Store) -> None:
    store.add("a", days_ago=31)
    store.add("b", days_ago=30)
    store.add("c")
    assert store.prune(Settings(days=30)) == Pruned(events=1, unsecured=1)
    assert store.ids == "bc"


def test_labels_may_have_days_of_their_own(store: Store) -> None:
    store.add("a", days_ago=40, label="Person")
    store.add("b", days_ago=100, label="Person")
    store.add("c", days_ago=10, label="Cat")
    store.add("d", days_ago=10)
    store.add("e", days_ago=1000, label="Dog")
    store.prune(Settings(days=30, label_days={"Person": 90, "Cat": 7, "Dog": 0}))
    assert store.ids == "ade"


def test_favourites_and_events_that_are_not_over_stay(store: Store) -> None:
    store.add("a", days_ago=50)
    store.add("b", days_ago=50, end_reason=None)
    store.add("c", days_ago=50)
    store.events.keep("a", True)
    store.prune(Settings(days=30))
    assert store.ids == "ab"
    store.events.keep("a", False)
    store.prune(Settings(days=30))
    assert store.ids == "b"


def test_what_becomes_a_favourite_or_goes_while_it_is_about_to_be_deleted(store: Store) -> None:
    for id_ in "abc":
        store.add(id_, days_ago=50)
    found = store.remover.oldest(10)
    store.events.keep("a", True)
    gone = store.remover.remove(found[2:])
    store.add("d")  # under the number of c
    assert [event.id for event in (*gone, *store.remover.remove(found))] == ["c", "b"]
    store.prune(FOREVER)
    assert store.ids == "ad"


def test_the_oldest_go_while_there_is_more_than_the_limit(store: Store) -> None:
    for number, id_ in enumerate("abcdef"):
        store.add(id_, days_ago=9 - number, size=400 * KB)
    store.events.keep("b", True)
    assert store.prune(Settings(days=0, max_mb=1, min_free_mb=0)).events == 4
    assert store.ids == "bf", "2 times 400 kB is less than a megabyte"


def test_the_oldest_go_while_too_little_is_free(store: Store) -> None:
    for number, id_ in enumerate("abcdef"):
        store.add(id_, days_ago=9 - number, size=1600 * KB)
    store.prune(Settings(days=0, min_free_mb=4))
    assert store.ids == "bcdef", "of a small card a tenth is enough"


def test_a_shared_picture_goes_with_its_last_event(store: Store) -> None:
    for id_, days_ago in (("a", 50), ("b", 40), ("c", 0)):
        store.add(id_, days_ago=days_ago, content=b"the same")
    store.prune(Settings(days=45))
    store.prune(Settings(days=30))
    assert (store.ids, len(store.files)) == ("c", 1)
    store.events.keep("c", False)
    store.prune(Settings(days=1, max_mb=0))
    assert store.ids == "c"


def test_nothing_goes_by_age_while_nobody_knows_the_day(store: Store) -> None:
    for number, id_ in enumerate("abc"):
        store.add(id_, days_ago=60 - number, size=600 * KB)
    store.prune(Settings(days=30, min_free_mb=0), today=None)
    assert store.ids == "abc"
    store.prune(Settings(days=30, max_mb=1, min_free_mb=0), today=None)
    assert store.ids == "c", "too much is too much on any day"


def test_what_a_wrong_clock_dated_goes_by_age_when_what_was_kept_behind_it_does(store: Store) -> None:
    store.add("a", days_ago=1000, clock="unsynchronised")
    store.add("b", days_ago=20)
    store.add("c", days_ago=1000, clock="unsynchronised")
    store.prune(Settings(days=30))
    assert store.ids == "abc", "nobody knows how old a and c are"
    store.prune(Settings(days=30), today=TODAY + 20)
    assert store.ids == "c", "a is older than b"


def test_many_are_deleted_in_several_transactions(store: Store) -> None:
    for number in range(250):
        store.add(f"{number:03}", days_ago=50, size=10)
    assert store.prune(Settings(days=30)) == Pruned(events=250, unsecured=250)
    assert store.ids == ""


def test_a_cut_between_rows_and_files_is_finished_the_next_time(store: Store) -> None:
    store.add("a", days_ago=50)
    store.remover.remove(store.remover.oldest(10))
    assert (store.ids, len(store.files)) == ("", 1)
    store.prune(FOREVER)
    assert store.files == set()


def test_the_folder_of_a_picture_may_be_gone_as_on_a_card_that_was_just_restored(store: Store) -> None:
    store.add("a", days_ago=50)
    shutil.rmtree(store.folder.folder)
    assert store.prune(Settings(days=30)).events == 1
    assert store.waiting == []


def test_a_file_that_the_card_does_not_let_go_holds_up_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    pictures = [event.picture for event in (store.add(id_, days_ago=50) for id_ in "abc") if event.picture]
    first, *_ = sorted(store.folder.path_of(picture) for picture in pictures)
    first.unlink()
    first.mkdir()
    for _ in range(2):
        store.prune(Settings(days=30))
    assert (store.ids, store.files) == ("", set())
    assert store.waiting == [str(first.relative_to(store.data_dir))]
    assert caplog.text.count("cannot be unlinked") == 1, "said once"
    first.rmdir()
    store.prune(FOREVER)
    assert store.waiting == []


def test_a_picture_that_comes_again_before_its_file_went_stays(store: Store) -> None:
    store.add("a", days_ago=50, content=b"again")
    store.remover.remove(store.remover.oldest(10))
    store.add("b", content=b"again")
    store.prune(FOREVER)
    assert (store.ids, len(store.files)) == ("b", 1)
    store.add("c", content=b"again", days_ago=50)
    store.prune(Settings(days=30))
    assert (store.ids, len(store.files)) == ("b", 1)


def test_a_picture_in_hand_is_not_unlinked(store: Store) -> None:
    event = store.add("a", days_ago=50, content=b"in hand")
    put = store.folder.put(b"in hand", (4, 3))
    assert not put.is_new
    store.prune(Settings(days=30))
    assert len(store.files) == 1, "an event that has not been committed yet is about to name it"
    store.events.commit([Record((Event(**{**as_dict(event), "id": "b"}),))])
    store.folder.let_go(())
    store.prune(FOREVER)
    assert (store.ids, len(store.files)) == ("b", 1)


def test_what_is_in_no_backup_goes_last(store: Store) -> None:
    for number, id_ in enumerate("abcdef"):
        store.add(id_, days_ago=60 - number, size=400 * KB)
    store.secure("c")
    store.secure("e")
    limit = Settings(days=30, max_mb=1, min_free_mb=0)
    assert store.prune(limit, protect_unsecured=True) == Pruned(events=4, unsecured=2)
    assert store.ids == "df", "c and e first, then the oldest others, though all are too old"


def test_a_stop_ends_between_transactions(store: Store) -> None:
    for number in range(150):
        store.add(f"{number:03}", days_ago=50, size=10)
    done = Retention(store.remover, SmallCard(store.data_dir), Settings(days=30), lambda: False).run(TODAY)
    assert (done.events, done.more) == (100, True)
    store.prune(Settings(days=30))


def as_dict(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}
