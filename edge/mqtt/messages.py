"""What is published beside the events: the wire contract of docs/mqtt.md."""

from typing import Literal

import msgspec


class PresentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """How many things of one label are there now. `event` is the newest, `last_seen_at` its latest sight; null: never seen."""

    schema: Literal[1] = 1
    device: str
    camera: str
    label: str
    count: int
    last_seen_at: str | None
    event: str | None


class CameraSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`state` as on `state/camera/<name>`, `unknown` before the first. `armed`: its things become events; null: nobody can tell."""

    name: str
    state: str
    armed: bool | None


class AcceleratorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`state` as on `state/accelerator/<name>`."""

    name: str
    state: str


class PowerSummary(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    battery_percent: float | None
    battery_low: bool | None
    under_voltage: bool | None


class NetworkSummary(msgspec.Struct, frozen=True, kw_only=True):
    connected: bool | None
    kind: str
    ssid: str | None
    metered: bool | None


class CardSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Of the file system that holds the data folder; how much is free stands in `stats`."""

    total_bytes: int | None
    low: bool | None


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """`runtime` is the package that infers, with its version."""

    program: str
    python: str
    model: str
    runtime: str


class SummaryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The device in one object. `degraded`: something does not work as it should; `problems` says what, in words. Null: nobody can tell."""

    schema: Literal[1] = 1
    device: str
    degraded: bool
    problems: tuple[str, ...]
    armed: bool | None
    cameras: tuple[CameraSummary, ...]
    accelerator: AcceleratorSummary | None
    power: PowerSummary
    network: NetworkSummary
    card: CardSummary
    versions: Versions


class StatsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """`frames_per_s` and `inference_ms` (busy time a frame) are of the time since the message before, the latter of the latest such time in
    which there was a frame; `frames` to `lost` count since the start. Null: nobody can tell."""

    schema: Literal[1] = 1
    device: str
    at: str
    uptime_s: float
    frames_per_s: float
    inference_ms: float | None
    frames: int
    dropped: int
    events: int
    pictures: int
    lost: int
    queued: int
    outbox_waiting: int | None
    memory_bytes: int | None
    temperature_c: float | None
    card_free_bytes: int | None
