"""Whether a scene needs its own light. Pure: time is an argument.

A light that shines makes its own scene bright: while it is on, the picture says nothing of the day. So it goes off for a moment now and
then, and what the camera sees then decides.
"""

SETTLE_S = 20.0
"""It must have been dark for so long: a hand before the lens is no night."""
PROBE_EVERY_S, PROBE_S = 900.0, 4.0
"""How often the light goes off to look, and for how long: a camera needs seconds to set its exposure."""
BRIGHTER = 1.5
"""It is day when it is so much brighter than what counts as dark: dawn does not flicker."""


class Dusk:
    """Args:
        dark: luminance, 0 black to 1 white, below which it is night.

    Thread: one caller at a time; times never go back.
    """

    def __init__(self, dark: float) -> None:
        self._dark = dark
        self._on = False
        self._dark_since_s: float | None = None
        self._probe_s: float | None = None
        """On: when to look; off: until when the look takes. None: no look is under way."""

    def wants_light(self, luminance: float | None, at_s: float) -> bool:
        """
        Args:
            luminance: of the picture now; None: nobody knows, then it stays as it is.
        """
        if luminance is None:
            return self._on
        if self._on:
            self._shine(at_s)
        elif self._probe_s is not None:
            self._probe(luminance, at_s)
        else:
            self._wait(luminance, at_s)
        return self._on

    def _shine(self, at_s: float) -> None:
        if self._probe_s is not None and at_s >= self._probe_s:
            self._on, self._probe_s = False, at_s + PROBE_S

    def _probe(self, luminance: float, at_s: float) -> None:
        if self._probe_s is None or at_s < self._probe_s:
            return
        self._probe_s = None
        self._dark_since_s = None
        if luminance < self._dark * BRIGHTER:
            self._switch_on(at_s)

    def _wait(self, luminance: float, at_s: float) -> None:
        if luminance >= self._dark:
            self._dark_since_s = None
        elif self._dark_since_s is None:
            self._dark_since_s = at_s
        elif at_s - self._dark_since_s >= SETTLE_S:
            self._switch_on(at_s)

    def _switch_on(self, at_s: float) -> None:
        self._on, self._probe_s = True, at_s + PROBE_EVERY_S
