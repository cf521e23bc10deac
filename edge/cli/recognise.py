"""`edge recognise`: look at stored pictures."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge.camera.port import Frame
from edge.cli.common import add_config_options, load_config, print_json
from edge.clock import Instant
from edge.config import Config
from edge.errors import ConfigError, PictureError
from edge.pictures import SUFFIXES, read_picture
from edge.recognition.catalogue import DEFAULT_DETECTOR
from edge.recognition.port import Detection, Detector, detect


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("recognise", help="recognise stored pictures", description=__doc__)
    parser.add_argument("places", nargs="+", type=Path, metavar="PICTURE|FOLDER")
    add_config_options(parser)
    parser.add_argument("--model", help=f"before detector.model of the configuration; default: {DEFAULT_DETECTOR}")
    parser.add_argument("--json", action="store_true", help="one JSON object a picture and line")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    pictures = [picture for place in options.places for picture in _pictures_at(place)]
    if not pictures:
        raise PictureError(
            f"{', '.join(map(str, options.places))}: no picture there",
            hint=f"endings known: {', '.join(sorted(SUFFIXES))}",
        )
    detector = load_detector(load_config(options), options.model)
    failed = 0
    with tqdm(pictures, unit="picture", disable=not sys.stderr.isatty(), leave=False) as bar:
        for path in bar:
            try:
                pixels = read_picture(path)
            except PictureError as error:
                failed += 1
                bar.clear()
                print(f"edge: {error}", file=sys.stderr)
                continue
            found = detect(detector, Frame("recognise", 0, pixels, Instant(0.0, 0.0)))
            bar.clear()
            _print(path, found, as_json=options.json)
    if failed:
        print(f"edge: {failed} of {len(pictures)} pictures could not be read", file=sys.stderr)
    return 1 if failed else 0


def load_detector(config: Config, name: str | None = None) -> Detector:
    """The detector of the configuration; with another model's `name`, that model without the configured labels and thresholds."""
    from edge.recognition import tflite

    settings = config.detector
    if name is not None and name != settings.model:
        return tflite.load(name, config.models_dir, threads=settings.threads)
    return tflite.load(
        settings.model,
        config.models_dir,
        threads=settings.threads,
        thresholds=settings.thresholds,
        only=settings.labels,
    )


def _pictures_at(place: Path) -> Iterator[Path]:
    """A file is taken at its word, whatever its ending; of a folder, all that look like pictures."""
    if not place.exists():
        raise ConfigError(f"{place}: no such file or folder", hint="check the path")
    if not place.is_dir():
        yield place
        return
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            Path(folder, name)
            for name in sorted(names)
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        )


def _print(path: Path, found: list[Detection], *, as_json: bool) -> None:
    if as_json:
        detections = [
            {"label": d.label, "score": round(d.score, 4), "box": [round(v, 4) for v in d.box]} for d in found
        ]
        print_json({"picture": str(path), "detections": detections})
    else:
        print(f"{path}: {', '.join(f'{d.label} {d.score:.0%}' for d in found) or 'nothing'}", flush=True)
