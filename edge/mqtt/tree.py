"""Everything that stands below the device's topic beside the outbox: what is shown, Home Assistant's discovery."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from edge.clock import Clock
from edge.config import Config
from edge.health import Condition
from edge.mqtt.entities import Published
from edge.mqtt.homeassistant import Announcement, discovery
from edge.mqtt.sender import Sender
from edge.mqtt.showcase import Showcase, View
from edge.mqtt.summary import Sources
from edge.mqtt.switches import Switch
from edge.store.port import Message


class Tree:
    """Puts the parts together; `showcase` is what lives.

    Args:
        failed: called with whatever unforeseen thing a thread died of.
    """

    def __init__(
        self,
        config: Config,
        data_dir: Path,
        sender: Sender,
        sources: Sources,
        clock: Clock,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._config = config
        self._sender = sender
        self._sources = sources
        self._clock = clock
        self._switches: Sequence[Switch] = ()
        self._actions: Sequence[str] = ()
        self.showcase = Showcase(data_dir, sources, config.detector.labels, sender.set_state, clock, failed)
        self.showcase.add(lambda view: motion(sources.conditions()))
        self.showcase.add(lambda view: [switch.state for switch in self._switches])
        if config.homeassistant.enabled:
            self._announce()

    def _announce(self) -> None:
        prefix, device = self._config.homeassistant.discovery_prefix, self._sources.device
        root = self._sender.root

        def make(view: View) -> Message:
            return discovery(prefix, device, root, self._config.homeassistant.name, self._published(view))

        self.showcase.add(Announcement(make))

    def _published(self, view: View) -> Published:
        return Published(
            cameras=self._sources.cameras,
            shown=view.shown,
            motion=[each.name for each in self._sources.conditions() if each.part == "motion"],
            switches=self._switches,
            actions=self._actions,
            summary=view.summary,
            stats=view.stats,
        )


def motion(conditions: Iterable[Condition]) -> list[Message]:
    """Of each camera with a motion gate."""
    return [
        Message(f"motion/{each.name}", b"ON" if each.state == "moving" else b"OFF")
        for each in conditions
        if each.part == "motion"
    ]
