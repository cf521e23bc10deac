"""What the page says, in the reader's language: English stands in templates and code, the others in `languages/*.toml`."""

import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français"}
"""Each in its own words."""
ENGLISH = "en"
COOKIE = "edge_language"
FOLDER = Path(__file__).parent / "languages"
Words = Callable[[str], str]


def words_in(language: str) -> Words:
    """From English to that language; what it has no words for stays English."""
    known = _catalogue(language) if language != ENGLISH else {}
    return lambda text: known.get(text, text)


def language_of(wish: str, accepted: str) -> str:
    """The wish where we have it, else the first language of an `Accept-Language` header that we have, else English."""
    for language in (wish, *_by_weight(accepted)):
        if language in LANGUAGES:
            return language
    return ENGLISH


def _by_weight(header: str) -> Sequence[str]:
    ranges = []
    for part in header[:500].split(","):
        tag, _, parameters = part.partition(";")
        try:
            weight = float(parameters.partition("q=")[2] or 1.0)
        except ValueError:
            continue
        ranges.append((-weight, tag.strip().partition("-")[0].lower()))
    return [language for _, language in sorted(ranges, key=lambda each: each[0])]


@cache
def _catalogue(language: str) -> dict[str, str]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
