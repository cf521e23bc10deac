"""`edge first-boot` whose power goes at its n-th step: `python first_boot_cut.py N ARGUMENTS…`.

A step is whatever changes a file's name or syncs it. Exit code 9: the power went · 0: there were fewer steps.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from edge.cli import main

left = int(sys.argv[1])


def cut_before(real: Callable[..., Any]) -> Callable[..., Any]:
    def step(*arguments: Any, **more: Any) -> Any:
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(*arguments, **more)

    return step


for name in ("replace", "rename", "unlink", "remove", "rmdir", "fsync", "mkdir", "symlink", "chmod", "chown"):
    setattr(os, name, cut_before(getattr(os, name)))
subprocess.run = cut_before(subprocess.run)
sys.exit(main(["first-boot", *sys.argv[2:]]))
