"""Takes a snapshot in a process of its own that may be killed: `python -m tests.backup_program DATA STEP COUNT`.

It kills itself when it comes to the named step for the COUNT-th time; an empty STEP: never.

With DATA alone it waits for lines on its standard input, each a number of seconds: it takes a snapshot in a child that it kills after so
long, and answers with the seconds that this took, or that the child needed when it came to its end. One start for many kills.
"""

import os
import signal
import sys
import time
from pathlib import Path

from edge.backup.journal import Journal
from edge.backup.remote import Remote
from edge.backup.room import Room
from edge.clock import SystemClock
from edge.errors import EdgeError

STEPS = ("marker", "lineage", "packs-put", "packs-marked", "database-put", "manifest-put", "finished")


def serve(data_dir: str) -> None:
    for said in sys.stdin:
        begun_s = time.monotonic()
        child = os.fork()
        if child == 0:
            try:
                take(data_dir)
            except EdgeError as error:
                print(error, file=sys.stderr, flush=True)
            finally:
                os._exit(0)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() - begun_s > float(said):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
            time.sleep(0.002)
        print(time.monotonic() - begun_s, flush=True)


def main(data_dir: str, step: str, count: str) -> None:
    left = int(count)

    def reached(name: str) -> None:
        nonlocal left
        if name == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    _hook(Remote, "put", lambda _, target: reached(_step_of_file(target)))
    _hook(Remote, "put_tree", lambda source, _: reached("packs-put" if source.endswith("packs") else "database-put"))
    _hook(Journal, "secure", lambda *_: reached("packs-marked"))
    _hook(Journal, "finish", lambda *_: reached("finished"))
    take(data_dir)


def take(data_dir: str) -> None:
    room = Room.of(Path(data_dir))
    with room.repository() as repository:
        room.take(repository, SystemClock())


def _step_of_file(target: str) -> str:
    if target.endswith("REPO.json"):
        return "marker"
    return "lineage" if len(target.rsplit("/", 1)[-1]) < 80 else "manifest-put"


def _hook(kind: type, name: str, after) -> None:  # type: ignore[no-untyped-def]
    """Call `after` with the arguments when the method has done its work."""
    method = getattr(kind, name)

    def wrapped(self, *arguments, **options):  # type: ignore[no-untyped-def]
        value = method(self, *arguments, **options)
        after(*arguments)
        return value

    setattr(kind, name, wrapped)


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) == 2 else main(*sys.argv[1:])
