"""Does what is asked: checked, one after the other, each request once, each with one answer."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path

import msgspec

from edge.actions.port import RANKS, Action, Answer, Request
from edge.clock import Clock, iso_utc
from edge.errors import EdgeError, RefusedError, StoreError
from edge.store.requests import RequestStore

log = logging.getLogger(__name__)

QUEUE = 32
"""Requests that wait. Beyond it they are refused at once."""
RATE_PER_S, BURST = 10.0, 50.0
"""Requests from one origin, over time and at once; more are refused."""
ID_CHARS = 128
ARGUMENT_BYTES = 4096

Answered = Callable[[Answer], None]


class Allowance:
    """So many at once, and so many a second afterwards (a token bucket). Pure but for the clock."""

    def __init__(self, clock: Clock, rate_per_s: float, burst: float) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._left = burst
        self._at_s = clock.now().boot_s

    def take(self) -> bool:
        """Whether one more is allowed; counts it."""
        now_s = self._clock.now().boot_s
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate_per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Performer:
    """A thread that does requests in the order of their coming.

    A request that changes something is written down before it is done and again with its answer: a repeated one gets that answer, over
    restarts too. One that was cut off in the middle is not done a second time.

    Args:
        failed: called with whatever unforeseen thing the thread died of.
        asked: called with every request, in the asker's thread; must not block.

    Thread: `ask` any.
    """

    def __init__(
        self,
        actions: Iterable[Action],
        data_dir: Path,
        clock: Clock,
        failed: Callable[[BaseException], None],
        *,
        rate_per_s: float = RATE_PER_S,
        burst: float = BURST,
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        self.actions = {action.name: action for action in actions}
        self._data_dir = data_dir
        self._clock = clock
        self._failed = failed
        self._asked = asked
        self._rate = (rate_per_s, burst)
        self._only: tuple[frozenset[str], RefusedError] | None = None
        self._allowances: dict[str, Allowance] = {}
        self._lock = threading.Lock()
        self._queue: queue.Queue[tuple[Request, Answered] | None] = queue.Queue(QUEUE)
        self._thread = threading.Thread(target=self._run, name="actions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def only(self, names: Iterable[str], why: RefusedError) -> None:
        """Refuse all other actions from now on, those that wait too. Thread: any."""
        self._only = frozenset(names), why

    def stop(self) -> None:
        """Do what waits, then end."""
        self._queue.put(None)
        self._thread.join()

    def ask(self, request: Request, answered: Answered) -> None:
        """Ask for something; never waits.

        Args:
            answered: gets the answer, exactly once, in this thread or the performer's; must not block.
        """
        self._asked()
        try:
            self._check(request)
            self._queue.put_nowait((request, answered))
        except RefusedError as error:
            answered(self._refusal(request, error))
        except queue.Full:
            full = RefusedError("too many requests wait", hint="ask again in a moment, with the same id")
            answered(self._refusal(request, full))

    def _check(self, request: Request) -> None:
        if not self._allowed(request.origin):
            hint = f"{self._rate[0]:g} a second and {self._rate[1]:g} at once are done"
            raise RefusedError(f"too many requests over {request.origin}", hint=hint)
        action = self.actions.get(request.action)
        if action is None:
            near = get_close_matches(request.action, self.actions, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self.actions))}"
            raise RefusedError(f"{request.action[:ID_CHARS]!r} is no action", hint=hint)
        self._check_open(action.name)
        if RANKS[request.granted] < RANKS[action.permission]:
            hint = f"who asks over {request.origin} may {request.granted}; the configuration says who may what"
            raise RefusedError(f"{action.name} needs the permission {action.permission!r}", hint=hint)
        if not request.id or len(request.id) > ID_CHARS:
            raise RefusedError("the request's id is empty or too long", hint=f"1 to {ID_CHARS} characters")
        if len(request.arguments) > ARGUMENT_BYTES:
            raise RefusedError("the arguments are too long", hint=f"at most {ARGUMENT_BYTES} bytes")

    def _check_open(self, name: str) -> None:
        if self._only is not None and name not in self._only[0]:
            raise self._only[1]

    def _allowed(self, origin: str) -> bool:
        with self._lock:
            if origin not in self._allowances:
                self._allowances[origin] = Allowance(self._clock, *self._rate)
            return self._allowances[origin].take()

    def _run(self) -> None:
        try:
            store = RequestStore(self._data_dir)
            try:
                while (item := self._queue.get()) is not None:
                    request, answered = item
                    answered(self._answer(store, request))
            finally:
                store.close()
        except BaseException as error:  # noqa: BLE001 - the owner must know that nothing is done any more
            self._failed(error)

    def _answer(self, store: RequestStore, request: Request) -> Answer:
        action = self.actions[request.action]
        try:
            self._check_open(action.name)
            if not action.changes:
                return self._done(request, _result(action, check_arguments(action, request.arguments), request.origin))
            return self._once(store, action, request)
        except EdgeError as error:
            log.info("request refused action=%s origin=%s error=%s", request.action, request.origin, error)
            return self._refusal(request, error)

    def _once(self, store: RequestStore, action: Action, request: Request) -> Answer:
        known, answer = store.find(request.id)
        if answer is not None:
            return msgspec.json.decode(answer, type=Answer)
        if known:
            hint = "look what became of it, then ask with a new id"
            raise RefusedError("this request was begun and cut off: it is not done a second time", hint=hint)
        arguments = check_arguments(action, request.arguments)
        store.begin(request.id, action.name, self._clock.now().wall_s)
        try:
            done = self._done(request, _result(action, arguments, request.origin))
        except EdgeError as error:
            done = self._refusal(request, error)
        log.info("request done action=%s origin=%s ok=%s", action.name, request.origin, done.ok)
        self._remember(store, done)
        return done

    def _remember(self, store: RequestStore, answer: Answer) -> None:
        """The action is done: a card that cannot take the answer must not make it look undone."""
        try:
            store.end(answer.request_id, msgspec.json.encode(answer))
        except StoreError as error:
            log.error("answer not kept request=%s error=%s", answer.request_id, error)

    def _done(self, request: Request, result: object) -> Answer:
        return Answer(request_id=request.id, action=request.action, ok=True, result=result, at=self._now())

    def _refusal(self, request: Request, error: EdgeError) -> Answer:
        return Answer(
            request_id=request.id[:ID_CHARS],
            action=request.action[:ID_CHARS],
            ok=False,
            error=str(error.args[0]),
            hint=error.hint or None,
            at=self._now(),
        )

    def _now(self) -> str:
        return iso_utc(self._clock.now().wall_s)


def _result(action: Action, arguments: object, origin: str) -> object:
    """What the action gives. One that fails in a way nobody foresaw must not take the cameras with it."""
    try:
        return action.asked(arguments, origin)
    except EdgeError:
        raise
    except Exception as error:
        log.exception("action failed action=%s origin=%s", action.name, origin)
        raise EdgeError(f"{action.name}: {type(error).__name__}: {error}", hint="the log says where") from error


def check_arguments(action: Action, raw: bytes) -> object:
    """The arguments of a request, typed.

    Raises:
        RefusedError: they are not what the action takes.
    """
    try:
        return msgspec.json.decode(raw or b"{}", type=action.arguments)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        known = ", ".join(field.encode_name for field in msgspec.structs.fields(action.arguments))
        hint = f"a JSON object with {known}" if known else "it takes none: an empty message or {}"
        raise RefusedError(f"{action.name}: the arguments are wrong: {error}", hint=hint) from error
