"""Commands that make the enclosure's STL files and pictures with OpenSCAD."""

from pathlib import Path

from hardware.pinout import FOLDER

SOURCE = FOLDER / "enclosure.scad"
VARIANTS = {"house": {"board": '"pi"', "sealed": "false"}, "wildlife": {"board": '"zero"', "sealed": "true"}}
PARTS = ("base", "lid")
VIEW = ("--imgsize=1400,700", "--colorscheme=Tomorrow", "--camera=72,-5,12,50,0,20,430")


def parts(folder: Path, **values: str) -> dict[Path, list[str]]:
    """Which command makes which file.

    Args:
        values: further variables of the source, as OpenSCAD writes them.
    """
    return {
        folder / f"{name}-{part}.stl": _command(
            folder / f"{name}-{part}.stl", {**variant, "part": f'"{part}"', **values}
        )
        for name, variant in VARIANTS.items()
        for part in PARTS
    }


def pictures(folder: Path) -> dict[Path, list[str]]:
    """OpenSCAD draws through OpenGL and needs a screen: a virtual one."""
    return {
        folder / f"enclosure-{name}.png": [
            "xvfb-run",
            "-a",
            *_command(folder / f"enclosure-{name}.png", {**variant, "part": '"both"'}, VIEW),
        ]
        for name, variant in VARIANTS.items()
    }


def _command(target: Path, values: dict[str, str], options: tuple[str, ...] = ()) -> list[str]:
    variables = [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
    return ["openscad", "-q", *variables, *options, "-o", str(target), str(SOURCE)]
