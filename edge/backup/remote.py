"""A remote, whatever rclone calls one: put, get, list and delete files below a folder of it.

One rclone at a time, in an isolate: what hangs is ended with everything that it started. A name that was written is never written again
with other content: names are the hashes of contents.
"""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec

from edge.backup.format import checked_path
from edge.backup.rc import Rc, Transfer
from edge.backup.rclone import LIST_FILE, MIRROR, REMOTE, Did, Do, Verb
from edge.errors import BackupError, IsolateError
from edge.isolate import Isolate

log = logging.getLogger(__name__)

WORKER = "edge.backup.rclone:serve"
SOCKET = "rc.sock"
FLAGS = (
    "--retries 1", "--low-level-retries 2", "--contimeout 5s", "--timeout 20s", "--size-only", "--no-traverse",
    "--no-update-modtime", "--transfers 4", "--checkers 4", "--buffer-size 1M", "--use-mmap", "--webdav-pacer-min-sleep 0",
    "--s3-no-check-bucket", "--s3-upload-concurrency 2",
)  # fmt: skip
SHORT_S = 60.0
"""A command that moves next to nothing."""
SLOWEST_BYTES_PER_S = 20_000
"""What moves something has so long at the least; a command that makes no progress is ended long before by rclone itself."""
POLL_S = 0.5
QUIT_S = 2.0
"""To put away what is half done; rclone takes 1.5 s when all is well. A backup must have stopped 5 s after the mains went."""
QUIT_POLL_S = 0.05
MISSING = "not there"
Progress = Callable[[Transfer], None]


class Entry(NamedTuple):
    """A file of the remote. `path` is below the folder that was listed."""

    path: str
    size_bytes: int
    modified: str


class _Listed(msgspec.Struct, frozen=True):
    Path: str
    Size: int
    ModTime: str


class Remote:
    """Lives from `with` to its end.

    Args:
        config: rclone's configuration, with a remote `edge:`.
        scratch: a folder of ours alone; files are put from it and got into it.
        limit: kilobytes a second that are allowed now, 0: no limit; asked again and again while something moves.
        lowest_kb_per_s: the least that `limit` may be, 0: it never is one.
        progress: called now and then while something moves, in another thread.

    Raises (all methods):
        BackupError: rclone failed or was stopped.

    Thread: `stop` any; the rest one caller at a time.
    """

    def __init__(
        self,
        config: Path,
        scratch: Path,
        *,
        limit: Callable[[], int] = lambda: 0,
        lowest_kb_per_s: int = 0,
        progress: Progress | None = None,
    ) -> None:
        self._config = config.resolve()
        self._scratch = self.scratch = scratch.resolve()
        self._limit = limit
        half = lowest_kb_per_s * 1000 / 2
        self._slowest_bytes_per_s = min(SLOWEST_BYTES_PER_S, half) if half else SLOWEST_BYTES_PER_S
        self._progress = progress or (lambda _: None)
        self._isolate: Isolate | None = None
        self._stopped = threading.Event()
        self._wake = threading.Event()
        """Wakes who watches a command: it has ended, or is to end."""
        self.commands = 0
        """That rclone was given so far."""

    def __enter__(self) -> "Remote":
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def stop(self) -> None:
        """End what is under way, soon; nothing can be asked any more."""
        self._stopped.set()
        self._wake.set()

    def put(self, source: str, target: str) -> None:
        """A file of the scratch folder."""
        size = (self._scratch / source).stat().st_size
        self._run("copyto", checked_path(source), REMOTE + checked_path(target), FLAGS, self._time_for(size))

    def put_tree(self, source: str, target: str) -> None:
        """All files of a folder in the scratch folder, under the same names; those that are there in the same size are left."""
        size = sum(path.stat().st_size for path in (self._scratch / source).rglob("*") if path.is_file())
        self._run("copy", checked_path(source), REMOTE + checked_path(target), FLAGS, self._time_for(size))

    def put_in_mirror(self, source: str) -> None:
        """As `put_tree`, into the plain mirror."""
        size = sum(path.stat().st_size for path in (self._scratch / source).rglob("*") if path.is_file())
        self._run("copy", checked_path(source), MIRROR, FLAGS, self._time_for(size))

    def get(self, source: str, target: str, size_bytes: int) -> Path:
        """Into a file of the scratch folder."""
        path = self._scratch / checked_path(target)
        path.unlink(missing_ok=True)
        self._run("copyto", REMOTE + checked_path(source), target, FLAGS, self._time_for(size_bytes))
        if not path.is_file():  # on an object store what is missing is an empty folder, which is copied well
            raise BackupError(f"{MISSING}: {source}", hint="look at the remote's path")
        return path

    def get_all(self, folder: str, paths: Sequence[str], target: str, size_bytes: int) -> None:
        """These files below a folder, under the same names below a folder in the scratch folder; those that are missing are left out."""
        names = self._scratch / "get.txt"
        names.write_text("".join(f"{checked_path(path)}\n" for path in paths), encoding="ascii")
        flags = ("--files-from-raw get.txt", *FLAGS)
        self._run("copy", REMOTE + checked_path(folder), checked_path(target), flags, self._time_for(size_bytes))

    def read(self, source: str) -> bytes:
        """A small file."""
        path = self.get(source, "read.tmp", 0)
        try:
            return path.read_bytes()
        finally:
            path.unlink(missing_ok=True)

    def list_mirror(self) -> list[Entry]:
        return self._list(MIRROR)

    def _list(self, place: str) -> list[Entry]:
        flags = ("--recursive", "--no-mimetype", "--files-only", *FLAGS[:4])
        try:
            self._run("ls", place, "", flags, SHORT_S * 10)
        except BackupError as error:
            if is_missing(error):
                return []
            raise
        path = self._scratch / LIST_FILE
        try:
            listed = msgspec.json.decode(path.read_bytes(), type=list[_Listed])
        finally:
            path.unlink(missing_ok=True)
        return [Entry(each.Path, each.Size, each.ModTime) for each in listed]

    def list(self, folder: str) -> list[Entry]:
        """All files below a folder; none when it is not there."""
        return self._list(REMOTE + checked_path(folder))

    def delete(self, folder: str, paths: Sequence[str]) -> None:
        """These files below a folder, which need be there no more."""
        self._delete(REMOTE + checked_path(folder), paths)

    def delete_from_mirror(self, paths: Sequence[str]) -> None:
        self._delete(MIRROR, paths)

    def _delete(self, place: str, paths: Sequence[str]) -> None:
        names = self._scratch / "delete.txt"
        names.write_text("".join(f"{checked_path(path)}\n" for path in paths), encoding="ascii")
        flags = ("--files-from-raw delete.txt", *FLAGS[:4])
        self._run("delete", place, "", flags, SHORT_S + len(paths))

    def _time_for(self, size_bytes: int) -> float:
        return SHORT_S + size_bytes / self._slowest_bytes_per_s

    def _run(self, verb: Verb, source: str, target: str, flags: Sequence[str], timeout_s: float) -> None:
        if self._stopped.is_set():
            raise BackupError("stopped", retryable=True)
        self.commands += 1
        socket = self._scratch / SOCKET
        socket.unlink(missing_ok=True)  # rclone refuses to begin on one that is left
        moves = verb in ("copy", "copyto")
        # A relative name: a socket's path may have 107 bytes, and a data folder any name.
        extra = ("--rc", f"--rc-addr unix://{SOCKET}", "--rc-no-auth") if moves else ()
        limit = self._limit() if moves else 0
        limited = (f"--bwlimit {limit}k",) if limit else ()
        do = Do(verb, source, target, (*flags, *extra, *limited), str(self._scratch), str(self._config))
        with self._watched(socket if moves else None, limit):
            error = self._ask(do, timeout_s)
        if error:
            if self._stopped.is_set():
                raise BackupError("stopped", retryable=True)
            raise translated(error)

    def _ask(self, do: Do, timeout_s: float) -> str:
        if self._isolate is None:
            self._isolate = Isolate(WORKER, name="rclone")
        try:
            return self._isolate.request(do, Did, timeout_s).error
        except IsolateError as error:
            self._end()
            what = "stopped" if self._stopped.is_set() else f"rclone {do.verb}: {error}"
            raise BackupError(what, retryable=True) from error

    def _end(self) -> None:
        if self._isolate is not None:
            self._isolate.end()
            self._isolate = None

    @contextlib.contextmanager
    def _watched(self, socket: Path | None, limit: int) -> Iterator[None]:
        done = threading.Event()
        thread = threading.Thread(target=self._watch, args=(socket, limit, done), name="rclone-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            self._wake.set()
            thread.join()
            if not self._stopped.is_set():
                self._wake.clear()

    def _watch(self, socket: Path | None, limit: int, done: threading.Event) -> None:
        """`socket`: of an rclone that moves something; it is asked how far it is, and to put away what is half done when it is to end."""
        rc = Rc(socket) if socket else None
        while not self._wake.wait(POLL_S):
            if rc is not None and (transfer := rc.stats()) is not None:
                self._progress(transfer)
                if (wanted := self._limit()) != limit and rc.limit(wanted):
                    limit = wanted
        end_s = time.monotonic() + (QUIT_S if rc else 0.0)
        while self._stopped.is_set() and not done.wait(QUIT_POLL_S):
            if rc is not None:
                rc.quit()
            if time.monotonic() > end_s and self._isolate is not None:
                self._isolate.end()  # it waits for a network that is gone, or moves nothing


# Codes stand alone: the names of our files are hashes, and any three digits stand in one of them somewhere.
_CAUSES = (
    (r"directory not found|object not found|\b404\b", MISSING, "look at the remote's path", False),
    (r"knownhosts: key", "the server is not the one in the file of known hosts", "look at the file that known_hosts_file names", False),
    (r"host key mismatch|no common algorithm for host key", "the server is not the one whose host key is pinned",
     "if it was set up anew: `edge backup setup --new-host-key`, or with a kit, take host_keys out of it", False),
    (r"AccessDenied|\b40[13]\b|Forbidden|Unauthorized|permission denied|handshake failed|unable to authenticate",
     "the remote refuses us", "look at its rights and at the secrets of `edge backup setup`", False),
    (r"no space left|too big for remaining disk space|\b507\b|QuotaExceeded|Insufficient Storage|\bquota\b",
     "the remote is full", "make room, or `edge backup prune`", True),
    (r"\b429\b|TooManyRequests|SlowDown|\b503\b", "the remote asks us to wait", "it is tried again later", True),
    (r"connection refused|no such host|i/o timeout|deadline exceeded|network is unreachable|connection reset|\bEOF\b|broken pipe|dial tcp",
     "the remote cannot be reached", "it is tried again later", True),
    (r"InternalError|SSH_FX_FAILURE|\b50[024]\b", "the remote has a fault of its own, or is full", "look at the remote's log", True),
    (r"not found in config|didn't find section", "no remote is set up", "run `edge backup setup`", False),
    (r"rclone is not installed|No module named", "rclone is missing", "install the extra: pip install 'edge-appliance[backup]'", False),
    (r"failed to authenticate decrypted|bad decrypt|not an encrypted file", "it cannot be decrypted", "this is another key", False),
)  # fmt: skip


def translated(words: str) -> BackupError:
    """What rclone says, as a cause and a remedy; its own last line stands behind."""
    last = next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "")
    last = re.sub(r"^Attempt \d+/\d+ failed with \d+ errors? and: ", "", last)[:300]
    for pattern, cause, hint, retryable in _CAUSES:
        if re.search(pattern, words, re.IGNORECASE):
            return BackupError(f"{cause}: rclone says: {last}", hint=hint, retryable=retryable)
    return BackupError(f"rclone failed: {last}", hint="`edge backup setup --check` tests the remote", retryable=True)


def is_missing(error: BackupError) -> bool:
    return str(error).startswith(MISSING)
