"""Triggers become stretches of time, one clip each."""

from edge.clips.episodes import Episodes, Span
from edge.clock import Instant

SPAN = Span(pre_s=5, post_s=5, max_s=60)


def at(boot_s: float) -> Instant:
    return Instant(1000 + boot_s, boot_s)


def test_a_button_is_recorded_with_what_was_before_and_after() -> None:
    episodes = Episodes(SPAN)
    episode = episodes.want("button", at(100), "a")
    assert (episode.begin_s, episode.end_s, episode.events) == (95, 105, [])
    episodes.done(episode)
    assert episodes.current is None


def test_an_event_is_recorded_until_it_was_last_seen_and_a_little_longer() -> None:
    episodes = Episodes(SPAN)
    episodes.begun("e", at(100), "a")
    assert episodes.current is not None
    assert episodes.current.end_s == 155, "as long as it goes on, to the limit"
    episodes.ended("e", 120)
    assert episodes.current.end_s == 125


def test_what_happens_meanwhile_makes_the_clip_longer_and_is_linked() -> None:
    episodes = Episodes(SPAN)
    episodes.begun("e", at(100), "a")
    episodes.begun("f", at(110), "b")
    current = episodes.current
    assert current is not None
    episodes.ended("f", 140)
    assert current.end_s == 155, "e goes on"
    episodes.ended("e", 120)
    assert (current.id, current.events, current.end_s) == ("a", ["e", "f"], 145)
    assert episodes.want("button", at(144), "c") is current
    assert current.end_s == 149
    assert current.trigger == "track"


def test_what_begins_after_the_limit_has_a_clip_of_its_own() -> None:
    episodes = Episodes(SPAN)
    episodes.begun("e", at(100), "a")
    episodes.begun("f", at(156), "b")
    first = episodes.current
    assert first is not None
    assert (first.events, first.end_s) == (["e"], 155)
    episodes.done(first)
    assert episodes.current is not None
    assert (episodes.current.id, episodes.current.begin_s) == ("b", 151)
    episodes.ended("e", 400)
    episodes.ended("f", 170)
    assert episodes.current.end_s == 175


def test_an_end_of_what_was_never_recorded_is_nothing() -> None:
    episodes = Episodes(SPAN)
    episodes.ended("x", 5)
    assert episodes.current is None
