"""Prints each event as it arrives, as a person would like to read it."""

import sys
import threading
from collections import Counter
from datetime import datetime

import msgspec

from edge.events.message import EventMessage
from edge.mqtt.subscriber import Received
from edge.store.port import title_of

BOLD, DIM, GREEN, RESET = "\033[1m", "\033[2m", "\033[32m", "\033[0m"


class Printer:
    """Thread: `on_message` from the subscriber, the rest from any."""

    def __init__(self, *, colour: bool | None = None) -> None:
        self._colour = sys.stdout.isatty() if colour is None else colour
        self._changed = threading.Condition()
        self.received: set[tuple[str, int]] = set()
        """Messages by id and revision, each counted once."""
        self.duplicates = 0
        self.labels: Counter[str] = Counter()

    def on_message(self, message: Received) -> None:
        try:
            event = msgspec.json.decode(message.payload, type=EventMessage)
        except msgspec.DecodeError as error:
            print(f"not an event: {message.topic}: {error}", file=sys.stderr)
            return
        with self._changed:
            if (event.id, event.revision) in self.received:
                self.duplicates += 1
            elif event.type == "started":
                self.labels[event.label] += 1
            self.received.add((event.id, event.revision))
            self._changed.notify_all()
        if line := self._line(event):
            print(line, flush=True)

    def wait_for(self, count: int, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.received) >= count, timeout_s)

    def _line(self, event: EventMessage) -> str:
        time = (
            datetime.fromisoformat(event.started_at if event.type == "started" else event.seen_at)
            .astimezone()
            .strftime("%H:%M:%S")
        )
        head = f"{self._style(DIM, time)}  {event.camera:<10}"
        label = self._style(BOLD, f"{title_of(event.label, event.sub_label):<12}")
        picture = self._style(DIM, event.picture.path if event.picture else "no picture")
        if event.end_reason == "still":
            name = (event.source or "").rpartition("/")[2]
            return f"{head} {self._style(GREEN, '◆')} {label} {event.score:4.0%}  in {name}  {picture}"
        if event.type == "started":
            return (
                f"{head} {self._style(GREEN, '▶')} {label} {event.score:4.0%}  {_where(event.box)}"
                if not event.source
                else ""
            )
        if event.type == "updated":
            return f"{head} {self._style(GREEN, '▷')} {label} {event.score:4.0%}  updated"
        lasted = datetime.fromisoformat(event.seen_at) - datetime.fromisoformat(event.started_at)
        return f"{head} ■ {label} {event.score:4.0%}  {_ENDED[event.end_reason or 'left']} after {lasted.total_seconds():.1f} s  {picture}"

    def _style(self, style: str, text: str) -> str:
        return f"{style}{text}{RESET}" if self._colour else text


_ENDED = {
    "left": "gone",
    "camera": "video ended",
    "stopped": "stopped",
    "interrupted": "interrupted",
}


def _where(box: tuple[float, float, float, float]) -> str:
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    column = "left" if across < 1 / 3 else "right" if across > 2 / 3 else "centre"
    row = "top " if down < 1 / 3 else "bottom " if down > 2 / 3 else ""
    return f"appeared {row}{column}"
