"""Of a universal list of pinned packages, those that one Python on one machine needs and that the system does not have, with their hashes.

    choose_wheels.py REQUIREMENTS FROM_SYSTEM PYTHON_VERSION MACHINE

pip would judge the markers by the Python that runs it, not by the one that the packages are for.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BUILDS_ONLY = {"hatchling", "editables", "pathspec", "pluggy", "trove-classifiers", "packaging"}
"""What building the project needs, and running it does not."""


def blocks(text: str) -> Iterator[str]:
    """One requirement with its hashes, as it stands in the list."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if not line.endswith("\\"):
            yield "\n".join(lines)
            lines = []


def names(text: str) -> set[str]:
    """The first column of a table."""
    return {canonicalize_name(words[0]) for line in text.splitlines() if (words := line.partition("#")[0].split())}


def wanted(block: str, environment: dict[str, str], left_out: set[str]) -> bool:
    requirement = Requirement(block.partition("\\")[0])
    if canonicalize_name(requirement.name) in left_out:
        return False
    return requirement.marker is None or requirement.marker.evaluate(environment)


def main(requirements: str, from_system: str, python: str, machine: str) -> None:
    target = {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine}
    environment = {
        **default_environment(),
        **target,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    left_out = BUILDS_ONLY | names(Path(from_system).read_text(encoding="utf-8"))
    for block in blocks(Path(requirements).read_text(encoding="utf-8")):
        if wanted(block, environment, left_out):
            name_and_version, _, rest = block.partition(";") if ";" in block else (block, "", "")
            hashes = rest[rest.index("\\") :] if rest else ""
            print(name_and_version.rstrip() + (f" {hashes}" if hashes else ""))


if __name__ == "__main__":
    main(*sys.argv[1:])
