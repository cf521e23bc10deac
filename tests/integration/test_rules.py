"""Rules at work: a real web server, a real outbox behind the keeper, simulated pins."""

import http.server
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from edge import config
from edge.actions.performer import Performer
from edge.actions.port import Action, Answer, Request
from edge.buttons.build import Board
from edge.clock import SystemClock
from edge.config import Config
from edge.events.keeper import Keeper
from edge.events.message import EventMessage
from edge.events.port import Change, Outcome
from edge.geometry import WHOLE
from edge.health import Health
from edge.rules import webhook
from edge.rules.room import QUEUE, Doing, Rule, RuleRoom
from edge.rules.rule import Condition, Trigger
from edge.rules.webhook import Call, WebhookError, Webhooks
from edge.store.outbox import Outbox
from edge.store.port import Event, Record
from tests.certificates import Authority
from tests.support import until

SIREN, PIR = 25, 19


class Server:
    """Answers each POST with the next status of its list, the last one for ever."""

    def __init__(
        self, *statuses: int, location: str = "", delay_s: float = 0.0, secured: tuple[Path, Path] | None = None
    ) -> None:
        self.bodies: list[bytes] = []
        waiting = list(statuses)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(delay_s)
                self.send_response(waiting.pop(0) if len(waiting) > 1 else waiting[0])
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if secured is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*secured)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if secured is not None else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/hook?key=secret"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def started(*statuses: int, **options: Any) -> Server:
        servers.append(Server(*statuses, **options))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "FIRST_PAUSE_S", 0.01)


def outcome_of(call: Call) -> WebhookError | None:
    told: list[WebhookError | None] = []
    webhooks = Webhooks(lambda _name, error: told.append(error), lambda error: told.append(error))  # type: ignore[arg-type]
    webhooks.start()
    webhooks.call(call)
    until(lambda: told, 10, "the end of the call")
    webhooks.stop()
    return told[0]


def test_an_event_is_posted(serve: Serve) -> None:
    server = serve(200)
    assert outcome_of(Call("r", server.url, b'{"a":1}', 5, 4)) is None
    assert server.bodies == [b'{"a":1}']


def test_a_busy_server_is_asked_again(serve: Serve) -> None:
    server = serve(503, 429, 204)
    assert outcome_of(Call("r", server.url, b"{}", 5, 4)) is None
    assert len(server.bodies) == 3


def test_it_is_given_up_after_as_many_tries_as_configured(serve: Serve) -> None:
    server = serve(500)
    error = outcome_of(Call("r", server.url, b"{}", 5, 3))
    assert str(error) == "http://127.0.0.1 answered 500"
    assert len(server.bodies) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_refusal_that_waiting_does_not_mend_is_not_tried_again(serve: Serve, status: int) -> None:
    server = serve(status)
    assert str(outcome_of(Call("r", server.url, b"{}", 5, 4))) == f"http://127.0.0.1 answered {status}"
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_told_who_was_not_named(serve: Serve, status: int) -> None:
    other = serve(200)
    server = serve(status, location=other.url)
    error = outcome_of(Call("r", server.url, b"{}", 5, 4))
    assert "redirects are not followed" in str(error)
    assert (len(server.bodies), other.bodies) == (1, [])


def test_a_server_that_does_not_answer_costs_its_time_limit_only(serve: Serve) -> None:
    server = serve(200, delay_s=3.0)
    began_s = time.monotonic()
    error = outcome_of(Call("r", server.url, b"{}", 0.2, 2))
    assert "timed out" in str(error)
    assert time.monotonic() - began_s < 2.5


def test_nobody_there_is_an_error_without_the_secret() -> None:
    error = outcome_of(Call("r", "http://127.0.0.1:9/hook?key=secret", b"{}", 1, 1))
    assert "refused" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://[fd00::abcd]/hook", "fd00::abcd", 80),
        ("https://[fd00::2]/hook", "fd00::2", 443),
        ("http://[fd00::2]:8123/hook", "fd00::2", 8123),
        ("https://hooks.example/hook", "hooks.example", 443),
    ],
)
def test_the_end_of_an_address_is_no_port(url: str, host: str, port: int) -> None:
    connection = webhook._connection(urlsplit(url), Call("r", url, b"{}", 1, 1))
    assert (connection.host, connection.port) == (host, port)


def test_a_name_that_no_host_has_is_the_end_of_its_call_alone(serve: Serve) -> None:
    server = serve(200)
    told: list[WebhookError | None] = []
    dead: list[BaseException] = []
    webhooks = Webhooks(lambda _name, error: told.append(error), dead.append)
    webhooks.start()
    webhooks.call(Call("r", "http://a..b/hook?key=secret", b"{}", 1, 4))
    webhooks.call(Call("r", server.url, b"{}", 5, 1))
    until(lambda: dead or len(told) == 2, 10, "the end of both calls")
    webhooks.stop()
    assert dead == []
    assert str(told[0]) == "http://a..b: no host can be named so (check the address)"
    assert told[1] is None


def test_only_a_server_that_can_prove_its_name_is_told(serve: Serve, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = serve(200, secured=authority.issue("hooks"))
    stranger = serve(200, secured=authority.issue("other", alternative_names="subjectAltName=DNS:other.example"))
    trust = ssl.create_default_context(cafile=authority.certificate)
    assert outcome_of(Call("r", server.url, b"{}", 5, 1, trust)) is None
    unknown = outcome_of(Call("r", server.url, b"{}", 5, 4))
    misnamed = outcome_of(Call("r", stranger.url, b"{}", 5, 4, trust))
    assert "certificate" in str(unknown)
    assert "127.0.0.1" in str(misnamed)
    assert (len(server.bodies), stranger.bodies) == (1, [])


def test_calls_that_wait_for_a_slow_server_are_bounded_and_do_not_hold_up_the_end(serve: Serve) -> None:
    server = serve(200, delay_s=0.5)
    told: list[tuple[str, WebhookError | None]] = []
    webhooks = Webhooks(lambda name, error: told.append((name, error)), print)
    webhooks.start()
    for number in range(webhook.QUEUE + 20):
        webhooks.call(Call(str(number), server.url, b"{}", 5, 1))
    assert sum("given up" in str(error) for _, error in told) >= 19
    began_s = time.monotonic()
    webhooks.stop()
    assert time.monotonic() - began_s < 5


class Home:
    """A keeper with a rule room behind it."""

    def __init__(self, data_dir: Path, *rules: Rule) -> None:
        self.asked: list[Request] = []
        self.dead: list[BaseException] = []
        self.data_dir = data_dir
        self.clock = SystemClock()
        self.health = Health(self.clock)
        self.keeper = Keeper(data_dir, "porch", config.Pictures(), lambda: None, self.dead.append)

        def ask(request: Request, answered: Callable[[Answer], None]) -> None:
            self.asked.append(request)
            answered(Answer(request_id=request.id, action=request.action, ok=True, at=""))

        self.room = RuleRoom(
            rules,
            "porch",
            ask,
            self.keeper.submit_message,
            lambda _c, _a: True,
            self.clock,
            self.health,
            self.dead.append,
        )
        self.keeper.listen(self.room.committed)
        self.room.start()
        self.keeper.start()

    def see(self, id_: str, label: str = "Person", **fields: Any) -> Event:
        now = self.clock.now()
        event = Event(
            id=id_,
            camera="door",
            label=label,
            score=0.9,
            box=WHOLE,
            started=now,
            seen=now,
            boot_id=self.clock.boot_id,
            **fields,
        )
        assert self.keeper.keep(Outcome([Change("started", event, None)]), 10)
        return event

    def close(self) -> None:
        self.room.stop()
        self.keeper.stop()
        assert self.dead == []

    def published(self) -> list[tuple[str, bytes]]:
        outbox = Outbox(self.data_dir)
        try:
            return [(each.topic, each.payload) for each in outbox.waiting(0, 100)]
        finally:
            outbox.close()


def test_a_committed_event_asks_publishes_and_posts(tmp_path: Path, serve: Serve) -> None:
    server = serve(200)
    doing = (Doing("clip", {"camera": "$camera"}), Doing("keep", {"event": "$event"}))
    rule = Rule("r", Trigger(Condition(labels=frozenset({"Person"}))), doing, "alarm", server.url)
    home = Home(tmp_path, rule)
    home.see("a", "Dog")
    home.see("b")
    until(lambda: server.bodies, 10, "the webhook")
    home.close()
    assert [(each.id, each.arguments, each.granted) for each in home.asked] == [
        ("rule/r/b/0", b'{"camera":"door"}', "operate"),
        ("rule/r/b/1", b'{"event":"b"}', "operate"),
    ]
    (alarm,) = [payload for topic, payload in home.published() if topic == "rules/alarm"]
    assert alarm == server.bodies[0]
    told = msgspec.json.decode(alarm, type=EventMessage)
    assert (told.id, told.type, told.label, told.device) == ("b", "started", "Person", "porch")
    assert [(each.part, each.name, each.state) for each in home.health.conditions()] == [("rule", "r", "running")]


def test_a_webhook_that_fails_is_a_state_and_the_rest_of_the_rule_is_done(tmp_path: Path, serve: Serve) -> None:
    rule = Rule("r", Trigger(Condition()), (Doing("snapshot", {}),), "alarm", serve(404).url)
    home = Home(tmp_path, rule)
    home.see("a")
    until(home.health.conditions, 10, "the state")
    home.close()
    (condition,) = home.health.conditions()
    assert (condition.state, condition.cause) == ("degraded", "http://127.0.0.1 answered 404")
    assert len(home.asked) == 1


def test_the_keeper_never_waits_for_rules() -> None:
    clock = SystemClock()
    event = Event(
        id="x",
        camera="door",
        label="Dog",
        score=1,
        box=WHOLE,
        started=clock.now(),
        seen=clock.now(),
        boot_id=clock.boot_id,
    )
    stuck = RuleRoom(
        [], "porch", lambda _r, _a: None, lambda _m: None, lambda _c, _a: True, clock, Health(clock), print
    )
    began_s = time.monotonic()
    stuck.committed([Record((event,))] * (QUEUE + 10))
    assert time.monotonic() - began_s < 1
    assert stuck.missed == 10


def board_of(*inputs: config.Input, output: config.Output | None = None) -> tuple[Board, Health]:
    health = Health(SystemClock())
    outputs = (output,) if output else ()
    return Board(Config(gpio=config.Gpio(driver="simulated"), input=inputs, output=outputs), health), health


def pin_of(board: Board, number: int) -> Any:
    assert board.pins is not None
    return board.pins.factory.pin(number)  # type: ignore[attr-defined]


@pytest.fixture
def performer(tmp_path: Path) -> Iterator[Performer]:
    performer = Performer([], tmp_path, SystemClock(), print)
    performer.start()
    yield performer
    performer.stop()


def ask(performer: Performer, action: str, arguments: bytes) -> Answer:
    answers: list[Answer] = []
    performer.ask(
        Request(id=str(time.monotonic_ns()), action=action, arguments=arguments, origin="test", granted="operate"),
        answers.append,
    )
    until(lambda: answers, 10, "the answer")
    return answers[0]


def test_an_output_goes_off_by_itself(performer: Performer) -> None:
    board, health = board_of(output=config.Output(name="siren", pin=SIREN, max_s=5))
    outputs = board.outputs(print, lambda camera: None)
    outputs.start()
    performer.actions.update({action.name: action for action in outputs.actions()})
    assert ask(performer, "output", b'{"name":"siren","for_s":0.3}').ok
    assert pin_of(board, SIREN).state
    until(lambda: not pin_of(board, SIREN).state, 5, "the end of the time")
    assert {each.name: each.state for each in health.conditions()} == {"siren": "off"}
    assert ask(performer, "output", b'{"name":"siren"}').ok
    assert ask(performer, "output", b'{"name":"siren","on":false}').ok
    assert not pin_of(board, SIREN).state
    refused = ask(performer, "output", b'{"name":"siren","for_s":6}')
    assert (refused.error, refused.hint) == ("output siren: for_s is 6", "above 0 and at most 5")
    assert ask(performer, "output", b'{"name":"horn"}').error == "no output is named 'horn'"
    assert ask(performer, "output", b'{"name":"siren"}').ok
    outputs.stop()
    assert not pin_of(board, SIREN).state
    board.close()


def test_an_output_is_on_by_itself_in_its_time_and_what_is_switched_by_hand_holds(performer: Performer) -> None:
    now = datetime.now()
    start, end = (f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (-60, 60))
    board, _ = board_of(output=config.Output(name="lamp", pin=SIREN, between=(start, end), max_s=0.2))
    outputs = board.outputs(print, lambda camera: None)
    outputs.start()
    until(lambda: pin_of(board, SIREN).state, 5, "the light")
    outputs.switch("lamp", True)
    time.sleep(0.4)
    assert pin_of(board, SIREN).state, "max_s is no limit in this time"
    outputs.switch("lamp", False)
    outputs._plan(now, time.monotonic())
    assert not pin_of(board, SIREN).state
    outputs._plan(now + timedelta(minutes=90), time.monotonic())
    outputs._plan(now, time.monotonic())
    assert pin_of(board, SIREN).state
    outputs._plan(now + timedelta(minutes=90), time.monotonic())
    assert not pin_of(board, SIREN).state
    outputs.stop()
    board.close()


def test_an_output_is_on_by_itself_in_the_dark(performer: Performer) -> None:
    asked: list[str] = []

    def light_of(camera: str) -> float:
        asked.append(camera)
        return 0.02

    board, health = board_of(output=config.Output(name="infrared", pin=SIREN, dark=0.15, camera="yard"))
    outputs = board.outputs(print, light_of)
    outputs.start()
    until(lambda: asked, 10, "a look at the light")
    began_s = time.monotonic()
    for second in range(60):
        outputs._plan(datetime.now(), began_s + second)
    assert pin_of(board, SIREN).state
    assert set(asked) == {"yard"}
    assert {each.name: each.state for each in health.conditions()} == {"infrared": "on"}
    outputs.stop()
    assert not pin_of(board, SIREN).state
    board.close()


def test_an_output_whose_pin_is_taken_says_so(performer: Performer) -> None:
    board, health = board_of(output=config.Output(name="siren", pin=SIREN))
    assert board.pins is not None
    board.pins.input(SIREN, "low")
    outputs = board.outputs(print, lambda camera: None)
    outputs.start()
    performer.actions.update({action.name: action for action in outputs.actions()})
    assert ask(performer, "output", b'{"name":"siren"}').error == "output siren is not there"
    outputs.stop()
    board.close()
    (condition,) = health.conditions()
    assert (condition.part, condition.name, condition.state) == ("output", "siren", "absent")


def test_an_input_is_a_state_and_asks_when_it_has_settled(performer: Performer) -> None:
    done: list[str] = []
    performer.actions.update(
        {name: Action(name, "", "operate", lambda _, name=name: done.append(name)) for name in ("came", "went")}  # type: ignore[misc]
    )
    board, health = board_of(config.Input(name="pir", pin=PIR, active="high", on="came", off="went", settle_s=0.1))
    inputs = board.inputs(performer, print)
    assert inputs is not None
    inputs.start()
    assert [(each.part, each.name, each.state) for each in health.conditions()] == [("input", "pir", "off")]
    pin = pin_of(board, PIR)
    for _ in range(2000):  # far more than can wait
        pin.drive_high()
        pin.drive_low()
    time.sleep(0.4)
    assert done == []
    pin.drive_high()
    until(lambda: done == ["came"], 5, "what the sensor asks for")
    until(lambda: [each.state for each in health.conditions()] == ["on"], 5, "the state")
    pin.drive_low()
    until(lambda: done == ["came", "went"], 5, "the end")
    inputs.stop()
    board.close()
