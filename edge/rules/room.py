"""Applies the rules to what has been committed, in a thread of its own."""

import logging
import queue
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from edge.actions.port import Answer, Request
from edge.clock import Clock, Instant
from edge.events.message import message_of
from edge.events.port import Kind
from edge.health import Health
from edge.rules.rule import Trigger
from edge.rules.webhook import Call, WebhookError, Webhooks
from edge.store.port import Event, Message, Record

log = logging.getLogger(__name__)

QUEUE = 256
"""Events that wait for the rules; beyond it they are let go, and counted."""
TOPIC = "rules"


@dataclass(frozen=True, slots=True)
class Doing:
    """An action and its arguments; those that are `$camera` or `$event` are the event's."""

    action: str
    arguments: Mapping[str, object]

    def of(self, event: Event) -> bytes:
        own = {"$camera": event.camera, "$event": event.id}
        return msgspec.json.encode({key: own.get(str(value), value) for key, value in self.arguments.items()})


@dataclass(frozen=True, slots=True)
class Rule:
    """`publish`: topic below `rules/`, empty: none. `webhook`: URL, empty: none, with `trust` as in `Call`."""

    name: str
    trigger: Trigger
    do: tuple[Doing, ...] = ()
    publish: str = ""
    webhook: str = ""
    timeout_s: float = 5.0
    tries: int = 4
    trust: ssl.SSLContext | None = None


class RuleRoom:
    """Args:
        ask: hands a request to the performer; never waits.
        publish: hands a message to the outbox; may wait.
        armed: whether a camera is armed at a time.
        failed: called with whatever unforeseen thing a thread died of.

    Thread: `committed` the keeper's; the rest the owner.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        device: str,
        ask: Callable[[Request, Callable[[Answer], None]], None],
        publish: Callable[[Message], None],
        armed: Callable[[str, Instant], bool],
        clock: Clock,
        health: Health,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._rules = rules
        self._device = device
        self._ask = ask
        self._publish = publish
        self._armed = armed
        self._clock = clock
        self._health = health
        self._failed = failed
        self._queue: queue.Queue[Event | None] = queue.Queue(QUEUE)
        self._webhooks = Webhooks(self._told, failed)
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
        self._failing: frozenset[str] = frozenset()
        self.missed = 0
        """Events that no rule was asked about, because too many came at once."""

    def committed(self, records: Sequence[Record]) -> None:
        """A listener of the keeper: never waits."""
        for event in (event for record in records for event in record.events):
            try:
                self._queue.put_nowait(event)
            except queue.Full:
                self.missed += 1
                if self.missed == 1:
                    log.warning("rules cannot follow: events are let go")

    def start(self) -> None:
        self._webhooks.start()
        self._thread.start()

    def stop(self) -> None:
        """Apply the rules to what waits, then end."""
        self._queue.put(None)
        self._thread.join()
        self._webhooks.stop()

    def _run(self) -> None:
        try:
            while (event := self._queue.get()) is not None:
                self._apply(event)
        except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
            self._failed(error)

    def _apply(self, event: Event) -> None:
        now = self._clock.now()
        armed = self._armed(event.camera, now)
        for rule in self._rules:
            if rule.trigger.fires(event, armed=armed, now=now):
                log.info("rule rule=%s event=%s label=%s", rule.name, event.id, event.label)
                self._act(rule, event)

    def _act(self, rule: Rule, event: Event) -> None:
        body = message_of(_kind(event), event, self._device).payload
        for index, doing in enumerate(rule.do):
            # The same rule asks for the same thing once an event, whatever happens in between.
            id_ = f"rule/{rule.name}/{event.id}/{index}"
            arguments = doing.of(event)
            request = Request(id=id_, action=doing.action, arguments=arguments, origin="rule", granted="operate")
            self._ask(request, self._answered)
        if rule.publish:
            self._publish(Message(f"{TOPIC}/{rule.publish}", body))
        if rule.webhook:
            self._webhooks.call(Call(rule.name, rule.webhook, body, rule.timeout_s, rule.tries, rule.trust))

    def _answered(self, answer: Answer) -> None:
        if not answer.ok:
            log.warning("rule refused action=%s error=%s", answer.action, answer.error)

    def _told(self, rule: str, error: WebhookError | None) -> None:
        self._health.report("rule", rule, "degraded" if error else "running", str(error or ""))
        if error is not None and rule not in self._failing:
            log.warning("webhook failed rule=%s error=%s", rule, error)
        self._failing = self._failing | {rule} if error is not None else self._failing - {rule}


def _kind(event: Event) -> Kind:
    return "ended" if event.end_reason is not None else "started" if event.revision == 1 else "updated"
