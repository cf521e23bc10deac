"""Commands that make the enclosure's STL files and pictures with OpenSCAD. What goes into the lid comes from the pin map."""

from pathlib import Path

from hardware.pinout import BUILDS, FOLDER, Build, Function, load

SOURCE = FOLDER / "enclosure.scad"
BOARDS: dict[Build, tuple[str, bool]] = {"wildlife": ("zero", True), "house": ("pi", False), "shop": ("pi", False)}
"""Which board sits in it, and whether it is sealed."""
PARTS = ("base", "lid")
VIEW = ("--imgsize=1400,760", "--colorscheme=Tomorrow")
CAMERAS = {"pi": "--camera=70,-10,40,52,0,26,490", "zero": "--camera=68,-10,40,52,0,26,465"}


def parts(folder: Path, **values: str) -> dict[Path, list[str]]:
    """Which command makes which file.

    Args:
        values: further variables of the source, as OpenSCAD writes them.
    """
    functions = load()
    return {
        (path := folder / f"{build}-{part}.stl"): _command(
            path, {**variables(build, functions), "part": f'"{part}"', **values}
        )
        for build in BUILDS
        for part in PARTS
    }


def pictures(folder: Path) -> dict[Path, list[str]]:
    """OpenSCAD draws through OpenGL and needs a screen: a virtual one."""
    functions = load()
    return {
        (path := folder / f"enclosure-{build}.png"): [
            "xvfb-run",
            "-a",
            *_command(path, {**variables(build, functions), "part": '"both"'}, (*VIEW, CAMERAS[BOARDS[build][0]])),
        ]
        for build in BUILDS
    }


def variables(build: Build, functions: list[Function]) -> dict[str, str]:
    """The holes that this build needs, as OpenSCAD writes them."""
    board, sealed = BOARDS[build]
    wired = [each for each in functions if build in each.builds]
    return {
        "board": f'"{board}"',
        "sealed": _truth(sealed),
        "buttons": str(sum(each.part.startswith("push-button") for each in wired)),
        "lights": str(sum("LED" in each.part for each in wired)),
        "pir": _truth(any(each.part.startswith("AM312") for each in wired)),
    }


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _command(target: Path, values: dict[str, str], options: tuple[str, ...] = ()) -> list[str]:
    variables = [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
    return ["openscad", "-q", *variables, *options, "-o", str(target), str(SOURCE)]
