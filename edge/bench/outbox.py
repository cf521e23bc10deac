"""`edge bench outbox`: what durability costs on the way to the broker, how long an event takes, whether waiting costs memory."""

import os
import threading
import time
from pathlib import Path
from statistics import median

import msgspec
import numpy as np

from edge import config
from edge.bench import bare_publisher
from edge.bench.report import BenchReport, Figure
from edge.bench.rig import broker_and_folder
from edge.bench.soak import resident_mb
from edge.demo.broker import Broker
from edge.errors import EdgeError
from edge.events.keeper import BATCH
from edge.mqtt.sender import Sender
from edge.mqtt.subscriber import Received, Subscriber
from edge.store.events import EventStore
from edge.store.port import Message, Record

DEVICE = "bench"
PAYLOAD_BYTES = 900
"""About that of an event."""
END_S = 120.0
PER_S = 200
LATENCY_S = 10.0
DRAIN_S = 15.0
RATIO, P99_MS, GROWTH_MB = 0.5, 15.0, 10.0


class _Timed(msgspec.Struct):
    given_s: float
    filling: str


def run(parent: Path, *, rounds: int, messages: int, waiting: int) -> BenchReport:
    """All on one broker.

    Args:
        messages: of one round.
        waiting: messages in the outbox while the memory is watched.
    """
    bare, durable = [], []
    with broker_and_folder(parent) as (broker, data_dir):
        for number in range(rounds):
            bare.append(bare_publisher.rate(broker.host, broker.port, messages, PAYLOAD_BYTES, config.Mqtt().inflight))
            durable.append(_durable_rate(data_dir / f"rate{number}", broker, messages))
        latencies_ms = _latencies_ms(data_dir / "latency", broker)
        growth_mb, sent = _memory(data_dir / "memory", broker, waiting)
    p50_ms, p99_ms = (float(value) for value in np.percentile(latencies_ms, (50, 99)))
    ratio = median(ours / theirs for ours, theirs in zip(durable, bare, strict=True))
    figures = [
        Figure.of("rate_ratio", ratio, "of paho alone", "higher", RATIO),
        Figure.of("durable_rate", median(durable), "messages/s", "higher"),
        Figure.of("bare_rate", median(bare), "messages/s", "higher"),
        Figure.of("p50_ms", p50_ms, "ms", "lower"),
        Figure.of("p99_ms", p99_ms, "ms", "lower", P99_MS),
        Figure.of("memory_growth_mb", growth_mb, "MB", "lower", GROWTH_MB),
    ]
    details = {
        "rounds": rounds,
        "messages": messages,
        "payload_bytes": PAYLOAD_BYTES,
        "latency_at_per_s": PER_S,
        "waiting": waiting,
        "sent_while_watched": sent,
    }
    return BenchReport("outbox", figures, details)


def _durable_rate(data_dir: Path, broker: Broker, messages: int) -> float:
    """Committed as the keeper does it, sent, acknowledged, deleted."""
    sender = _sender(data_dir, broker)
    store = EventStore(data_dir)
    sender.start()
    if not sender.wait_drained(END_S):
        raise EdgeError("bench: the broker cannot be reached")
    payload = os.urandom(PAYLOAD_BYTES)
    begin_s = time.monotonic()
    for first in range(0, messages, BATCH):
        batch = tuple(Message("events", payload, 2) for _ in range(min(BATCH, messages - first)))
        store.commit([Record((), batch)])
        sender.wake()
    if not sender.wait_drained(END_S):
        raise EdgeError(f"bench: not everything was acknowledged in {END_S:.0f} s")
    sender.stop()  # deletes what the window held back
    took_s = time.monotonic() - begin_s
    store.close()
    return messages / took_s


def _latencies_ms(data_dir: Path, broker: Broker) -> list[float]:
    """From before the commit to the subscriber, one event at a time at an even pace."""
    count, latencies_ms, all_there = int(PER_S * LATENCY_S), list[float](), threading.Event()

    def receive(message: Received) -> None:
        given_s = msgspec.json.decode(message.payload, type=_Timed).given_s
        latencies_ms.append((time.monotonic() - given_s) * 1000)
        if len(latencies_ms) == count:
            all_there.set()

    sender, filling = _sender(data_dir, broker), "x" * (PAYLOAD_BYTES - 50)
    store = EventStore(data_dir)
    sender.start()
    sender.wait_drained(END_S)
    with Subscriber(broker.host, broker.port, [f"edge/{DEVICE}/events"], receive):
        begin_s = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, begin_s + number / PER_S - time.monotonic()))
            payload = msgspec.json.encode(_Timed(time.monotonic(), filling))
            store.commit([Record((), (Message("events", payload, 2),))])
            sender.wake()
        all_there.wait(END_S)
    sender.stop()
    store.close()
    return latencies_ms


def _memory(data_dir: Path, broker: Broker, waiting: int) -> tuple[float, int]:
    """How far the resident memory grows above what it was before the sender, while so many wait; and how many were sent meanwhile."""
    store = EventStore(data_dir)
    for first in range(0, waiting, 1000):
        batch = tuple(Message("events", os.urandom(PAYLOAD_BYTES), 2) for _ in range(min(1000, waiting - first)))
        store.commit([Record((), batch)])
    store.close()
    sender = _sender(data_dir, broker)
    before_mb = most_mb = resident_mb()
    sender.start()
    end_s = time.monotonic() + DRAIN_S
    while time.monotonic() < end_s and sender.sent < waiting:
        time.sleep(0.05)
        most_mb = max(most_mb, resident_mb())
    sender.stop()
    return most_mb - before_mb, sender.sent


def _sender(data_dir: Path, broker: Broker) -> Sender:
    failures: list[BaseException] = []
    return Sender(data_dir, config.Mqtt(host=broker.host, port=broker.port), DEVICE, failures.append)
