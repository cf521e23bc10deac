"""What can be switched on and off over MQTT: `switch/<name>/set` and the retained `switch/<name>/state`."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from edge.store.port import Message

ON, OFF = b"ON", b"OFF"


@dataclass(frozen=True, slots=True)
class Switch:
    """`on` and `off` are what is asked for: an action and its arguments as JSON. `read` says how it is; it must come back at once."""

    name: str
    title: str
    icon: str
    on: tuple[str, bytes]
    off: tuple[str, bytes]
    read: Callable[[], bool]

    def asked(self, payload: bytes) -> tuple[str, bytes] | None:
        """Action and arguments for what was sent to `set`; None: it was neither `ON` nor `OFF`."""
        return {ON: self.on, OFF: self.off}.get(payload.strip().upper())

    @property
    def state(self) -> Message:
        return Message(f"switch/{self.name}/state", ON if self.read() else OFF)


def arming_switch(name: str, title: str, camera: str, read: Callable[[], bool]) -> Switch:
    """Arms and disarms a camera, or the device for an empty one."""
    arguments = msgspec.json.encode({"camera": camera} if camera else {})
    icon = "mdi:cctv" if camera else "mdi:shield-home"
    return Switch(name, title, icon, ("arm", arguments), ("disarm", arguments), read)


def recording_switch(read: Callable[[], bool]) -> Switch:
    """Clips of all cameras."""
    return Switch("recording", "Recording", "mdi:record-rec", ("recording-on", b""), ("recording-off", b""), read)


def output_switch(name: str, title: str, read: Callable[[], bool]) -> Switch:
    """An output on a pin; on for as long as it may be."""
    on, off = msgspec.json.encode({"name": name}), msgspec.json.encode({"name": name, "on": False})
    return Switch(f"output-{name}", title, "mdi:electric-switch", ("output", on), ("output", off), read)
