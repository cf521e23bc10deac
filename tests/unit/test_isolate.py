"""Isolates: however a child goes wrong, it goes alone, completely, and in time."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.channel import MAX_MESSAGE_BYTES, MessageTooLargeError
from edge.errors import IsolateError, RefusedError
from edge.isolate import LAST_WORDS_BYTES, Isolate
from tests.isolate_workers import Ask, Said
from tests.support import ROOT, environment, until

START_S = 20.0
WORKER = "tests.isolate_workers:serve"


@pytest.fixture
def isolate() -> Iterator[Isolate]:
    isolate = Isolate(WORKER, name="test")
    isolate.request(Ask("echo"), Said, START_S)
    yield isolate
    isolate.end()


def alive(pid: int) -> bool:
    """A zombie that nobody has reaped yet does not live."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_answers_from_a_process_of_its_own(isolate: Isolate) -> None:
    payload = os.urandom(MAX_MESSAGE_BYTES // 2)
    assert isolate.request(Ask("echo", payload), Said, 5) == Said(isolate.pid, payload)
    assert isolate.pid != os.getpid()
    assert os.getpgid(isolate.pid) == isolate.pid


def test_a_refusal_is_an_answer_and_the_child_lives(isolate: Isolate) -> None:
    with pytest.raises(RefusedError, match=r"no such book \(ask for another\)"):
        isolate.request(Ask("refuse"), Said, 5)
    assert isolate.request(Ask("echo"), Said, 5).number == isolate.pid


@pytest.mark.parametrize(
    ("what", "how"),
    [
        ("abort", "ended: killed by SIGABRT"),
        ("segfault", "ended: killed by SIGSEGV"),
        ("exit", "ended: exit code 3"),
        ("say then fail", "ended: exit code 1; its last words: .*ValueError: smoke"),
        ("garbage", "sent what is no answer to Ask"),
        ("other kind", "sent what is no answer to Ask: Invalid value 'Ask'"),
        ("huge", "sent what is no answer to Ask: a message of 4294967295 bytes was announced"),
        ("hang", "no answer to Ask within 0.5 s"),
    ],
)
def test_after_any_failure_the_child_is_gone(isolate: Isolate, what: str, how: str) -> None:
    child = isolate.request(Ask("start child"), Said, 5).number
    begin_s = time.monotonic()
    with pytest.raises(IsolateError, match=how):
        isolate.request(Ask(what), Said, 0.5)
    assert time.monotonic() - begin_s < 1.5
    assert not alive(isolate.pid)
    until(lambda: not alive(child), 2, "the end of the child's child")
    with pytest.raises(IsolateError, match="has ended"):
        isolate.request(Ask("echo"), Said, 5)


def test_others_go_on_when_one_goes_wrong(isolate: Isolate) -> None:
    other = Isolate(WORKER, name="other")
    with pytest.raises(IsolateError, match="isolate other: sent what is no answer"):
        other.request(Ask("garbage"), Said, START_S)
    assert isolate.request(Ask("echo"), Said, 5).number == isolate.pid


def test_the_last_words_are_kept_up_to_a_bound(isolate: Isolate) -> None:
    with pytest.raises(IsolateError, match="raise ValueError"):
        isolate.request(Ask("say then fail"), Said, 5)
    assert "the disk is on fire" in isolate.last_words
    assert len(isolate.last_words) <= LAST_WORDS_BYTES


def test_a_message_that_is_too_large_is_not_sent(isolate: Isolate) -> None:
    with pytest.raises(MessageTooLargeError, match=f"more than {MAX_MESSAGE_BYTES}"):
        isolate.request(Ask("echo", bytes(MAX_MESSAGE_BYTES)), Said, 5)
    assert isolate.request(Ask("echo"), Said, 5).number == isolate.pid


def test_end_frees_a_request_that_waits(isolate: Isolate) -> None:
    timer = threading.Timer(0.2, isolate.end)
    timer.start()
    begin_s = time.monotonic()
    with pytest.raises(IsolateError, match="ended"):
        isolate.request(Ask("hang"), Said, 30)
    assert time.monotonic() - begin_s < 2
    timer.join()


def test_the_two_share_memory() -> None:
    shared = os.memfd_create("test")
    isolate = Isolate(WORKER, name="test", descriptors=[shared])
    try:
        isolate.request(Ask("write shared", b"pixels"), Said, START_S)
        assert os.pread(shared, 6, 0) == b"pixels"
    finally:
        isolate.end()
        os.close(shared)


def test_a_worker_that_does_not_exist_says_so() -> None:
    with pytest.raises(IsolateError, match=r"No module named 'tests\.nowhere'"):
        Isolate("tests.nowhere:serve", name="test").request(Ask("echo"), Said, START_S)


def test_no_descriptor_is_left_behind() -> None:
    def descriptors() -> set[str]:
        return {entry.name for entry in Path("/proc/self/fd").iterdir()}

    before = len(descriptors())
    for _ in range(2):
        isolate = Isolate(WORKER, name="test")
        isolate.end()
    assert len(descriptors()) == before


def test_a_killed_parent_takes_everything_with_it() -> None:
    """Also a child that hangs in native code and holds the interpreter's lock."""
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.isolate_workers"], stdout=subprocess.PIPE, cwd=ROOT, env=environment()
    )
    try:
        assert parent.stdout is not None
        child, grandchild = map(int, parent.stdout.readline().split())
        assert alive(child)
        assert alive(grandchild)
    finally:
        parent.kill()
        parent.communicate()
    until(lambda: not alive(child) and not alive(grandchild), 2, "the end of the child and of its child")


def test_the_thread_that_started_it_may_end() -> None:
    started: list[Isolate] = []
    thread = threading.Thread(target=lambda: started.append(Isolate(WORKER, name="test")))
    thread.start()
    thread.join()
    try:
        assert started[0].request(Ask("echo"), Said, START_S).number == started[0].pid
    finally:
        started[0].end()
