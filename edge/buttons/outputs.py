"""Outputs: relays, lamps, sirens, buzzers. Each is on for a bounded time and off when nobody asked."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from edge.actions.port import Action, Arguments
from edge.buttons.dusk import Dusk
from edge.buttons.port import OutputPin
from edge.errors import RefusedError
from edge.events.arming import Period, planned
from edge.health import Health

FOREVER = float("inf")

log = logging.getLogger(__name__)


class SwitchOutput(Arguments, frozen=True, kw_only=True):
    name: str
    on: bool = True
    for_s: float | None = None
    """Default, and the most: `max_s` of the output."""


LOOK_S, LOOK_AT_LIGHT_S = 10.0, 1.0
"""How often a time of day is looked at (clocks are set), and how often the light."""

LightOf = Callable[[str], float | None]
"""How bright a camera's picture is, 0 black to 1 white; None: nobody knows."""


@dataclass(slots=True)
class Output:
    """`pin` is None where it could not be taken. `period`, `dusk`: when it is on by itself; with both, when both say so. `camera`: whose
    picture `dusk` judges. `off_at_s`: monotonic; None while it is off."""

    name: str
    pin: OutputPin | None
    max_s: float
    period: Period | None = None
    dusk: Dusk | None = None
    camera: str = ""
    planned: bool = False
    off_at_s: float | None = None


class Outputs:
    """A thread that switches off in time, and by the time of day or the light.

    Args:
        light_of: called in the thread; must come back at once.
        failed: called with whatever unforeseen thing the thread died of.

    Thread: `switch` any; the rest the owner.
    """

    def __init__(
        self,
        outputs: list[Output],
        health: Health,
        failed: Callable[[BaseException], None],
        light_of: LightOf = lambda camera: None,
    ) -> None:
        self._outputs = {output.name: output for output in outputs}
        self._health = health
        self._failed = failed
        self._light_of = light_of
        self._changed = threading.Condition()
        self._stopping = False
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="outputs", daemon=True)

    @property
    def there(self) -> list[str]:
        """The names of those whose pin could be taken."""
        return [output.name for output in self._outputs.values() if output.pin is not None]

    def is_on(self, name: str) -> bool:
        """Thread: any."""
        return self._outputs[name].off_at_s is not None

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each switching, in its thread; must not block. Before `start`."""
        self._listeners.append(changed)

    def actions(self) -> list[Action]:
        """What can be asked of them; nothing where there are none."""
        if not self._outputs:
            return []
        return [Action("output", "Switch an output", "operate", self._asked, SwitchOutput)]

    def start(self) -> None:
        for output in self._outputs.values():
            if output.pin is not None:
                self._health.report("output", output.name, "off")
        self._thread.start()

    def stop(self) -> None:
        """Everything off."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def switch(self, name: str, on: bool, for_s: float | None = None) -> None:
        """On for so long from now, or off now.

        Raises:
            RefusedError: no such output, it is not there, or longer than it may.
        """
        output = self._outputs.get(name)
        if output is None:
            raise RefusedError(f"no output is named {name!r}", hint=f"there is: {', '.join(self._outputs)}")
        if output.pin is None:
            raise RefusedError(f"output {name} is not there", hint="its state says why")
        if for_s is not None and not 0 < for_s <= output.max_s:
            raise RefusedError(f"output {name}: for_s is {for_s:g}", hint=f"above 0 and at most {output.max_s:g}")
        with self._changed:
            if self._stopping:
                raise RefusedError("the program ends", hint="ask again when it runs")
            if on:
                output.off_at_s = FOREVER if output.planned else time.monotonic() + (for_s or output.max_s)
                self._set(output, output.pin, True)
            else:
                output.off_at_s = None
                self._set(output, output.pin, False)
            self._changed.notify()

    def _asked(self, asked: SwitchOutput) -> None:
        self.switch(asked.name, asked.on, asked.for_s)

    def _set(self, output: Output, pin: OutputPin, on: bool) -> None:
        pin.set(float(on))
        log.info("output output=%s on=%s", output.name, on)
        self._health.report("output", output.name, "on" if on else "off")
        for listener in self._listeners:
            listener()

    def _run(self) -> None:
        try:
            with self._changed:
                while not self._stopping:
                    self._plan(datetime.now(), time.monotonic())
                    self._switch_off(time.monotonic())
                    self._changed.wait(self._wait_s(time.monotonic()))
                self._switch_off(FOREVER)
        except BaseException as error:  # noqa: BLE001 - a siren that nobody switches off is the worst of failures
            self._failed(error)

    def _plan(self, at: datetime, now_s: float) -> None:
        """What was switched by hand holds until the plan changes."""
        for output in self._outputs.values():
            if output.pin is None or (output.period is None and output.dusk is None):
                continue
            wanted = output.period is None or planned([output.period], "", at)
            if output.dusk is not None:
                wanted = output.dusk.wants_light(self._light_of(output.camera), now_s) and wanted
            if wanted != output.planned:
                output.planned = wanted
                output.off_at_s = FOREVER if wanted else None
                self._set(output, output.pin, wanted)

    def _switch_off(self, now_s: float) -> None:
        for output in self._outputs.values():
            if output.pin is not None and output.off_at_s is not None and output.off_at_s <= now_s:
                output.off_at_s = None
                self._set(output, output.pin, False)

    def _wait_s(self, now_s: float) -> float | None:
        times = [output.off_at_s for output in self._outputs.values() if output.off_at_s is not None]
        if any(output.period is not None for output in self._outputs.values()):
            times.append(now_s + LOOK_S)
        if any(output.dusk is not None for output in self._outputs.values()):
            times.append(now_s + LOOK_AT_LIGHT_S)
        return max(0.0, min(times) - now_s) if times else None
