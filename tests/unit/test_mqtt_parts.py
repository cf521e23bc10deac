"""The pure parts of the connection: pauses, filters, causes, bookkeeping, configuration."""

import errno
import socket
import ssl
import threading
from typing import Any

import pytest

from edge.config import Mqtt, parse, split_broker
from edge.errors import ConfigError
from edge.mqtt import window
from edge.mqtt.backoff import Backoff
from edge.mqtt.causes import trouble_of
from edge.mqtt.connection import Link, addresses
from edge.mqtt.inbox import MAX_PAYLOAD_BYTES, WAITING_BYTES, Inbox, matches, size_of
from edge.mqtt.port import Address, Incoming
from edge.mqtt.window import Window
from tests.support import until

PLACE = Address("broker", 1883)


def test_pauses_double_up_to_a_minute_with_chance_in_them() -> None:
    longest, shortest = Backoff(lambda: 1.0), Backoff(lambda: 0.0)
    assert [longest.next_s() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [shortest.next_s() for _ in range(3)] == [0.5, 1, 2]
    longest.reset()
    assert longest.next_s() == 1


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+/c", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("+", "", True),
    ],
)
def test_filters(topic_filter: str, topic: str, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("verify failed")
    error.verify_code, error.verify_message = code, "words of OpenSSL"
    return error


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "absent", "nothing listens there"),
        (OSError(errno.ENETUNREACH, "x"), "absent", "there is no network"),
        (OSError(errno.EIO, "strange"), "absent", "strange"),
        (socket.gaierror(-2, "x"), "absent", "name not found"),
        (TimeoutError("x"), "absent", "no answer"),
        (certificate_error(10), "failed", "has expired"),
        (certificate_error(19), "failed", "unknown authority: set ca_file"),
        (certificate_error(62), "failed", "is for another name"),
        (certificate_error(99), "failed", "words of OpenSSL"),
    ],
)
def test_causes(error: OSError, state: str, words: str) -> None:
    trouble = trouble_of(error, PLACE)
    assert trouble.state == state
    assert words in str(trouble)
    assert str(trouble).startswith("broker:1883: ")


def test_a_link_remembers_what_its_broker_speaks() -> None:
    link = Link(PLACE, "auto", 20)
    assert link.protocols() == ("5", "3.1.1")
    link.found("3.1.1")
    assert link.protocols() == ("3.1.1",)
    link.found(None)
    assert link.protocols() == ("5", "3.1.1")
    assert Link(PLACE, "3.1.1", 20).protocols() == ("3.1.1",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.local", ("a.local", 1883)), ("10.0.0.1:8883", ("10.0.0.1", 8883)), ("[::1]:99", ("::1", 99))],
)
def test_brokers(text: str, expected: tuple[str, int]) -> None:
    assert split_broker(text, 1883) == expected
    assert addresses(Mqtt(host="first", fallback=(text,)))[1] == expected


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"host": "a", "fallback": ["b:0"]}, r"mqtt\.fallback\[0\]: 'b:0' is no broker"),
        ({"host": "a", "fallback": ["mqtt://b"]}, r"mqtt\.fallback\[0\]"),
        ({"fallback": ["b"]}, r"mqtt\.fallback: does nothing without host"),
        ({"ca_file": "x"}, r"mqtt\.ca_file: does nothing without tls = true"),
        ({"tls": True, "key_file": "x"}, r"mqtt\.key_file: does nothing without cert_file"),
        ({"password_file": "x"}, r"mqtt\.password_file: does nothing without username"),
        ({"protocol": "4"}, r"mqtt\.protocol is '4'"),
        ({"path": "x"}, r"mqtt\.path is 'x'"),
    ],
)
def test_a_wrong_section_is_explained(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse({"mqtt": section}, place="test")


def test_the_inbox_refuses_what_is_too_large_and_what_is_too_much() -> None:
    let_go, seen = threading.Event(), list[bytes]()
    broken = list[BaseException]()
    inbox = Inbox(broken.append)

    def handle(message: Incoming) -> None:
        let_go.wait()
        seen.append(message.payload)

    inbox.add("a/#", handle)
    inbox.start()
    inbox.put(Incoming("a/b", b"x" * (MAX_PAYLOAD_BYTES + 1), False))
    assert inbox.refused == 1
    waiting = WAITING_BYTES // size_of(Incoming("a/b", b"0000", False))
    for number in range(waiting + 50):
        inbox.put(Incoming("a/b", b"%04d" % number, False))
        inbox.put(Incoming("other", b"", False))
    assert inbox.refused > 50
    let_go.set()
    until(lambda: len(seen) >= waiting // 2, 5, "the handling of those that were taken")
    assert seen[:3] == [b"0000", b"0001", b"0002"]
    inbox.stop()
    assert broken == []


def test_a_handler_that_raises_is_reported() -> None:
    broken = list[BaseException]()
    inbox = Inbox(broken.append)

    def handle(message: Incoming) -> None:
        raise RuntimeError(message.topic)

    inbox.add("#", handle)
    inbox.start()
    inbox.put(Incoming("a", b"", False))
    until(lambda: broken, 5, "the report")
    inbox.stop()


def filled(count: int) -> Window:
    book = Window(count)
    for seq in range(1, count + 1):
        book.position = seq
        book.sent(seq, seq)
    return book


def test_what_was_not_acknowledged_is_waiting_again_after_a_loss() -> None:
    book = filled(3)
    assert (book.room, book.is_idle) == (0, False)
    assert book.acknowledged(2, now_s=5)
    assert not book.acknowledged(2, now_s=5)
    book.closed(now_s=6)
    assert (book.position, book.room) == (0, 3)
    assert [book.is_settled(seq) for seq in (1, 2, 3)] == [False, True, False]


@pytest.mark.parametrize(("session_present", "settled"), [(True, [1, 2]), (False, [1])])
def test_a_broker_that_forgot_gets_more_again(session_present: bool, settled: list[int]) -> None:
    book = filled(3)
    lost_s = 1000.0
    book.acknowledged(1, lost_s - window.GRACE_S - 1)
    book.acknowledged(2, lost_s - window.RECENT_S - 1)
    book.acknowledged(3, lost_s - 1)
    book.closed(lost_s)
    book.opened(10, session_present=session_present)
    assert [seq for seq in (1, 2, 3) if book.is_settled(seq)] == settled
    assert book.room == 10


def test_deletions_come_in_batches() -> None:
    count = window.GRACE_MESSAGES + window.BATCH
    book = filled(count)
    for mid in range(1, count):
        book.acknowledged(mid, now_s=0)
        assert book.expired(now_s=0) == []
    book.acknowledged(count, now_s=50)
    first = book.expired(now_s=50)
    assert first == list(range(1, window.BATCH + 1))
    book.forget(first)
    assert book.expired(now_s=window.GRACE_S + window.BATCH_S) == []
    late = book.expired(now_s=window.GRACE_S + window.BATCH_S + 1)
    assert late == list(range(window.BATCH + 1, count))
    book.forget(late)
    assert book.kept() == [count]
    book.forget([count])
    assert not book.keeps_any


def test_what_cannot_be_deleted_is_neither_sent_again_nor_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "KEPT_MOST", window.GRACE_MESSAGES + window.BATCH)
    book = filled(window.KEPT_MOST)
    for mid in range(1, window.KEPT_MOST + 1):
        book.acknowledged(mid, now_s=0)
    expired = book.expired(now_s=50)
    assert expired
    assert book.expired(now_s=50) == expired
    book.closed(now_s=100)
    book.opened(10, session_present=False)
    assert all(book.is_settled(seq) for seq in expired)
    assert book.room == 0
    book.forget(expired)
    assert book.room == 10


def test_a_refused_message_is_tried_again_at_the_next_connection() -> None:
    book = filled(1)
    assert book.refuse(1)
    assert not book.is_idle
    book.closed(now_s=1)
    assert (book.is_idle, book.position, book.is_settled(1)) == (True, 0, False)
