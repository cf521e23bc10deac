"""A detector that goes on when its accelerator dies: the CPU takes over with the very frame; the accelerator is tried again beside it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from edge.camera.port import Frame
from edge.clock import Instant
from edge.errors import EdgeError
from edge.health import Health
from edge.recognition.accelerators import AbsentError
from edge.recognition.port import Detection, Detector, Prepared

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0
CLOSE_S = 2.0


class _Work(NamedTuple):
    """Who prepared a frame, and what came of it."""

    detector: Detector
    prepared: Prepared


class FailoverDetector:
    """`Detector` over two that look for the same things: one on an accelerator, one on the CPU that stands by.

    The accelerated one is made, tried and, after a failure, made again by a thread of its own, which starts with the first frame and
    reports `accelerator/<name>`: `running`, or `degraded` with the cause. Frames never wait for it.

    Args:
        standby: on the CPU; is warmed up here.
        make: makes an accelerated detector. Raises an `EdgeError` when it cannot; `AbsentError` is no trouble and is not reported.
        failed: called with whatever unforeseen thing the thread died of.
        first_retry_s, last_retry_s: how long to wait before the accelerator is tried again; doubled from try to try until it has
            served for `last_retry_s`.
    """

    def __init__(
        self,
        standby: Detector,
        make: Callable[[], Detector],
        *,
        name: str,
        health: Health,
        failed: Callable[[BaseException], None],
        first_retry_s: float = FIRST_RETRY_S,
        last_retry_s: float = LAST_RETRY_S,
    ) -> None:
        self._standby = standby
        self._make = make
        self._name = name
        self._health = health
        self._failed = failed
        self._retry_s = (first_retry_s, last_retry_s)
        self._accelerated: Detector | None = None
        self._cause = self._reported = ""
        self._lost = threading.Event()
        self._closing = threading.Event()
        self._standby_prepares = threading.Lock()
        self._thread = threading.Thread(target=self._guarded, name=f"accelerator-{name}", daemon=True)
        self._started = False
        _try_out(standby)

    @property
    def name(self) -> str:
        return (self._accelerated or self._standby).name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._standby.labels

    def threshold_of(self, label: str) -> float:
        return self._standby.threshold_of(label)

    def prepare(self, frame: Frame) -> Prepared:
        if not self._started:
            self._started = True
            self._thread.start()
        accelerated = self._accelerated
        if accelerated is None:
            return Prepared(frame, _Work(self._standby, self._prepare_on_standby(frame)))
        return Prepared(frame, _Work(accelerated, accelerated.prepare(frame)))

    def infer(self, prepared: Prepared) -> list[Detection] | None:
        work: _Work = prepared.work
        if work.detector is self._standby:
            return self._standby.infer(work.prepared)
        if work.detector is self._accelerated:
            try:
                return work.detector.infer(work.prepared)
            except EdgeError as error:
                self._cause = str(error)
                self._accelerated = None
                self._lost.set()  # its thread reports and clears away; this one has a frame to look at
        return self._standby.infer(self._prepare_on_standby(prepared.frame))

    def close(self) -> None:
        self._closing.set()
        self._lost.set()
        if self._started:
            # One that is just being made is ended by its thread, or goes with the program.
            self._thread.join(CLOSE_S)
        self._standby.close()

    def _prepare_on_standby(self, frame: Frame) -> Prepared:
        # Both threads of the pipeline come here in the moment of a fail-over.
        with self._standby_prepares:
            return self._standby.prepare(frame)

    def _guarded(self) -> None:
        try:
            self._tend()
        except BaseException as error:  # noqa: BLE001 - without this thread the accelerator would never come back
            self._failed(error)

    def _tend(self) -> None:
        first_s, last_s = self._retry_s
        wait_s = first_s
        while not self._closing.is_set():
            begin_s = time.monotonic()
            if (detector := self._bring_up()) is not None:
                self._serve_with(detector)
                if time.monotonic() - begin_s >= last_s:
                    wait_s = first_s
            self._closing.wait(wait_s)
            wait_s = min(wait_s * 2, last_s)

    def _bring_up(self) -> Detector | None:
        try:
            detector = self._make()
        except AbsentError:
            return None
        except EdgeError as error:
            self._degrade(str(error))
            return None
        try:
            _try_out(detector)
        except EdgeError as error:
            detector.close()
            self._degrade(str(error))
            return None
        return detector

    def _serve_with(self, detector: Detector) -> None:
        """Until it fails or the end comes."""
        self._lost.clear()
        self._cause = self._reported = ""
        if not self._closing.is_set():
            self._accelerated = detector
            log.info("accelerator serves name=%s detector=%r", self._name, detector.name)
            self._health.report("accelerator", self._name, "running")
            self._lost.wait()
            self._accelerated = None
        if not self._closing.is_set():
            self._degrade(self._cause)
        detector.close()

    def _degrade(self, cause: str) -> None:
        if cause != self._reported:
            log.warning("accelerator does not serve, the CPU does name=%s cause=%s", self._name, cause)
        self._reported = cause
        self._health.report("accelerator", self._name, "degraded", cause)


def _try_out(detector: Detector) -> None:
    """One inference that nobody needs."""
    detector.infer(detector.prepare(Frame("trial", 0, np.zeros((64, 64, 3), np.uint8), Instant(0.0, 0.0))))
