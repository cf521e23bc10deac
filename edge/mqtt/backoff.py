"""How long to wait before the next try: doubling, with chance in it so that a fleet does not come back all at once."""

import random
from collections.abc import Callable

FIRST_S, MOST_S = 1.0, 60.0


class Backoff:
    """Args: jitter: 0..1; the pause is that far between half and all of its step."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._step_s = FIRST_S

    def next_s(self) -> float:
        step_s, self._step_s = self._step_s, min(MOST_S, self._step_s * 2)
        return step_s * (0.5 + self._jitter() / 2)

    def reset(self) -> None:
        self._step_s = FIRST_S
