"""`edge bench`: measure on this machine. Ratios within one run count; absolute times depend on what else the machine does."""

import argparse
from typing import Any

from edge.cli.common import add_config_options, load_config, print_json
from edge.recognition.catalogue import DEFAULT_DETECTOR


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("bench", help="measure on this machine", description=__doc__)
    benches = parser.add_subparsers(metavar="BENCH", required=True)
    pipeline = benches.add_parser("pipeline", help="frames a second of the whole path against bare inference")
    pipeline.add_argument("--model", default=DEFAULT_DETECTOR)
    pipeline.add_argument("--threads", type=int, default=1)
    pipeline.add_argument("--rounds", type=int, default=7)
    pipeline.add_argument("--frames", type=int, default=120)
    pipeline.set_defaults(handler=bench_pipeline)
    for bench in (pipeline,):
        add_config_options(bench)
        bench.add_argument("--json", action="store_true", help="one JSON object")


def bench_pipeline(options: argparse.Namespace) -> int:
    from edge.bench import pipeline
    from edge.bench.report import as_table
    from edge.demo.samples import PICTURES, samples_dir
    from edge.recognition import tflite

    config = load_config(options)
    detector = tflite.load(
        options.model, config.models_dir, threads=options.threads, keep_score=config.tracking.keep_score
    )
    pictures = sorted((samples_dir(config.data_dir) / PICTURES).glob("*.png"))
    report = pipeline.run(detector, pictures, rounds=options.rounds, frames=options.frames)
    if options.json:
        print_json(report)
    else:
        print(as_table(report))
    return 0
