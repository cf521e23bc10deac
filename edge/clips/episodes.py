"""What is to be recorded: triggers become stretches of time, one clip each. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

from edge.clock import Instant
from edge.store.port import ClipTrigger


class Span(NamedTuple):
    """How much is recorded before and after, and at the most."""

    pre_s: float
    post_s: float
    max_s: float


@dataclass(slots=True, eq=False)
class Episode:
    """One clip to be made: from `begin_s` until `end_s`, in boot time."""

    id: str
    trigger: ClipTrigger
    at: Instant
    begin_s: float
    limit_s: float
    until_s: float
    events: list[str] = field(default_factory=list)
    going_on: set[str] = field(default_factory=set)
    """Events that have not ended: while there is one, only `limit_s` ends the clip."""

    @property
    def end_s(self) -> float:
        return self.limit_s if self.going_on else min(self.limit_s, self.until_s)


class Episodes:
    """The clips of one camera, one at a time: what happens while one is being recorded makes it longer, up to its limit.

    Thread: one caller at a time.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        self._episodes: list[Episode] = []

    @property
    def current(self) -> Episode | None:
        return self._episodes[0] if self._episodes else None

    def done(self, episode: Episode) -> None:
        """Its clip is finished, or there is none."""
        self._episodes.remove(episode)

    def want(self, trigger: ClipTrigger, at: Instant, new_id: str) -> Episode:
        """Record around `at`."""
        until_s = at.boot_s + self._span.post_s
        newest = self._episodes[-1] if self._episodes else None
        if newest is not None and at.boot_s < newest.limit_s:
            newest.until_s = max(newest.until_s, until_s)
            return newest
        begin_s = at.boot_s - self._span.pre_s
        episode = Episode(new_id, trigger, at, begin_s, begin_s + self._span.max_s, until_s)
        self._episodes.append(episode)
        return episode

    def postpone(self, episode: Episode, first_s: float) -> None:
        """The camera gave nothing before `first_s`: what a person wished for begins there."""
        episode.limit_s = first_s + self._span.max_s
        episode.until_s = max(episode.until_s, first_s + self._span.post_s)

    def begun(self, event: str, at: Instant, new_id: str) -> None:
        """An event has begun: record as long as it goes on."""
        episode = self.want("track", at, new_id)
        if event not in episode.events:
            episode.events.append(event)
        episode.going_on.add(event)

    def ended(self, event: str, seen_s: float) -> None:
        for episode in self._episodes:
            if event in episode.going_on:
                episode.going_on.discard(event)
                episode.until_s = max(episode.until_s, seen_s + self._span.post_s)
