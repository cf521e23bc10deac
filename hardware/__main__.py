"""`scripts/hardware`: everything that is made from the sources in this folder."""

import argparse
import subprocess
import sys
from pathlib import Path

from hardware import enclosure, pinout, power, wiring

ROOT = pinout.FOLDER.parent
CONFIGURATION = pinout.FOLDER / "edge.toml"
PICTURES = ROOT / "docs" / "pictures"
ASSEMBLY = ROOT / "docs" / "assembly.md"
BEGIN, END = "<!-- pins -->\n", "<!-- /pins -->\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/hardware", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("all", help="configuration, wiring diagram and pin table from pinout.toml")
    asked = verbs.add_parser("power", help="what a build draws, and how long a battery lasts")
    asked.add_argument("build", choices=sorted(power.load()))
    asked.add_argument("--battery-wh", type=float)
    printed = verbs.add_parser("enclosure", help="STL files of the enclosure, for a printer (needs OpenSCAD)")
    printed.add_argument("--into", type=Path, default=ROOT / "var" / "enclosure", help="folder (default: %(default)s)")
    verbs.add_parser("pictures", help="the enclosure's pictures in docs (needs OpenSCAD and xvfb-run)")
    options = parser.parse_args(arguments)
    if options.verb == "power":
        sys.stdout.write(power.report(power.load()[options.build], options.battery_wh))
        return 0
    if options.verb == "enclosure":
        return run(enclosure.parts(options.into))
    return run(enclosure.pictures(PICTURES)) if options.verb == "pictures" else write_all()


def run(commands: dict[Path, list[str]]) -> int:
    """Make each file by its command."""
    for path, command in commands.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(command, check=True)
        except FileNotFoundError as error:
            sys.stderr.write(f"{error.filename} is missing: sudo apt-get install openscad xvfb xauth\n")
            return 1
        except subprocess.CalledProcessError:
            return 1
        sys.stdout.write(f"{path}\n")
    return 0


def write_all() -> int:
    functions = pinout.load()
    if wrong := pinout.flaws(functions):
        sys.stderr.write("".join(f"pinout.toml: {flaw}\n" for flaw in wrong))
        return 1
    for path, text in made(functions).items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


def made(functions: list[pinout.Function]) -> dict[Path, str]:
    """Each file that comes from the pin map, and what must stand in it."""
    guide = ASSEMBLY.read_text(encoding="utf-8")
    before, _, rest = guide.partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        CONFIGURATION: pinout.configuration(functions),
        **{PICTURES / f"wiring-{build}.svg": _wiring(functions, build) for build in pinout.BUILDS},
        ASSEMBLY: before + BEGIN + pinout.table(functions) + END + after,
    }


def _wiring(functions: list[pinout.Function], build: pinout.Build) -> str:
    return wiring.diagram([each for each in functions if build in each.builds], build)


if __name__ == "__main__":
    sys.exit(main())
