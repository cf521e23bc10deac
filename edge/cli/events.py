"""`edge events list|days|show|keep|unkeep|check`: what is kept."""

import argparse
import sys
from datetime import datetime
from typing import Any

import msgspec

from edge.cli.clips import clip_rows, copy_clip
from edge.cli.common import add_config_options, checked_limit, load_config, print_json
from edge.cli.events_check import add_check
from edge.clock import date_of, iso_utc
from edge.config import Config
from edge.days import parse_days
from edge.errors import ConfigError, StoreError
from edge.events.message import message_of
from edge.events.port import Kind
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event

SHOWN_ID = 13


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("events", help="list or show the events that are kept", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="newest first")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="default: 20")
    listing.add_argument("--zone", help="what has been in it")
    listing.set_defaults(handler=list_events)
    days = actions.add_parser("days", help="how many events began on each day")
    days.set_defaults(handler=count_days)
    for action in (listing, days):
        action.add_argument("--label")
        action.add_argument("--camera")
        action.add_argument("--day", help="2026-11-21, today, yesterday, or two days with .. between")
    show = actions.add_parser("show", help="one event, by its id or the start of it")
    show.add_argument("id")
    show.add_argument("--save", metavar="FILE", help="write its picture with the box drawn on it")
    show.add_argument("--thumbnail", metavar="FILE", help="write a small picture of the thing alone")
    show.add_argument("--clip", metavar="FILE", help="copy its clip out, the first if there are several")
    show.set_defaults(handler=show_event)
    for action in (listing, days, show):
        add_config_options(action)
        action.add_argument("--json", action="store_true", help="one object a line; events as they are published")
    check = actions.add_parser("check", help="do database and files agree")
    add_check(check)
    add_config_options(check)
    for name, kept, text in (
        ("keep", True, "never delete an event"),
        ("unkeep", False, "let retention delete it again"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("id", help="its id, or the start of it")
        action.set_defaults(handler=keep_event, kept=kept)
        add_config_options(action)


def list_events(options: argparse.Namespace) -> int:
    limit = checked_limit(options)
    config = load_config(options)
    store = _open(config)
    try:
        events = store.newest(limit, zone=options.zone, **_filters(options))
    finally:
        store.close()
    if options.json:
        for event in events:
            print_json(_as_message(event, config))
    elif events:
        print(f"{'ID':14} {'STARTED':19}  {'CAMERA':12} {'LABEL':24} {'SCORE':>5}  LASTED")
        for event in events:
            started = datetime.fromtimestamp(event.started.wall_s).isoformat(" ", "seconds")
            shown = _short_id(event, events)
            print(f"{shown:14} {started}  {event.camera:12} {event.title:24} {event.score:5.0%}  {_lasted(event)}")
    else:
        print("no events", file=sys.stderr)
    return 0


def count_days(options: argparse.Namespace) -> int:
    store = _open(load_config(options))
    try:
        counts = store.count_by_day(**_filters(options))
    finally:
        store.close()
    for count in counts:
        day = date_of(count.day).isoformat()
        if options.json:
            print_json({"day": day, "events": count.events})
        else:
            print(f"{day}  {count.events:7}")
    if not counts and not options.json:
        print("no events", file=sys.stderr)
    return 0


def keep_event(options: argparse.Namespace) -> int:
    store = _open(load_config(options))
    try:
        store.keep(_find_one(store, options.id).id, options.kept)
    finally:
        store.close()
    return 0


def _filters(options: argparse.Namespace) -> dict[str, Any]:
    days = parse_days(options.day, datetime.now().date()) if options.day else None
    return {"label": options.label, "camera": options.camera, "days": days}


def _find_one(store: EventStore, id_or_start: str) -> Event:
    found = store.find(id_or_start)
    if len(found) != 1:
        problem, hint = (
            ("no event", "see `edge events list`") if not found else ("more than one event", "give more of it")
        )
        raise ConfigError(f"id {id_or_start!r}: {problem} begins so", hint=hint)
    return found[0]


def show_event(options: argparse.Namespace) -> int:
    config = load_config(options)
    store = _open(config)
    try:
        event = _find_one(store, options.id)
    finally:
        store.close()
    folder = PictureFolder(config.data_dir)
    if options.save:
        _save(event, folder, options.save)
    if options.thumbnail:
        _save(event, folder, options.thumbnail, small=True)
    if options.clip:
        copy_clip(config, event, options.clip)
    if options.json:
        print_json(_as_message(event, config))
        return 0
    picture = folder.path_of(event.picture) if event.picture else "none"
    rows = {
        "id": event.id,
        "label": f"{event.label} {event.score:.0%}",
        **_second_look(event),
        "camera": event.camera,
        "started": iso_utc(event.started.wall_s) + ("" if event.clock == "synchronised" else f" (clock {event.clock})"),
        "lasted": _lasted(event),
        "ended": event.end_reason or "not yet",
        "box": " ".join(f"{value:.3f}" for value in event.box),
        "source": event.source or "camera",
        "picture": picture,
        **clip_rows(config, event),
        "kept": "for ever" if event.kept else "until retention deletes it",
    }
    for name, value in rows.items():
        print(f"{name:8} {value}")
    return 0


def _open(config: Config) -> EventStore:
    from edge.store.database import FILE_NAME

    path = config.data_dir / FILE_NAME
    if not path.exists():
        raise StoreError(
            f"{path}: no events have been kept here", hint="name the data folder with --data, or start `edge run`"
        )
    return EventStore(config.data_dir)


def _save(event: Event, folder: PictureFolder, target: str, *, small: bool = False) -> None:
    from pathlib import Path

    from edge.events.rendering import annotated, thumbnail
    from edge.pictures import read_picture
    from edge.recognition.drawing import save_picture

    if event.picture is None:
        raise StoreError(f"event {event.id}: no picture was kept with it", hint="the log of that time says why")
    pixels = read_picture(folder.path_of(event.picture))
    save_picture(thumbnail(pixels, event.box) if small else annotated(pixels, event), Path(target))


def _second_look(event: Event) -> dict[str, str]:
    rows = {}
    if event.sub_label is not None:
        rows["sub"] = f"{event.sub_label} {event.sub_score or 0:.0%}"
    if event.keypoints is not None:
        rows["points"] = ", ".join(f"{point.name} {point.x:.3f} {point.y:.3f}" for point in event.keypoints)
    return rows


def _as_message(event: Event, config: Config) -> Any:
    from edge.identity import device_id

    kind: Kind = "started" if event.end_reason is None else "ended"
    return msgspec.Raw(message_of(kind, event, config.device.id or device_id(config.data_dir)).payload)


def _short_id(event: Event, events: list[Event]) -> str:
    """As much of the id as tells it from the others shown."""
    length = SHOWN_ID
    while length < len(event.id) and sum(other.id.startswith(event.id[:length]) for other in events) > 1:
        length += 1
    return event.id[:length]


def _lasted(event: Event) -> str:
    if event.end_reason is None:
        return "still there"
    return "picture" if event.end_reason == "still" else f"{max(0.0, event.seen.boot_s - event.started.boot_s):.1f} s"
