"""A line that tells how far something is: in place on a terminal, and a message now and then elsewhere."""

import logging
import sys
import time
from types import TracebackType

from edge.backup.rc import Transfer

log = logging.getLogger(__name__)

EVERY_S = 30.0


class Bar:
    """Thread: any."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._step = ""
        self._in_place = sys.stderr.isatty()
        self._said_s = time.monotonic()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._in_place:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def step(self, what: str, files: int) -> None:
        self._step = f"{what}, {files} files" if files else what
        self._show(self._step)

    def moved(self, transfer: Transfer) -> None:
        done, total = transfer.done_bytes / 1e6, transfer.total_bytes / 1e6
        self._show(f"{self._step}: {done:.1f} of {total:.1f} MB, {transfer.bytes_per_s / 1e6:.1f} MB/s")

    def _show(self, text: str) -> None:
        now_s = time.monotonic()
        if self._in_place:
            print(f"\r\x1b[K{self._title}: {text}", end="", file=sys.stderr, flush=True)
        elif now_s - self._said_s > EVERY_S:
            self._said_s = now_s
            log.info("%s: %s", self._title, text)
