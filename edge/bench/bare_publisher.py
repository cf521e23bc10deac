"""paho alone, as fast as it goes at QoS 1, with nothing kept on a disk: what `edge bench outbox` measures ours against."""

import os
import socket
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.errors import EdgeError

END_S = 120.0


def rate(host: str, port: int, messages: int, payload_bytes: int, inflight: int) -> float:
    """Acknowledged messages a second."""
    connected, done = threading.Event(), threading.Event()
    acknowledged = 0

    def on_publish(*_: Any) -> None:
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged == messages:
            done.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(inflight)
    client.on_connect = lambda *_: connected.set()
    client.on_publish = on_publish
    client.on_socket_open = _no_delay
    client.connect(host, port)
    client.loop_start()
    connected.wait(END_S)
    payload = os.urandom(payload_bytes)
    begin_s = time.monotonic()
    for _ in range(messages):
        client.publish("edge/bare/events", payload, qos=1)
    if not done.wait(END_S):
        raise EdgeError(f"bench: paho was not done in {END_S:.0f} s")
    took_s = time.monotonic() - begin_s
    client.disconnect()
    client.loop_stop()
    return messages / took_s


def _no_delay(client: Any, userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
