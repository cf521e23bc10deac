"""`edge demo`: the appliance on sample pictures and video, with its own broker and a subscriber that prints."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from edge import assets, config
from edge.cli.models import fetch_with_bar
from edge.cli.run import run
from edge.config import Camera, Config
from edge.demo.broker import Broker
from edge.demo.printer import Printer
from edge.demo.samples import PICTURES, VIDEO, samples, samples_dir
from edge.errors import ConfigError
from edge.events.message import TOPIC
from edge.identity import locked
from edge.mqtt.subscriber import Subscriber
from edge.recognition import catalogue
from edge.recognition.catalogue import DEFAULT_DETECTOR
from edge.runtime import Report
from edge.store.pictures import FOLDER_NAME

RECEIVE_S = 10.0


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("demo", help="try it on sample pictures and video", description=__doc__)
    parser.add_argument("--once", action="store_true", help="one pass of the samples, then a summary")
    parser.add_argument(
        "--port", type=int, default=0, help="of the broker, on the loopback interface; default: a free one"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="default: $EDGE_DATA or the appliance's data folder; events go to DIR/demo",
    )
    parser.add_argument("--fetch-only", action="store_true", help="fetch model and samples, then end")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    if not 0 <= options.port <= 65535:
        raise ConfigError(f"--port {options.port}: not a port", hint="1 to 65535, or leave it out for a free one")
    base = (options.data or config.default_data_dir()).resolve()
    fetch(base)
    if options.fetch_only:
        return 0
    settings = demo_config(base, options.port)
    with locked(settings.data_dir), Broker(settings.data_dir / "broker", options.port) as broker:
        mqtt = config.Mqtt(host=broker.host, port=broker.port)
        settings = Config(
            camera=settings.camera,
            paths=settings.paths,
            mqtt=mqtt,
            web=config.Web(host="" if options.once else "127.0.0.1", port=0),
        )
        printer = Printer()
        print_head(settings)
        with Subscriber(broker.host, broker.port, [f"{mqtt.prefix}/+/{TOPIC}"], printer.on_message):
            report = asyncio.run(run(settings, once=options.once))
            complete = printer.wait_for(report.messages_sent, RECEIVE_S)
    print_summary(settings, report, printer)
    if not complete:
        print("edge: the subscriber did not receive every message that the broker acknowledged", file=sys.stderr)
    return 0 if complete and not report.problems else 1


def fetch(base: Path) -> None:
    """Model and samples, each only when it is not here and whole; says what it does only then."""
    wanted = [(asset, base / "models") for asset in catalogue.find(DEFAULT_DETECTOR).assets]
    wanted += [(asset, samples_dir(base)) for asset in samples()]
    for asset, folder in wanted:
        if assets.state_of(asset, folder) != "ok":
            fetch_with_bar(asset, folder)


def demo_config(base: Path, port: int) -> Config:
    where = samples_dir(base)
    return Config(
        paths=config.Paths(data=str(base / "demo"), models=str(base / "models")),
        camera=(
            Camera(name="street", source=f"file:{where / VIDEO}", loop=True),
            Camera(name="pictures", source=f"folder:{where / PICTURES}", remember=False),
        ),
    )


def print_head(settings: Config) -> None:
    mqtt = settings.mqtt
    print(
        f"broker    {mqtt.host}:{mqtt.port}   listen too: mosquitto_sub -h {mqtt.host} -p {mqtt.port} -t '{mqtt.prefix}/+/events'"
    )
    for camera in settings.camera:
        scheme, rest = config.split_address(camera.source)
        print(f"camera    {camera.name}: {scheme}:{_shown(Path(rest))}")
    print("end       Ctrl-C\n", flush=True)


def print_summary(settings: Config, report: Report, printer: Printer) -> None:
    labels = ", ".join(f"{number} {label}" for label, number in printer.labels.most_common()) or "none"
    folder = settings.data_dir / FOLDER_NAME
    print(f"""
frames    {report.frames} recognised, {report.dropped} dropped, {report.frames_per_s} a second
events    {report.events}: {labels}
messages  {report.messages_sent} sent, {len(printer.received)} received, {printer.duplicates} twice, {report.waiting} waiting
pictures  {_shown(folder)}
more      {_shown(Path(sys.argv[0]))} events list --data {_shown(settings.data_dir)}""")
    for problem in report.problems:
        print(f"problem   {problem}; the log says which and why")


def _shown(path: Path) -> Path:
    """As short as it can be said from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
