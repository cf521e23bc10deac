"""`edge models add`: take a model file into the catalogue."""

import argparse
from pathlib import Path
from typing import Any, get_args

from edge.camera.port import Frame
from edge.cli.common import add_config_options, load_config
from edge.clock import Instant
from edge.config import Config
from edge.demo.samples import PICTURES, samples_dir
from edge.errors import ConfigError
from edge.recognition.catalogue import Family, Model

SAMPLE = "chelsea.png"


def add_parser(actions: Any) -> None:
    parser = actions.add_parser("add", help="take a model file of your own", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="a .tflite model for the CPU")
    parser.add_argument("--name", default="", help="default: that of the file")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="one a line; default: those that the model carries")
    parser.add_argument(
        "--family", choices=get_args(Family), help="how its outputs are read; default: told from their shapes"
    )
    parser.add_argument("--picture", type=Path, help="try it on this; default: the sample cat")
    parser.add_argument("--licence", default="", help="of the model; default: what the file says")
    parser.add_argument("--mean", type=float, help="of float inputs: (pixel - MEAN) / SCALE")
    parser.add_argument("--scale", type=float, help="see --mean; default: 0 and 255 for YOLO, else 127.5 and 127.5")
    parser.add_argument("--edgetpu", type=Path, metavar="FILE", help="the same model compiled for the Edge TPU")
    parser.set_defaults(handler=add_model)
    add_config_options(parser)


def add_model(options: argparse.Namespace) -> int:
    from edge.recognition.added import keep_model
    from edge.recognition.adding import UNKNOWN_LICENCE, Wishes, examine, read_label_file

    if options.scale is not None and options.scale <= 0:
        raise ConfigError(f"--scale {options.scale}: must be above 0", hint="255 for inputs of 0..1")
    config = load_config(options)
    wishes = Wishes(
        name=options.name,
        labels=read_label_file(options.labels) if options.labels else (),
        family=options.family,
        licence=options.licence,
        mean=options.mean,
        scale=options.scale,
        edgetpu=options.edgetpu,
    )
    name, model = examine(options.file, wishes)
    print_entry(name, model)
    show_trial(name, model, options.file, options.picture or _sample(config))
    files = {model.file.file: options.file}
    if model.edgetpu is not None:
        files[model.edgetpu.file] = options.edgetpu
    replaced = keep_model(name, model, files, config.models_dir)
    print(f'{name}: {"replaced" if replaced else "added"}; use it with detector.model or second_look.model = "{name}"')
    if model.file.licence == UNKNOWN_LICENCE:
        print("its licence is unknown: find out before you use it, and say it with --licence")
    return 0


def print_entry(name: str, model: Model) -> None:
    rows = {
        "model": name,
        "task": f"{model.task}, read as {model.family}"
        + (f", boxes {model.box_unit}" if "yolo" in model.family else ""),
        "labels": f"{len(model.labels)}: {', '.join(model.labels[:5])}{' …' if len(model.labels) > 5 else ''}",
        "licence": model.file.licence,
    }
    for key, value in rows.items():
        print(f"{key:8} {value}")


def show_trial(name: str, model: Model, path: Path, picture: Path | None) -> None:
    """What the model finds in the picture; with none at hand, that there was no trial."""
    from edge.pictures import read_picture
    from edge.recognition.port import detect
    from edge.recognition.tflite import TfliteDetector

    if picture is None:
        print("trial    none: give a picture with --picture")
        return
    detector = TfliteDetector(name, model, path, model.labels)
    found = detect(detector, Frame("add", 0, read_picture(picture), Instant(0.0, 0.0)))
    print(
        f"trial    {picture.name}: {', '.join(f'{d.label} {d.score:.0%}' for d in found[:5]) or 'nothing recognised'}"
    )


def _sample(config: Config) -> Path | None:
    path = samples_dir(config.data_dir) / PICTURES / SAMPLE
    return path if path.is_file() else None
