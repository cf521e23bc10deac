"""What travels inside a model file: labels and licence, in a zip that is appended to it.

TFLite's own metadata tools append label files; Ultralytics' exporter appends a description with class names and licence.
"""

import ast
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

MOST_BYTES = 4_000_000
"""Larger members are not labels."""
DESCRIPTIONS = ("metadata.json", "temp_meta.txt", "TFLITE_ULTRALYTICS_METADATA.json")


class Appended(NamedTuple):
    labels: tuple[str, ...] = ()
    licence: str = ""


def read_appended(path: Path) -> Appended:
    """Labels and licence, as far as the file carries them; what is damaged counts as not there."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.file_size <= MOST_BYTES]
            described = [_read_description(archive.read(info)) for info in members if info.filename in DESCRIPTIONS]
            lists = [
                archive.read(info)
                for info in members
                if info.filename.endswith(".txt") and info.filename not in DESCRIPTIONS
            ]
    except (zipfile.BadZipFile, OSError, RuntimeError):  # encrypted or oddly packed members raise the last
        return Appended()
    labels = next((found.labels for found in described if found.labels), ())
    licence = next((found.licence for found in described if found.licence), "")
    return Appended(labels or _longest_list(lists), licence)


def parse_label_lines(text: str) -> tuple[str, ...]:
    """One label a line; lines that all begin with a number count from it, in either order."""
    lines = text.rstrip().splitlines()
    pairs = [line.strip().partition(" ") for line in lines if line.strip()]
    if pairs and all(number.isdigit() and label.strip() for number, _, label in pairs):
        numbered = {int(number): label.strip() for number, _, label in pairs}
        return tuple(numbered.get(number, "") for number in range(max(numbered) + 1))
    return tuple(line.strip() for line in lines)


def _longest_list(contents: list[bytes]) -> tuple[str, ...]:
    lists = []
    for content in contents:
        try:
            lists.append(parse_label_lines(content.decode("utf-8")))
        except UnicodeDecodeError:
            continue
    return max(lists, key=len, default=())


def _read_description(content: bytes) -> Appended:
    text = content.decode("utf-8", "replace")
    described = _as_json(text) or _as_literal(text)
    if not isinstance(described, dict):
        return Appended()
    licence = described.get("license", "")
    return Appended(_names(described.get("names")), licence if isinstance(licence, str) else "")


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _as_literal(text: str) -> Any:
    """Older exporters wrote a Python dictionary; only literals are read, nothing is run."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _names(names: Any) -> tuple[str, ...]:
    """Class names, as a list or by number."""
    if isinstance(names, list):
        return tuple(map(str, names))
    if not isinstance(names, dict) or not all(str(number).isdigit() for number in names):
        return ()
    numbered = {int(number): str(name) for number, name in names.items()}
    return tuple(numbered.get(number, "") for number in range(max(numbered, default=-1) + 1))
