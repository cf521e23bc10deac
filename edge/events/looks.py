"""Second looks beside the frame path: a thread of their own, and a short queue in which the newest request wins."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable

from edge.errors import DetectorError
from edge.events.port import LookRequest, LookResult
from edge.recognition.port import NOTHING, Insight
from edge.recognition.second_look import SecondLook

log = logging.getLogger(__name__)

QUEUE = 4
"""Requests that wait, each with its frame."""
NICE = 10


class LookThread:
    """`edge.events.port.Looks` over the configured models.

    Args:
        failed: called with whatever unforeseen thing the thread died of.

    Thread: `wants`, `ask` and `look` any; `start` and `stop` the owner.
    """

    def __init__(self, second_look: SecondLook, failed: Callable[[BaseException], None]) -> None:
        self._second_look = second_look
        self._failed = failed
        self._model = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[LookRequest] = deque()
        self._stopping = False
        self._broken = False
        self._deliver: Callable[[LookResult], None] = _drop
        self._thread = threading.Thread(target=self._run, name="second-look", daemon=True)
        self.dropped = 0
        """Requests that newer ones pushed out of the queue."""

    def wants(self, label: str) -> bool:
        return self._second_look.wants(label)

    def ask(self, request: LookRequest) -> None:
        pushed_out = None
        with self._changed:
            if len(self._waiting) >= QUEUE:
                pushed_out = self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(request)
            self._changed.notify()
        if pushed_out is not None:
            self._deliver(LookResult(pushed_out, NOTHING))

    def look(self, request: LookRequest) -> Insight:
        """Look now; a model that fails finds nothing, and that is logged once until it works again."""
        try:
            with self._model:
                insight = self._second_look.look(request.frame.pixels, request.label, request.box)
        except DetectorError as error:
            if not self._broken:
                self._broken = True
                log.error("second look failed camera=%s error=%s", request.frame.camera, error)
            return NOTHING
        if self._broken:
            self._broken = False
            log.info("second look works again camera=%s", request.frame.camera)
        return insight

    def start(self, deliver: Callable[[LookResult], None]) -> None:
        """Begin to look. `deliver` takes each result, in any thread, and must not block."""
        self._deliver = deliver
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Look at what waits, then end; a look that takes longer than `timeout_s` is left behind."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            # Linux gives each thread its own niceness: the frame path has the cores first.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
            while (request := self._next()) is not None:
                self._deliver(LookResult(request, self.look(request)))
        except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
            self._failed(error)

    def _next(self) -> LookRequest | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            return self._waiting.popleft() if self._waiting else None


def _drop(result: LookResult) -> None:
    """Nobody waits for results before the start."""
