"""`scripts/image/test`: the twin's card in an emulated machine."""

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from edge.errors import EdgeError
from scripts.image import card as cards
from scripts.image import layout
from scripts.image.running import ROOT, ImageError
from scripts.image.twin import cuts, firmware, pins, slots, steps
from scripts.image.twin.card import Card

CARD_BYTES = 6 << 30


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/image/test", description=__doc__)
    data = Path(os.environ.get("EDGE_DATA", ROOT / "var"))
    parser.add_argument(
        "--image", type=Path, default=data / "image" / f"{cards.CARD}-ab.img", help="default: %(default)s"
    )
    parser.add_argument("--work", type=Path, help="folder for cards and consoles; default: a temporary one")
    parser.add_argument(
        "--power-cuts", type=int, metavar="N", default=0, help="cut the power N times at random moments"
    )
    parser.add_argument("--camera", action="store_true", help="the driver of USB cameras with the kernel's virtual one")
    parser.add_argument(
        "--gpio", action="store_true", help="a press at a line of the kernel, and the lines of an emulated Pi 3"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], choices=(slots.GOOD, *slots.BROKEN), help="with --ab: these cases only"
    )
    parser.add_argument("--ab", action="store_true", help="updates: good, unwell, panicking, hanging, refused")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the random moments"
    )
    options = parser.parse_args(arguments)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # no emulator is left behind
    sys.stdout.write(f"the system that starts is chosen by a {firmware.NAME}: no Raspberry Pi is here\n")
    try:
        if not options.image.exists():
            raise ImageError(f"{options.image}: no card to try", hint="scripts/image/build makes one")
        with tempfile.TemporaryDirectory(prefix="edge-twin-") as temporary:
            work = (options.work or Path(temporary)).resolve()
            work.mkdir(parents=True, exist_ok=True)
            return run(options, work, data)
    except EdgeError as error:
        sys.stderr.write(f"test: {error}\n")
        return error.exit_code


def run(options: argparse.Namespace, work: Path, data: Path) -> int:
    card = Card.flash(options.image, work / "card.img", layout.load(), CARD_BYTES)
    samples = data / "samples"
    if options.power_cuts:
        tally = cuts.power_cuts(card, samples, work, options.power_cuts, options.seed)
        sys.stdout.write(
            f"{options.power_cuts} cuts: up {tally.up} times, {len(tally.seen)} published events all kept, "
            f"{tally.lost_pages} unflushed pages lost\n"
        )
    elif options.ab:
        slots.updates(card, options.image.parent, samples, work, tuple(options.only))
    elif options.gpio:
        pins.virtual_press(card, data, work)
        pins.pi3_lines(Card.flash(options.image, work / "pi3.img", layout.load(), pins.PI3_CARD_BYTES), data, work)
    elif options.camera:
        steps.virtual_camera(card, work)
    else:
        steps.first_boot(card, samples, work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
