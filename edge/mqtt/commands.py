"""What is asked for over MQTT: checked, passed to the performer, answered.

`command/<action>` with a JSON object of arguments, and `switch/<name>/set` with ON or OFF. Whoever may publish there may do what the
configuration grants to MQTT.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec

from edge.actions.performer import ARGUMENT_BYTES, ID_CHARS, Performer
from edge.actions.port import Answer, Permission, Request
from edge.clock import Clock, iso_utc
from edge.errors import RefusedError
from edge.mqtt.port import Incoming, Options
from edge.mqtt.switches import Switch

log = logging.getLogger(__name__)

ORIGIN = "mqtt"
COMMANDS, SWITCHES, RESULT = "command", "switch", "result"
PAYLOAD_BYTES = ARGUMENT_BYTES + 1024
TOPIC_CHARS = 256
SHOWN_CHARS = 64

Reply = Callable[[str, bytes, Options | None], None]


class Commands:
    """Hands what comes in to the performer.

    Args:
        root: the device's own topic.
        reply: publishes an answer: topic in full, payload, options. Must not block.
        new_id: for a request without an id of its own.

    Thread: `handle` one; `reply` is called there and in the performer's.
    """

    def __init__(
        self,
        performer: Performer,
        granted: Permission,
        switches: Sequence[Switch],
        root: str,
        reply: Reply,
        new_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._performer = performer
        self._granted = granted
        self._switches: Mapping[str, Switch] = {switch.name: switch for switch in switches}
        self._root = root
        self._reply = reply
        self._new_id = new_id
        self._clock = clock

    @property
    def filters(self) -> tuple[str, str]:
        """What to subscribe to."""
        return f"{self._root}/{COMMANDS}/+", f"{self._root}/{SWITCHES}/+/set"

    def handle(self, message: Incoming) -> None:
        """Answer, now or later, exactly once. Does not block, does not raise."""
        below = message.topic.removeprefix(f"{self._root}/").split("/")
        topic, options = self._way_back(message)

        def answered(answer: Answer) -> None:
            self._reply(topic, msgspec.json.encode(answer), options)

        try:
            request = self._request(below, message)
        except RefusedError as error:
            log.info("command refused topic=%.100s error=%s", message.topic, error)
            answered(self._refusal(below[1], error))
            return
        self._performer.ask(request, answered)

    def _request(self, below: list[str], message: Incoming) -> Request:
        if message.retained:
            hint = "publish it without the retain flag, and an empty retained message to remove this one"
            raise RefusedError("a retained message is no command", hint=hint)
        if len(message.payload) > PAYLOAD_BYTES:
            raise RefusedError("the message is too long", hint=f"at most {PAYLOAD_BYTES} bytes")
        if below[0] == SWITCHES:
            action, arguments = self._switched(below[1], message.payload)
            return self._asked(self._new_id(), action, arguments)
        # Removing a retained command arrives as an empty message: it must not do what the command says.
        if not message.payload.strip():
            raise RefusedError("an empty message asks for nothing", hint="send {} or the arguments as a JSON object")
        id_, arguments = _opened(message.payload)
        return self._asked(id_ or self._new_id(), below[1], arguments)

    def _asked(self, id_: str, action: str, arguments: bytes) -> Request:
        return Request(id=id_, action=action, arguments=arguments, origin=ORIGIN, granted=self._granted)

    def _switched(self, name: str, payload: bytes) -> tuple[str, bytes]:
        switch = self._switches.get(name)
        if switch is None:
            known = ", ".join(self._switches) or "there are none"
            raise RefusedError(f"there is no switch {name[:SHOWN_CHARS]!r}", hint=known)
        asked = switch.asked(payload)
        if asked is None:
            raise RefusedError(f"switch {name}: {payload[:20]!r} is no state", hint="send ON or OFF")
        return asked

    def _way_back(self, message: Incoming) -> tuple[str, Options | None]:
        """Where the answer goes: where the asker wants it, if that is a topic which is not one of the device's own."""
        wanted = message.response_topic
        options = Options(correlation_data=message.correlation_data) if message.correlation_data is not None else None
        result = f"{self._root}/{RESULT}"
        if not _is_topic(wanted) or (
            f"{wanted}/".startswith(f"{self._root}/") and not f"{wanted}/".startswith(f"{result}/")
        ):
            return result, options
        return wanted, options

    def _refusal(self, action: str, error: RefusedError) -> Answer:
        return Answer(
            request_id="",
            action=action[:SHOWN_CHARS],
            ok=False,
            error=str(error.args[0]),
            hint=error.hint or None,
            at=iso_utc(self._clock.now().wall_s),
        )


def _opened(payload: bytes) -> tuple[str, bytes]:
    """Request id, empty if there is none, and the other keys."""
    try:
        keys = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
        id_ = msgspec.json.decode(keys.pop("request_id", b'""'), type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        hint = "send a JSON object with the arguments, and request_id as text"
        raise RefusedError(f"the message is no request: {error}", hint=hint) from error
    if len(id_) > ID_CHARS:
        raise RefusedError("request_id is too long", hint=f"at most {ID_CHARS} characters")
    return id_, msgspec.json.encode(keys)


def _is_topic(text: str) -> bool:
    return bool(text) and len(text) <= TOPIC_CHARS and not text.startswith("$") and not set("+#\x00") & set(text)
