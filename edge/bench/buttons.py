"""`edge bench buttons`: from the closing of a contact to the light's first sign, and to the answer that it shows.

A real panel over gpiozero's simulated pins, with a real performer behind it: what is asked for is written down before and after, and the
switch that it sets is on the disk before it is acknowledged. The contact must rest for 40 ms first: that is in every figure.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.actions.asking import Ask
from edge.actions.performer import Performer
from edge.actions.port import Action, Answer, Request
from edge.bench.report import BenchReport, Figure
from edge.buttons.gestures import TIMING
from edge.buttons.gpio import GpioPins
from edge.buttons.light import Facts, Shown
from edge.buttons.panel import Button, Panel
from edge.clock import SystemClock
from edge.errors import EdgeError
from edge.health import Health
from edge.store.port import Switch
from edge.store.switches import SwitchStore

PIN = 17
BOUND_MS = 100.0
HELD_S, REST_S = 0.1, 0.7
"""The light has said all that it had to say when the next press comes."""
GIVEN_UP_S = 10.0


class _Bench:
    """A button and what became of its presses."""

    def __init__(self, data_dir: Path) -> None:
        self.signs_s: list[float] = []
        self.answers_s: list[float] = []
        self.errors: list[BaseException] = []
        clock = SystemClock()
        switches = SwitchStore(data_dir)
        disarm = Action("disarm", "", "operate", lambda _: switches.save("armed", Switch(False, clock.now().wall_s)))
        self.performer = Performer([disarm], data_dir, clock, self.errors.append)
        self.pins = GpioPins(simulated=True)
        button = Button("privacy", self.pins.input(PIN, "low"), {"press": Ask("disarm", b"")})
        facts = Facts(started=True)
        self.panel = Panel([button], "bench", self._ask, lambda: facts, self._show, Health(clock), self.errors.append)
        self.performer.start()
        self.panel.start()

    def _ask(self, request: Request, answered: Callable[[Answer], None]) -> None:
        def noting(answer: Answer) -> None:
            self.answers_s.append(time.monotonic())
            answered(answer)

        self.performer.ask(request, noting)

    def _show(self, shown: Shown) -> None:
        if not shown.level:
            self.signs_s.append(time.monotonic())

    def press(self) -> tuple[float, float]:
        """Seconds until the first sign, and until the answer."""
        self.signs_s.clear()
        self.answers_s.clear()
        pressed_s = time.monotonic()
        self.pins.factory.pin(PIN).drive_low()
        time.sleep(HELD_S)
        self.pins.factory.pin(PIN).drive_high()
        while not (self.signs_s and self.answers_s):
            if self.errors or time.monotonic() - pressed_s > GIVEN_UP_S:
                raise EdgeError(f"bench buttons: a press came to nothing: {self.errors}", hint="run it again")
            time.sleep(0.01)
        return self.signs_s[0] - pressed_s, self.answers_s[0] - pressed_s

    def close(self) -> None:
        self.panel.stop()
        self.performer.stop()
        self.pins.close()


def run(parent: Path, *, presses: int) -> BenchReport:
    """
    Args:
        parent: the folder on whose disk the store is made.

    Raises:
        GpioError: the extra `gpio` is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="bench", dir=parent) as folder:
        bench = _Bench(Path(folder))
        try:
            took_s = []
            for _ in range(presses):
                time.sleep(REST_S)
                took_s.append(bench.press())
        finally:
            bench.close()
    signs_ms, answers_ms = (np.array(took_s) * 1000).T
    return BenchReport(
        "buttons",
        [
            Figure.of("sign_p50_ms", float(np.median(signs_ms)), "ms", "lower"),
            Figure.of("sign_most_ms", float(signs_ms.max()), "ms", "lower", BOUND_MS),
            Figure.of("acknowledged_p50_ms", float(np.median(answers_ms)), "ms", "lower"),
            Figure.of("acknowledged_most_ms", float(answers_ms.max()), "ms", "lower", BOUND_MS),
        ],
        {"presses": presses, "contact_rests_ms": TIMING.debounce_s * 1000},
    )
