"""Everything that stands below the device's topic beside the outbox: what is shown, Home Assistant's discovery, commands."""

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.actions.performer import Performer
from edge.actions.port import RANKS, Permission
from edge.backup.target import is_set_up
from edge.clock import Clock
from edge.config import Config
from edge.ids import IdSource
from edge.mqtt.commands import Commands
from edge.mqtt.entities import Published
from edge.mqtt.frigate import FrigateSheet
from edge.mqtt.homeassistant import ONLINE, Announcement, config_topic, discovery, status_topic
from edge.mqtt.port import Incoming
from edge.mqtt.sender import Sender
from edge.mqtt.showcase import Showcase, View
from edge.mqtt.summary import Sources, inputs, motion
from edge.mqtt.switches import Switch
from edge.mqtt.topics import whole
from edge.store.port import Message


class Tree:
    """Puts the parts together. Lives from `start` to `stop`.

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
        self._backup = is_set_up(data_dir)
        self._switches: Sequence[Switch] = ()
        self._actions: Sequence[str] = ()
        self.showcase = Showcase(data_dir, sources, config.detector.labels, sender.set_state, clock, failed)
        self.showcase.add(_motion)
        self.showcase.add(lambda view: [switch.state for switch in self._switches])
        if config.homeassistant.enabled:
            self._announce()
        if config.mqtt.frigate_prefix:
            self._resemble(FrigateSheet(config.mqtt.frigate_prefix))

    def start(self) -> None:
        self.showcase.start()

    def stop(self) -> None:
        """Show what is new, then end; the sender goes on."""
        self.showcase.stop()

    def serve(self, performer: Performer, switches: Sequence[Switch], ids: IdSource) -> None:
        """Take commands, as far as the configuration grants, and show how the switches are. Before anything starts."""
        granted = self._config.mqtt.commands
        if granted == "none":
            return
        self._switches = [switch for switch in switches if may(granted, performer.actions[switch.on[0]].permission)]
        self._actions = [action.name for action in performer.actions.values() if may(granted, action.permission)]
        commands = Commands(
            performer, granted, switches, self._sender.root, self._sender.publish, ids.next, self._clock
        )
        for topic_filter in commands.filters:
            self._sender.subscribe(topic_filter, commands.handle)

    def _resemble(self, frigate: FrigateSheet) -> None:
        self.showcase.add(frigate)
        self.showcase.mirror(frigate.snapshot)
        self.showcase.say_last(frigate.farewell)

    def _announce(self) -> None:
        prefix, device = self._config.homeassistant.discovery_prefix, self._sources.device
        root = self._sender.root

        def make(view: View) -> Message:
            return discovery(prefix, device, root, self._config.homeassistant.name, self._published(view))

        def status(message: Incoming) -> None:
            if message.payload == ONLINE:
                self.showcase.again(whole(config_topic(prefix, device)))

        self.showcase.add(Announcement(make))
        self._sender.subscribe(status_topic(prefix), status)

    def _published(self, view: View) -> Published:
        return Published(
            cameras=self._sources.cameras,
            shown=view.shown,
            motion=list(motion(view.conditions)),
            lines=[(line.name, line.camera) for line in self._config.line],
            switches=self._switches,
            actions=self._actions,
            summary=view.summary,
            stats=view.stats,
            backup=self._backup,
            inputs=inputs(view.conditions),
        )


def _motion(view: View) -> list[Message]:
    return [Message(f"motion/{camera}", payload) for camera, payload in motion(view.conditions).items()]


def may(granted: Permission, needed: Permission) -> bool:
    return RANKS[granted] >= RANKS[needed]
