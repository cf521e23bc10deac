"""Requests: checked, done once, answered once."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.actions.performer import QUEUE, Allowance, Performer
from edge.actions.port import Action, Answer, Arguments, Permission, Request
from edge.errors import CameraError, RefusedError
from edge.store.requests import KEPT, RequestStore
from edge.testing.clock import SimulatedClock


class Number(Arguments, frozen=True, kw_only=True):
    number: int


class Bell:
    """Counts how often it was rung; can be held and broken."""

    def __init__(self) -> None:
        self.rung = 0
        self.free = threading.Event()
        self.free.set()

    def ring(self, _: Arguments) -> int:
        assert self.free.wait(10)
        self.rung += 1
        return self.rung

    def actions(self) -> list[Action]:
        def broken(_: Arguments) -> None:
            raise CameraError("camera door: gone", hint="plug it in")

        return [
            Action("ring", "Ring", "operate", self.ring),
            Action("look", "Look", "view", lambda _: self.rung, changes=False),
            Action("double", "Double", "operate", lambda asked: asked.number * 2, Number),
            Action("broken", "Broken", "operate", broken),
            Action("wrong", "Wrong", "operate", lambda _: 1 // 0),
            Action("who", "Who asks", "view", lambda _, origin: origin, changes=False, by_origin=True),
            Action("reboot", "Reboot", "admin", self.ring),
        ]


Ask = Callable[..., Answer]


class Desk:
    def __init__(self, folder: Path, bell: Bell, **limits: float) -> None:
        self.dead: list[BaseException] = []
        self.performer = Performer(bell.actions(), folder, SimulatedClock(), self.dead.append, **limits)
        self.performer.start()

    def ask(self, action: str, arguments: bytes = b"", id_: str = "1", granted: Permission = "operate") -> Answer:
        answers = self.ask_later(action, arguments, id_, granted)
        assert answers.ready.wait(10), self.dead
        assert len(answers.got) == 1
        return answers.got[0]

    def ask_later(self, action: str, arguments: bytes, id_: str, granted: Permission) -> "Answers":
        answers = Answers()
        request = Request(id=id_, action=action, arguments=arguments, origin="test", granted=granted)
        self.performer.ask(request, answers)
        return answers


class Answers:
    def __init__(self) -> None:
        self.got: list[Answer] = []
        self.ready = threading.Event()

    def __call__(self, answer: Answer) -> None:
        self.got.append(answer)
        self.ready.set()


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def desk(tmp_path: Path, bell: Bell) -> Iterator[Desk]:
    desk = Desk(tmp_path, bell)
    yield desk
    desk.performer.stop()
    assert desk.dead == []


def test_a_request_is_done_and_answered(desk: Desk) -> None:
    answer = desk.ask("double", b'{"number": 21}', "7f")
    assert (answer.ok, answer.result, answer.request_id, answer.action) == (True, 42, "7f", "double")


def test_the_same_request_again_is_answered_alike_and_not_done_again(desk: Desk, bell: Bell) -> None:
    first = desk.ask("ring", id_="a")
    assert desk.ask("ring", id_="a") == first
    assert bell.rung == 1
    assert desk.ask("ring", id_="b").result == 2


def test_the_same_request_again_after_a_restart(tmp_path: Path, bell: Bell) -> None:
    before = Desk(tmp_path, bell)
    first = before.ask("ring", id_="a")
    before.performer.stop()
    after = Desk(tmp_path, bell)
    assert after.ask("ring", id_="a") == first
    after.performer.stop()
    assert bell.rung == 1


def test_a_request_that_was_cut_off_is_not_done_again(tmp_path: Path, bell: Bell) -> None:
    store = RequestStore(tmp_path)
    store.begin("a", "ring", 0.0)
    store.close()
    desk = Desk(tmp_path, bell)
    answer = desk.ask("ring", id_="a")
    desk.performer.stop()
    assert not answer.ok
    assert "cut off" in str(answer.error)
    assert bell.rung == 0


def test_looking_is_done_each_time(desk: Desk) -> None:
    assert desk.ask("look", id_="a").result == 0
    desk.ask("ring", id_="b")
    assert desk.ask("look", id_="a").result == 1


@pytest.mark.parametrize(
    ("action", "arguments", "id_", "error", "hint"),
    [
        ("rin", b"", "1", "'rin' is no action", "did you mean 'ring'?"),
        ("x" * 5000, b"", "1", "is no action", "known: broken"),
        ("reboot", b"", "1", "needs the permission 'admin'", "may operate"),
        ("ring", b"", "", "id is empty", "1 to 128"),
        ("ring", b"", "x" * 129, "id is empty or too long", "1 to 128"),
        ("ring", b" " * 4097, "1", "arguments are too long", "4096"),
        ("ring", b'{"number": 1}', "1", "unknown field `number`", "takes none"),
        ("ring", b"\xff", "1", "arguments are wrong", "takes none"),
        ("double", b"", "1", "missing required field `number`", "number"),
        ("double", b'{"number": "1"}', "1", "Expected `int`, got `str`", "number"),
        ("double", b"[1]", "1", "Expected `object`, got `array`", "number"),
        ("broken", b"", "1", "camera door: gone", "plug it in"),
    ],
)
def test_what_cannot_be_done_is_answered_with_reason_and_remedy(
    desk: Desk, bell: Bell, action: str, arguments: bytes, id_: str, error: str, hint: str
) -> None:
    answer = desk.ask(action, arguments, id_)
    assert not answer.ok
    assert error in str(answer.error)
    assert hint in str(answer.hint)
    assert bell.rung == 0


def test_an_action_with_a_mistake_in_it_is_answered_and_the_next_is_done(desk: Desk) -> None:
    answer = desk.ask("wrong", id_="a")
    assert (answer.ok, answer.error, answer.hint) == (
        False,
        "wrong: ZeroDivisionError: integer division or modulo by zero",
        "the log says where",
    )
    assert desk.ask("wrong", id_="a").error == answer.error, "it is not done a second time"
    assert desk.ask("ring", id_="b").ok
    assert desk.dead == []


def test_an_action_may_hear_who_asks(desk: Desk) -> None:
    assert desk.ask("who").result == "test"


def test_at_rest_only_what_is_named_is_done(desk: Desk, bell: Bell) -> None:
    desk.performer.only(["look"], RefusedError("at rest", hint="wait"))
    assert desk.ask("look").ok
    refused = desk.ask("ring")
    assert (refused.ok, refused.error, refused.hint, bell.rung) == (False, "at rest", "wait", 0)


def test_wrong_arguments_do_not_use_up_the_id(desk: Desk) -> None:
    assert not desk.ask("double", b"{}", "a").ok
    assert desk.ask("double", b'{"number": 1}', "a").ok


def test_admins_may_do_everything(desk: Desk) -> None:
    assert desk.ask("reboot", granted="admin").ok
    assert desk.ask("look", granted="admin").ok
    assert not desk.ask("ring", granted="view", id_="2").ok


def test_too_many_that_wait_are_refused_at_once(desk: Desk, bell: Bell) -> None:
    bell.free.clear()
    asked = [desk.ask_later("ring", b"", str(number), "operate") for number in range(QUEUE + 3)]
    refused = [answers for answers in asked if answers.got]
    assert 2 <= len(refused) <= 3  # one of those that were taken may be out of the queue already
    assert all("too many requests wait" in str(answers.got[0].error) for answers in refused)
    bell.free.set()
    assert all(answers.ready.wait(10) for answers in asked)
    assert bell.rung == len(asked) - len(refused)


def test_too_many_over_one_way_are_refused(tmp_path: Path, bell: Bell) -> None:
    desk = Desk(tmp_path, bell, rate_per_s=1.0, burst=3.0)
    answers = [desk.ask("look", id_=str(number)) for number in range(5)]
    desk.performer.stop()
    assert [answer.ok for answer in answers] == [True, True, True, False, False]
    assert "too many requests over test" in str(answers[-1].error)


def test_an_allowance_fills_again() -> None:
    clock = SimulatedClock()
    allowance = Allowance(clock, rate_per_s=2.0, burst=2.0)
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    clock.advance(0.5)
    assert [allowance.take(), allowance.take()] == [True, False]
    clock.advance(100)
    assert [allowance.take() for _ in range(3)] == [True, True, False]


def test_only_the_newest_requests_are_remembered(tmp_path: Path) -> None:
    store = RequestStore(tmp_path)
    for number in range(KEPT + 5):
        store.begin(str(number), "ring", 0.0)
    assert store.find("4") == (False, None)
    assert store.find("5") == (True, None)
    store.close()


@pytest.mark.parametrize(
    "arguments", [b'{"number":"\xff\xfe"}', b'{"number":"\\ud800"}', b'{"\xff":1}', b'{"number":' + b"[" * 3000]
)
def test_what_is_no_text_at_all_is_refused(desk: Desk, arguments: bytes) -> None:
    assert not desk.ask("double", arguments).ok
    assert desk.ask("double", b'{"number": 1}', "2").ok
