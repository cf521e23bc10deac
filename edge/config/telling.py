"""MQTT, Home Assistant and the page."""

from typing import Annotated, Literal

import msgspec

from edge.config.section import Section


class Mqtt(Section, frozen=True):
    host: str = ""
    """Name or address of the broker; empty: none, events wait in the outbox."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    fallback: tuple[str, ...] = ()
    """Further brokers, `HOST` or `HOST:PORT`, tried in turn while the first does not serve; everything else is alike for all."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    """Version of MQTT; `auto`: 5, and 3.1.1 where the broker refuses that."""
    transport: Literal["tcp", "websockets"] = "tcp"
    path: Annotated[str, msgspec.Meta(pattern=r"^/[\x21-\x7e]*$")] = "/mqtt"
    """Of the WebSocket."""
    tls: bool = False
    """Encrypt; the broker's certificate is always verified."""
    ca_file: str = ""
    """PEM file with the authority of the broker's certificate; empty: those that the system knows."""
    cert_file: str = ""
    """PEM file with our own certificate, if the broker wants one."""
    key_file: str = ""
    """PEM file with its key, if that is not in `cert_file`."""
    username: str = ""
    password_file: str = ""
    """File whose first line is the password."""
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00/]+(/[^+#\x00/]+)*$")] = "edge"
    """First level of every topic."""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    inflight: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    """Messages sent and not yet acknowledged, at the most."""
    outbox_max_mb: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 256
    """What may wait for the broker; beyond it the least important is given up first: updates, then the rest, starts and ends last."""
    commands: Literal["none", "view", "operate", "admin"] = "operate"
    """What whoever may publish to `<prefix>/<device>/command/…` and `switch/…` may do; none: nothing is listened to."""
    frigate_prefix: Annotated[str, msgspec.Meta(pattern=r"^([^+#\x00/]+(/[^+#\x00/]+)*)?$")] = ""
    """Publish also a tree as Frigate has it, below this: `frigate`; empty: none."""

    @property
    def outbox_max_bytes(self) -> int:
        return self.outbox_max_mb * 1_000_000


class HomeAssistant(Section, frozen=True):
    enabled: bool = True
    """Announce the device to Home Assistant (when there is a broker); false: take the announcement away again."""
    discovery_prefix: Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00/]+(/[^+#\x00/]+)*$")] = "homeassistant"
    """As in the settings of Home Assistant's MQTT integration."""
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Of the device, for people; empty: made from its id."""


class Web(Section, frozen=True):
    host: str = ""
    """Where the page is served. `127.0.0.1`: this machine alone, `0.0.0.0`: the whole network, `::`: over IPv6 too; empty: no page."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    """0: a free one; the log says which."""
    tls: Literal["auto", "on", "off"] = "auto"
    """HTTPS with a certificate that the device makes itself, or with `cert_file`. `auto`: where others than this machine reach the page."""
    cert_file: str = ""
    """PEM file with a certificate from elsewhere, in place of the device's own."""
    key_file: str = ""
    """PEM file with its key."""
    redirect_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """HTTP there leads to HTTPS; 0: nothing listens."""
    mdns: bool = True
    """Be found as `<device>.local`, where others than this machine reach the page; needs the extra `mdns`."""
    open_metrics: bool = False
    """`/metrics` for everybody who reaches the port; false: for sessions and tokens."""
