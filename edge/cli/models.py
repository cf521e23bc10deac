"""`edge models list|pull|verify|try|add`: the model catalogue."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge import assets
from edge.assets import Asset
from edge.camera.port import Frame
from edge.cli import models_add
from edge.cli.common import add_config_options, load_config, print_json
from edge.cli.recognise import load_detector
from edge.clock import Instant
from edge.recognition import catalogue
from edge.recognition.catalogue import DEFAULT_DETECTOR, Model
from edge.recognition.port import detect


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("models", help="list, fetch, check and try models", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all that the catalogue knows, and what is here")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(handler=list_models)
    pull = actions.add_parser("pull", help="fetch models, checked by their hash")
    pull.add_argument("names", nargs="*", metavar="MODEL", help=f"default: {DEFAULT_DETECTOR}")
    pull.add_argument("--edgetpu", action="store_true", help="the Edge TPU's twin too")
    pull.set_defaults(handler=pull_models)
    verify = actions.add_parser("verify", help="check the files that are here against their hashes")
    verify.add_argument("names", nargs="*", metavar="MODEL", help="default: all that are here")
    verify.set_defaults(handler=verify_models)
    trial = actions.add_parser("try", help="recognise one picture with a model")
    trial.add_argument("name", metavar="MODEL")
    trial.add_argument("picture", type=Path)
    trial.add_argument("--save", type=Path, metavar="FILE", help="write the picture with what was found drawn on it")
    trial.add_argument("--json", action="store_true")
    trial.set_defaults(handler=try_model)
    models_add.add_parser(actions)
    for action in (listing, pull, verify, trial):
        add_config_options(action)


def list_models(options: argparse.Namespace) -> int:
    folder = load_config(options).models_dir
    rows = [(name, model, _state(model, folder)) for name, model in catalogue.known(folder).items()]
    if options.json:
        print_json([_describe(name, model, state) for name, model, state in rows])
        return 0
    for name, model, state in rows:
        size = f"{model.file.size_bytes / 1e6:.1f} MB" if model.file.size_bytes else "size unknown"
        twin = " · Edge TPU twin" if model.edgetpu else ""
        print(f"{name}  [{state}]\n    {model.summary}\n    {model.task} · {size} · {model.file.licence}{twin}")
    return 0


def pull_models(options: argparse.Namespace) -> int:
    folder = load_config(options).models_dir
    for name in options.names or [DEFAULT_DETECTOR]:
        model = catalogue.find(name, folder)
        twin = (model.edgetpu,) if options.edgetpu and model.edgetpu else ()
        for asset in (*model.assets, *twin):
            fetch_with_bar(asset, folder)
    return 0


def fetch_with_bar(asset: Asset, folder: Path) -> None:
    """Fetch one file and say what happened; a progress bar on a terminal."""
    if assets.state_of(asset, folder) == "ok":
        print(f"{asset.file}: is here and whole")
        return
    with tqdm(
        total=asset.size_bytes, desc=asset.file, unit="B", unit_scale=True, disable=not sys.stderr.isatty(), leave=False
    ) as bar:

        def show(done_bytes: int, total_bytes: int | None) -> None:
            bar.total = total_bytes
            bar.update(done_bytes - bar.n)

        path = assets.fetch(asset, folder, show)
    print(f"{asset.file}: fetched, {path.stat().st_size:,} bytes, hash checked")


def verify_models(options: argparse.Namespace) -> int:
    folder = load_config(options).models_dir
    known = {name: catalogue.find(name, folder) for name in options.names} or catalogue.known(folder)
    files = {
        asset.file: asset for model in known.values() for asset in (*model.assets, *filter(None, (model.edgetpu,)))
    }
    bad = 0
    for file, asset in files.items():
        state = assets.state_of(asset, folder)
        required = bool(options.names) and any(asset in model.assets for model in known.values())
        if state == "missing" and not required:
            continue
        print(f"{file}: {state}")
        if state != "ok":
            bad += 1
            print(f"edge: {folder / file}: {state} (get it with `edge models pull`)", file=sys.stderr)
    return 1 if bad else 0


def try_model(options: argparse.Namespace) -> int:
    from edge.pictures import read_picture
    from edge.recognition.drawing import draw_detections, save_picture

    pixels = read_picture(options.picture)
    detector = load_detector(load_config(options), options.name)
    frame = Frame("try", 0, pixels, Instant(0.0, 0.0))
    detect(detector, frame)  # the first run allocates
    begin_s = time.perf_counter()
    found = detect(detector, frame)
    took_ms = (time.perf_counter() - begin_s) * 1000
    if options.save:
        save_picture(draw_detections(pixels, found), options.save)
    if options.json:
        detections = [
            {"label": d.label, "score": round(d.score, 4), "box": [round(v, 4) for v in d.box]} for d in found
        ]
        print_json(
            {"model": options.name, "detector": detector.name, "took_ms": round(took_ms, 2), "detections": detections}
        )
        return 0
    print(f"{detector.name}: {took_ms:.1f} ms")
    for detection in found:
        print(f"{detection.score:4.0%}  {detection.label:20} box {' '.join(f'{value:.2f}' for value in detection.box)}")
    if not found:
        print("nothing recognised")
    return 0


def _state(model: Model, folder: Path) -> str:
    states = {assets.state_of(asset, folder) for asset in model.assets}
    return "damaged" if "damaged" in states else "not here" if "missing" in states else "here"


def _describe(name: str, model: Model, state: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": model.summary,
        "task": model.task,
        "state": state,
        "file": model.file.file,
        "size_bytes": model.file.size_bytes,
        "licence": model.file.licence,
        "edgetpu": model.edgetpu.file if model.edgetpu else None,
    }
