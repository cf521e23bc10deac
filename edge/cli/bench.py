"""`edge bench`: measure on this machine. Ratios within one run count; absolute times depend on what else the machine does."""

import argparse
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from edge.cli.common import add_config_options, load_config, print_json
from edge.errors import ConfigError
from edge.recognition.catalogue import DEFAULT_DETECTOR

if TYPE_CHECKING:
    from pathlib import Path

    from edge.bench.report import BenchReport
    from edge.config import Config
    from edge.recognition.tflite import TfliteDetector


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("bench", help="measure on this machine", description=__doc__)
    benches = parser.add_subparsers(metavar="BENCH", required=True)
    pipeline = benches.add_parser("pipeline", help="frames a second of the whole path against bare inference")
    pipeline.add_argument("--rounds", type=_count, default=25)
    pipeline.add_argument("--frames", type=_count, default=0, help="of a round; default: as many as take a second")
    pipeline.set_defaults(handler=bench_pipeline)
    latency = benches.add_parser("latency", help="from the taking of a frame to its message at a subscriber")
    latency.add_argument("--events", type=_count, default=100)
    latency.set_defaults(handler=bench_latency)
    soak = benches.add_parser("soak", help="does memory grow at full speed")
    soak.add_argument("--minutes", type=_span, default=10)
    soak.set_defaults(handler=bench_soak)
    idle = benches.add_parser("idle", help="what a still scene costs, with the motion gate and without")
    idle.add_argument("--rounds", type=_count, default=3)
    idle.add_argument("--seconds", type=_span, default=5.0, help="of each, in a round; the gate takes twice as long")
    idle.set_defaults(handler=bench_idle)
    outbox = benches.add_parser(
        "outbox", help="durable sending beside paho alone, its latency, and memory while messages wait"
    )
    outbox.add_argument("--rounds", type=_count, default=5)
    outbox.add_argument("--messages", type=_count, default=4000, help="of a round")
    outbox.add_argument("--waiting", type=_count, default=100_000)
    outbox.set_defaults(handler=bench_outbox)
    add_config_options(outbox)
    outbox.add_argument("--json", action="store_true", help="one JSON object")
    isolates = benches.add_parser("isolates", help="recognition while heavy works go wrong beside it")
    isolates.add_argument("--rounds", type=_count, default=3)
    isolates.add_argument("--seconds", type=_span, default=3.0, help="of each stretch")
    isolates.set_defaults(handler=bench_isolates)
    peers = benches.add_parser("peers", help="beside the loop that people copy")
    peers.add_argument("--rounds", type=_count, default=3)
    peers.set_defaults(handler=bench_peers)
    storage = benches.add_parser("storage", help="bytes written to the card for an event")
    storage.add_argument("--events", type=_count, default=200)
    storage.set_defaults(handler=bench_storage)
    store = benches.add_parser("store", help="lists, filters, counts and retention with very many events")
    store.add_argument("--events", type=_count, default=1_000_000)
    store.set_defaults(handler=bench_store)
    backup = benches.add_parser("backup", help="what a snapshot costs as what is kept grows")
    backup.add_argument(
        "--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000], metavar="N", help="pictures that are kept"
    )
    backup.add_argument("--rounds", type=_count, default=7, help="snapshots of 100 new pictures at each size")
    backup.add_argument(
        "--s3", type=_count, default=10_000, metavar="N", help="pictures that go to an S3 server and back"
    )
    backup.set_defaults(handler=bench_backup)
    work = benches.add_parser("work", help="background work: idle cost, enqueueing, looking")
    work.add_argument("--seconds", type=_span, default=60.0, help="of idleness, with few and with many works")
    work.add_argument("--enqueues", type=_count, default=3200)
    work.set_defaults(handler=bench_work)
    buttons = benches.add_parser("buttons", help="from the closing of a contact to the light and to the answer")
    buttons.add_argument("--presses", type=_count, default=50)
    buttons.set_defaults(handler=bench_buttons)
    for bench in (storage, store, backup, work, buttons):
        add_config_options(bench)
        bench.add_argument("--json", action="store_true", help="one JSON object")
    events = benches.add_parser("events", help="events beside what a person sees in the sample videos")
    events.add_argument("--every", type=_count, default=1, metavar="N", help="only each N-th frame, as a slower camera")
    events.set_defaults(handler=bench_events)
    web = benches.add_parser("web", help="recognition while ten people look and fifty requests a second come")
    web.add_argument("--rounds", type=_count, default=3)
    web.add_argument("--seconds", type=_span, default=20.0, help="with nobody and with the crowd each, in a round")
    web.set_defaults(handler=bench_web)
    for bench in (pipeline, latency, soak, idle, isolates, events, web):
        bench.add_argument("--model", default=DEFAULT_DETECTOR)
    for bench in (pipeline, latency, soak, idle, isolates, peers, events, web):
        add_config_options(bench)
        bench.add_argument("--threads", type=_count, default=1)
        bench.add_argument("--json", action="store_true", help="one JSON object")


def _count(text: str) -> int:
    with suppress(ValueError):
        if (value := int(text)) >= 1:
            return value
    raise argparse.ArgumentTypeError(f"{text!r:.40}: give a whole number, 1 or more")


def _span(text: str) -> float:
    with suppress(ValueError):
        if 0.0 < (value := float(text)) < math.inf:
            return value
    raise argparse.ArgumentTypeError(f"{text!r:.40}: give a number above 0")


def bench_pipeline(options: argparse.Namespace) -> int:
    from edge.bench import pipeline

    _, detector, pictures = _prepare(options)
    return _print(options, pipeline.run(detector, pictures, rounds=options.rounds, frames=options.frames))


def bench_latency(options: argparse.Namespace) -> int:
    from edge.bench import latency

    config, detector, pictures = _prepare(options)
    return _print(options, latency.run(detector, pictures, config.data_dir, times=options.events))


def bench_soak(options: argparse.Namespace) -> int:
    from edge.bench import soak

    config, detector, pictures = _prepare(options)
    return _print(options, soak.run(detector, pictures, config.data_dir, minutes=options.minutes))


def bench_idle(options: argparse.Namespace) -> int:
    from edge.bench import idle

    _, detector, _ = _prepare(options)
    return _print(options, idle.run(detector, rounds=options.rounds, seconds=options.seconds))


def bench_peers(options: argparse.Namespace) -> int:
    from edge.bench import peers
    from edge.demo.samples import VIDEO, samples_dir

    config = load_config(options)
    video = samples_dir(config.data_dir) / VIDEO
    report = peers.run(video, config.models_dir, config.data_dir, rounds=options.rounds, threads=options.threads)
    return _print(options, report)


def bench_web(options: argparse.Namespace) -> int:
    from edge.bench import web
    from edge.demo.samples import VIDEO, samples_dir

    config = load_config(options)
    report = web.run(
        config.models_dir,
        samples_dir(config.data_dir) / VIDEO,
        config.data_dir,
        rounds=options.rounds,
        seconds=options.seconds,
        model=options.model,
        threads=options.threads,
    )
    return _print(options, report)


def bench_storage(options: argparse.Namespace) -> int:
    from edge.bench import storage
    from edge.demo.samples import PICTURES, samples_dir

    data_dir = load_config(options).data_dir
    pictures = sorted((samples_dir(data_dir) / PICTURES).glob("*.png"))
    return _print(options, storage.run(pictures, data_dir, events=options.events))


def bench_store(options: argparse.Namespace) -> int:
    from edge.bench import store
    from edge.bench.retention import NEEDED

    if options.events < NEEDED:
        raise ConfigError(f"--events {options.events}: too few", hint=f"at least {NEEDED}, of which most are deleted")
    return _print(options, store.run(load_config(options).data_dir, events=options.events))


def bench_isolates(options: argparse.Namespace) -> int:
    from edge.bench import isolates

    _, detector, pictures = _prepare(options)
    return _print(options, isolates.run(detector, pictures, rounds=options.rounds, seconds=options.seconds))


def bench_backup(options: argparse.Namespace) -> int:
    from edge.bench import backup

    if len(options.sizes) < 2 or min(*options.sizes, options.s3) < 1 or options.rounds < 1:
        raise ConfigError("--sizes: two at least, of 1 or more, and one round", hint="leave them out for the defaults")
    sizes = tuple(sorted(options.sizes))
    report = backup.run(load_config(options).data_dir, sizes=sizes, rounds=options.rounds, s3=options.s3)
    return _print(options, report)


def bench_work(options: argparse.Namespace) -> int:
    from edge.bench import work

    report = work.run(load_config(options).data_dir, seconds=options.seconds, enqueues=options.enqueues)
    return _print(options, report)


def bench_buttons(options: argparse.Namespace) -> int:
    from edge.bench import buttons
    from edge.files import make_folder

    if options.presses < 1:
        raise ConfigError(f"--presses {options.presses}: too few", hint="1 at least")
    data_dir = load_config(options).data_dir
    make_folder(data_dir)
    return _print(options, buttons.run(data_dir, presses=options.presses))


def bench_events(options: argparse.Namespace) -> int:
    from edge.bench import events
    from edge.demo.samples import samples_dir
    from edge.wiring.scenes import track_settings

    config, detector, _ = _prepare(options)
    settings = track_settings(config.tracking)
    return _print(options, events.run(detector, samples_dir(config.data_dir), settings, every=options.every))


def bench_outbox(options: argparse.Namespace) -> int:
    from edge.bench import outbox
    from edge.files import make_folder

    data_dir = load_config(options).data_dir
    make_folder(data_dir)
    report = outbox.run(data_dir, rounds=options.rounds, messages=options.messages, waiting=options.waiting)
    return _print(options, report)


def _prepare(options: argparse.Namespace) -> "tuple[Config, TfliteDetector, list[Path]]":
    from edge.demo.samples import PICTURES, samples_dir
    from edge.recognition import tflite

    config = load_config(options)
    detector = tflite.load(
        options.model, config.models_dir, threads=options.threads, keep_score=config.tracking.keep_score
    )
    return config, detector, sorted((samples_dir(config.data_dir) / PICTURES).glob("*.png"))


def _print(options: argparse.Namespace, report: "BenchReport") -> int:
    from edge.bench.report import as_table

    if options.json:
        print_json(report)
    else:
        print(as_table(report))
    return 0
