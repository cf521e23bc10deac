"""Imports point one way, and vendor packages stay in the files that wrap them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import edge

PACKAGE = Path(edge.__file__).parent

# From the top down: a room may import what stands below it, and itself.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("bench", "demo", "doctor"),
    ("wiring",),
    ("runtime", "testing"),
    ("reset",),
    ("appliance",),
    ("web.server",),
    ("web.door", "web.pages", "web.upkeep", "web.api.routes"),
    ("web.api",),
    ("web.render",),
    ("web",),
    ("pipeline", "watchdog"),
    ("follower",),
    ("exchange",),
    ("control", "buttons", "rules"),
    ("mqtt",),
    ("chores",),
    ("update",),
    ("backup",),
    ("work",),
    ("actions",),
    ("clips.room", "clips.recorder", "clips.episodes", "clips.recovery", "clips.writer", "clips.note"),
    ("events",),
    ("identity",),
    ("store",),
    ("recognition",),
    ("motion",),
    ("device",),
    ("camera.opening",),
    ("camera.file", "camera.folder", "camera.pattern", "camera.picamera", "camera.stream", "camera.v4l2"),
    ("camera.decoding", "camera.v4l2_device", "camera.privacy", "camera.lit", "camera.restarts", "camera.watch"),
    ("clips.source",),
    ("camera.wrapper", "clips.encoder"),
    ("camera.inbox",),
    ("pictures", "camera.streams", "camera.planes"),
    ("camera.port",),
    ("assets", "ids", "config"),
    ("isolate",),
    ("isolate_child",),
    ("channel",),
    ("health",),
    ("clips.boxes", "clips.copying", "clips.h264", "clips.mp4", "clips.packets", "clips.ring", "clips.timeline"),
    ("clock", "days", "files", "processors", "geometry", "polygons", "masks", "camera.address", "camera.still"),
    ("errors",),
)
VENDORS = {
    "paho": {
        "mqtt/client.py",
        "mqtt/session.py",
        "bench/bare_publisher.py",
        "mqtt/subscriber.py",
        "bench/copied_loop.py",
    },
    "ai_edge_litert": {"recognition/runtime.py"},
    "tflite_runtime": {"recognition/runtime.py"},
    "av": {"camera/decoding.py", "clips/encoder.py", "bench/copied_loop.py"},
    "picamera2": {"camera/picamera.py", "recognition/hailo.py", "recognition/imx500.py"},
    "libcamera": {"camera/picamera.py"},
    "uvicorn": {"web/server.py", "web/protocol.py"},
    "jinja2": {"web/render.py"},
    "zeroconf": {"web/mdns.py"},
    "dbus_fast": {"device/bus.py"},
    "gpiozero": {"buttons/gpio.py"},
    "cronsim": {"work/times.py"},
    "linuxpy": {"camera/v4l2_device.py"},
    "rclone_python": {"backup/rclone.py"},
    "segno": {"backup/kit.py"},
    "sqlite3": {
        "backup/journal.py",
        "backup/rebuild.py",
        "backup/rows.py",
        "store/clips.py",
        "store/database.py",
        "store/events.py",
        "store/outbox.py",
        "store/stills.py",
        "store/check.py",
        "store/check_clips.py",
        "store/recount.py",
        "work/table.py",
    },
}


def layer_of(module: str) -> int:
    for depth, rooms in enumerate(LAYERS):
        if any(module == room or module.startswith(room + ".") for room in rooms):
            return depth
    if module == "camera":
        return layer_of("camera.port")
    raise AssertionError(f"edge.{module} stands in no layer: add it to LAYERS")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> list[tuple[str, Path]]:
    found = [(str(path.relative_to(PACKAGE).with_suffix("")).replace("/", "."), path) for path in PACKAGE.rglob("*.py")]
    return [(name.removesuffix(".__init__"), path) for name, path in found if name != "__init__"]


def is_module(name: str) -> bool:
    path = PACKAGE / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_imports_point_down() -> None:
    wrong = []
    for name, path in modules():
        for imported in imports_of(path):
            target = imported.removeprefix("edge.")
            if imported.startswith("edge.") and is_module(target) and layer_of(target) < layer_of(name):
                wrong.append(f"edge.{name} imports {imported}")
    assert not wrong


def test_vendor_packages_stay_in_their_driver() -> None:
    wrong = []
    for _, path in modules():
        place = str(path.relative_to(PACKAGE))
        for imported in imports_of(path):
            if place not in VENDORS.get(imported.partition(".")[0], {place}):
                wrong.append(f"{place} imports {imported}")
    assert not wrong
