"""What a check gets and what it finds."""

from pathlib import Path
from typing import Literal

import msgspec

from edge.config import Config
from edge.errors import EdgeError
from edge.recognition.accelerators import Accelerator, find_edgetpus

Level = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. `remedy` is an instruction, empty when all is well.

    `warn`: the appliance runs, and would run better · `fail`: it does not run as it is configured.
    """

    level: Level
    what: str
    value: str
    remedy: str = ""


class Patient(msgspec.Struct, frozen=True):
    """What is looked at. `root` holds `sys`, `dev` and `proc`."""

    config: Config
    root: Path = Path("/")

    @property
    def accelerators(self) -> list[Accelerator]:
        return find_edgetpus(self.root)

    @property
    def wants_edgetpu(self) -> bool:
        return self.config.detector.accelerator == "edgetpu"

    @property
    def uses_edgetpu(self) -> bool:
        """The appliance would try it."""
        return self.wants_edgetpu or (self.config.detector.accelerator == "auto" and bool(self.accelerators))

    @property
    def trouble(self) -> Level:
        """How bad it is when the Edge TPU does not serve: the CPU does, but one was asked for."""
        return "fail" if self.wants_edgetpu else "warn"


def from_error(level: Level, what: str, error: EdgeError | OSError) -> Finding:
    if isinstance(error, OSError):
        return Finding(level=level, what=what, value=str(error), remedy="check the card and the rights of its files")
    return Finding(level=level, what=what, value=str(error.args[0]), remedy=error.hint)
