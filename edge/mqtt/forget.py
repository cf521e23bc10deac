"""Takes everything away that the device has left at the broker: its retained topics, and the device from Home Assistant."""

import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from edge import config
from edge.errors import MqttError
from edge.mqtt.connection import Connection
from edge.mqtt.port import Acknowledged, Connected, Disconnected
from edge.mqtt.sender import AVAILABILITY, OFFLINE
from edge.mqtt.topics import joined
from edge.store.retained import RetainedStore

WAIT_S = 20.0


def forget(settings: config.Mqtt, device: str, data_dir: Path, *, wait_s: float = WAIT_S) -> int:
    """Empty them all; how many. The caller holds the lock of the data folder: an appliance that runs would put them back.

    Raises:
        MqttError: the broker did not take them all in time; what is left is known and can be tried again.
        ConfigError: a file of the connection cannot be used.
        StoreError: the database failed.
    """
    root = f"{settings.prefix}/{device}"
    store = RetainedStore(data_dir)
    try:
        topics = store.topics()
        emptied = _empty(settings, device, root, [joined(root, topic) for topic in (*topics, AVAILABILITY)], wait_s)
        store.gone(topics, 0.0)
        store.forget(time.time())
    finally:
        store.close()
    return emptied


def _empty(settings: config.Mqtt, device: str, root: str, topics: list[str], wait_s: float) -> int:
    news: SimpleQueue[Any] = SimpleQueue()
    why = ["no answer"]

    def status(_state: object, cause: str) -> None:
        why[0] = cause or why[0]

    connection = Connection(
        settings,
        f"edge-{device}",
        (f"{root}/{AVAILABILITY}", OFFLINE),
        news.put,
        status=status,
        failed=lambda _error: None,
    )
    connection.start()
    try:
        waiting: set[int] = set()
        deadline_s = time.monotonic() + wait_s
        while time.monotonic() < deadline_s:
            try:
                item = news.get(timeout=0.2)
            except Empty:
                continue
            if isinstance(item, Connected):
                waiting = {connection.publish(topic, b"", retain=True) for topic in topics}
            elif isinstance(item, Disconnected):
                waiting = set()
            elif isinstance(item, Acknowledged) and not item.problem:
                waiting.discard(item.mid)
                if not waiting:
                    return len(topics)
        raise MqttError(
            f"{settings.host}: not everything was taken away: {why[0]}", hint="try again, or `edge mqtt check`"
        )
    finally:
        connection.close()
