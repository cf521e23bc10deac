"""The child's side of the runner: rclone-python, and rclone below it, in a process group that goes as one.

rclone-python hands its command to a shell as one string. So nothing gets here but words that are checked to be plain: paths below the
remote `edge:` and below the working folder, and the flags of `FLAGS`. What a person has named stands in rclone's configuration file only.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import msgspec

from edge.channel import Channel

REMOTE, MIRROR = "edge:", "mirror:"
_PLAIN = re.compile(r"[A-Za-z0-9_./:-]*")
_FLAGS = re.compile(r"--[a-z0-9-]+( [A-Za-z0-9_./:,-]+)?")
LIST_FILE = "list.json"
_GO = {"GOGC": "30", "GOMEMLIMIT": "40MiB", "GOMAXPROCS": "2"}
"""rclone's runtime, for a device with 512 MB."""
Verb = Literal["copy", "copyto", "ls", "delete", "rmdirs", "mkdir"]


class Do(msgspec.Struct, frozen=True, tag=True):
    """One command of rclone's. `folder` is the working folder, `config` rclone's configuration file; both may have any name."""

    verb: Verb
    source: str
    target: str
    flags: tuple[str, ...]
    folder: str
    config: str


class Did(msgspec.Struct, frozen=True, tag=True):
    """`error` is empty when it is done; else rclone's own words."""

    error: str = ""


def serve(channel: Channel, descriptors: list[int]) -> None:
    """Obey until the daemon goes."""
    keep_rich_out()
    from rclone_python import rclone, utils

    while True:
        do: Do = channel.receive(Do)
        os.chdir(do.folder)
        os.environ.update(_GO, RCLONE_CONFIG=do.config)
        os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        try:
            run(do, rclone, utils)
            channel.send(Did())
        except utils.RcloneException as error:
            channel.send(Did(str(error.error_msg or error.description)[-4000:] or "it gave no reason"))
        except Exception as error:  # noqa: BLE001 - the wrapper raises plain Exception
            channel.send(Did(f"{type(error).__name__}: {error}"[-4000:]))


def keep_rich_out() -> None:
    """rclone-python loads rich for bars and a log that nobody sees here: a quarter of the memory that is this process's own."""
    bars, log = ModuleType("rich.progress"), ModuleType("rich.logging")
    vars(bars)["__getattr__"] = lambda name: object
    vars(log)["RichHandler"] = logging.NullHandler
    sys.modules |= {module.__name__: module for module in (bars, log)}


def run(do: Do, rclone: Any, utils: Any) -> None:
    """Raises:
    ValueError: a word is not plain; nothing was run.
    """
    for word in (do.source, do.target):
        if not _PLAIN.fullmatch(word) or ".." in word:
            raise ValueError(f"{word!r:.100} is no plain path")
    for flag in do.flags:
        if not _FLAGS.fullmatch(flag):
            raise ValueError(f"{flag!r:.100} is no plain flag")
    flags = list(do.flags)  # the wrapper changes what it is given
    if do.verb in ("copy", "copyto"):
        move: Callable[..., None] = getattr(rclone, do.verb)
        move(do.source, do.target, show_progress=False, args=[*flags, "--stats 1s"])
    elif do.verb == "ls":
        Path(LIST_FILE).write_text(json.dumps(rclone.ls(do.source, args=flags)), encoding="utf-8")
    else:
        utils.run_rclone_cmd(f'{do.verb} "{do.source}"', flags)
