"""`edge clips list`: the clips that are kept; and what other verbs tell of them."""

import argparse
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.cli.common import add_config_options, checked_limit, load_config, print_json
from edge.config import Config
from edge.errors import StoreError
from edge.identity import device_id
from edge.store.clips import ClipFolder, ClipStore
from edge.store.port import Clip, Event


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("clips", help="list the clips that are kept", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="newest first")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="default: 20")
    listing.add_argument("--json", action="store_true", help="one object a line, as they are published")
    listing.set_defaults(handler=list_clips)
    add_config_options(listing)


def list_clips(options: argparse.Namespace) -> int:
    limit = checked_limit(options)
    config = load_config(options)
    store = ClipStore(config.data_dir)
    try:
        clips = store.newest(limit)
    finally:
        store.close()
    if options.json:
        _print_as_messages(clips, config)
    elif clips:
        print(f"{'STARTED':19}  {'CAMERA':12} {'TRIGGER':8} {'SECONDS':>7} {'MB':>6}  FILE")
        for clip in clips:
            started = datetime.fromtimestamp(clip.started.wall_s).isoformat(" ", "seconds")
            path, megabytes = ClipFolder(config.data_dir).path_of(clip.id), clip.size_bytes / 1e6
            print(f"{started}  {clip.camera:12} {clip.trigger:8} {clip.duration_s:7.1f} {megabytes:6.1f}  {path}")
    else:
        print("no clips", file=sys.stderr)
    return 0


def clip_rows(config: Config, event: Event) -> dict[str, str]:
    """For `edge events show`."""
    paths = [f"{ClipFolder(config.data_dir).path_of(clip.id)} ({clip.duration_s:.1f} s)" for clip in _of(config, event)]
    return {"clip": ", ".join(paths)} if paths else {}


def copy_clip(config: Config, event: Event, target: str) -> None:
    """
    Raises:
        StoreError: there is none, or it cannot be copied.
    """
    clips = _of(config, event)
    if not clips:
        raise StoreError(
            f"event {event.id}: no clip was kept with it", hint="docs/clips.md tells which cameras make clips"
        )
    source = ClipFolder(config.data_dir).path_of(clips[0].id)
    try:
        shutil.copyfile(source, Path(target))
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}", hint="name another file with --clip") from error


def _of(config: Config, event: Event) -> list[Clip]:
    store = ClipStore(config.data_dir)
    try:
        return store.of_event(event.id)
    finally:
        store.close()


def _print_as_messages(clips: list[Clip], config: Config) -> None:
    import msgspec

    from edge.events.message import clip_message

    device = config.device.id or device_id(config.data_dir)
    for clip in clips:
        print_json(msgspec.Raw(clip_message(clip, device).payload))
