"""Looks at all that the tests start while a backup runs: no secret may stand on a command line or in an environment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.backup_rig import KEY, PASSWORD, SALT, SERVER_KEY

SECRETS = (KEY, SALT, PASSWORD, SERVER_KEY)
SERVER = b"rclone\0serve\0"
EVERY_S = 0.05


class Seen:
    """Command lines and environments of processes below this one, servers left out: those are told their password."""

    def __init__(self) -> None:
        self.words: set[bytes] = set()

    def look(self) -> None:
        waiting = ["self"]
        while waiting:
            for task in _threads(Path("/proc", waiting.pop(), "task")):
                for child in _read(task / "children").split():
                    found = [_read(Path("/proc", child.decode(), name)) for name in ("cmdline", "environ")]
                    if SERVER not in found[0]:
                        waiting.append(child.decode())
                        self.words |= set(found)

    def leaks(self, secrets: tuple[str, ...] = SECRETS) -> list[bytes]:
        return [words for words in self.words for secret in secrets if secret.encode() in words]


def _threads(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # it has ended meanwhile


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


@contextmanager
def watching() -> Iterator[Seen]:
    seen, ended = Seen(), threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_S):
            seen.look()

    thread = threading.Thread(target=watch, name="watch-for-secrets")
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
