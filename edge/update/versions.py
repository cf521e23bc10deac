"""Versions of the system: numbers with dots, the later one greater."""

import re

from edge.errors import UpdateError

Version = tuple[int, ...]


def parse(text: str) -> Version:
    """Raises UpdateError: it is no version."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,4}", text):
        raise UpdateError(f"{text[:40]!r} is no version", hint="numbers with dots: 1.4.0")
    numbers = [int(number) for number in text.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def is_newer(offered: str, installed: str) -> bool:
    """Raises UpdateError: one of them is no version."""
    return parse(offered) > parse(installed)
