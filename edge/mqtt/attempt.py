"""What fails with the database is tried again after a pause, and holds up nothing else."""

import logging
import time
from collections.abc import Callable

from edge.errors import StoreError

log = logging.getLogger(__name__)

RETRY_S = 5.0


class Attempt:
    """Something that is done over and over. Thread: one."""

    def __init__(self) -> None:
        self._again_s = 0.0
        self._problem = ""

    @property
    def is_failing(self) -> bool:
        return bool(self._problem)

    def __call__(self, action: Callable[[], None]) -> None:
        """Unless it failed less than `RETRY_S` ago. A StoreError is logged, the same one once."""
        if self._problem and time.monotonic() < self._again_s:
            return
        try:
            action()
        except StoreError as error:
            if str(error) != self._problem:
                log.error("outbox failed error=%s", error)
            self._problem = str(error)
            self._again_s = time.monotonic() + RETRY_S
        else:
            self._problem = ""
