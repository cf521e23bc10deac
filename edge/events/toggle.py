"""Something that a person switches on and off, over restarts."""

import threading
from collections.abc import Callable

from edge.clock import Instant
from edge.events.arming import Switches
from edge.store.port import Switch


class Toggle:
    """On until it is switched off. Thread: any."""

    def __init__(self, name: str, switches: Switches) -> None:
        self._name = name
        self._switches = switches
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        known = switches.load().get(name)
        self.on = known.on if known is not None else True

    def set(self, on: bool, at: Instant) -> None:
        """Durable when it returns.

        Raises:
            StoreError: it could not be kept; nothing has changed.
        """
        with self._lock:
            self._switches.save(self._name, Switch(on, at.wall_s))
            self.on = on
        for listener in self._listeners:
            listener()

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each `set`, in its thread."""
        self._listeners.append(changed)
