"""Numbers that are kept beside what they count: compared with it, and set right."""

import sqlite3
from collections.abc import Iterator

_DAYS = "SELECT day, camera, label, count(*) AS events FROM events GROUP BY day, camera, label"
_SHARED = "SELECT sha256, count(*) AS uses FROM event_pictures GROUP BY sha256 HAVING count(*) > 1"
_PICTURES = "SELECT coalesce(sum(size_bytes), 0) FROM (SELECT max(size_bytes) AS size_bytes FROM event_pictures GROUP BY sha256)"
_CLIPS = "SELECT coalesce(sum(size_bytes), 0) FROM clips"
_CHECKS = {
    "counts by day": f"SELECT count(*) FROM (SELECT * FROM ({_DAYS}) EXCEPT SELECT * FROM day_counts)",  # noqa: S608 - constants only
    "days without events": f"SELECT count(*) FROM (SELECT * FROM day_counts EXCEPT SELECT * FROM ({_DAYS}))",  # noqa: S608
    "shared pictures": f"SELECT count(*) FROM (SELECT * FROM ({_SHARED}) EXCEPT SELECT * FROM shared_pictures)",  # noqa: S608
    "pictures of one event": f"SELECT count(*) FROM (SELECT * FROM shared_pictures EXCEPT SELECT * FROM ({_SHARED}))",  # noqa: S608
    "sum of the sizes": f"SELECT bytes <> ({_PICTURES}) FROM totals WHERE what = 'pictures'",  # noqa: S608
    "sum of the clips": f"SELECT coalesce((SELECT bytes FROM totals WHERE what = 'clips'), 0) <> ({_CLIPS})",  # noqa: S608
}
_MEND = (
    "DELETE FROM day_counts",
    f"INSERT INTO day_counts {_DAYS}",
    "DELETE FROM shared_pictures",
    f"INSERT INTO shared_pictures {_SHARED}",
    f"UPDATE totals SET bytes = ({_PICTURES}) WHERE what = 'pictures'",  # noqa: S608
    f"INSERT OR REPLACE INTO totals SELECT 'clips', ({_CLIPS})",
)


def wrong_numbers(connection: sqlite3.Connection, *, repair: bool) -> Iterator[str]:
    """What is counted wrongly, in words. Within the caller's transaction."""
    wrong = [(what, count) for what, query in _CHECKS.items() if (count := connection.execute(query).fetchone()[0])]
    for what, count in wrong:
        yield f"{what}: {count} wrong"
    if wrong and repair:
        for statement in _MEND:
            connection.execute(statement)
