"""What a configuration must hold beyond the types of its keys: each refusal names place, value and remedy."""

import difflib
import re
from collections.abc import Sequence
from ipaddress import ip_address

from edge.camera.address import redacted
from edge.config.affording import Power, Work
from edge.config.seeing import Camera, Line, Zone
from edge.config.telling import Mqtt, Web
from edge.config.touching import Button, Input, Output
from edge.config.webhooks import flaw_of_url
from edge.config.whole import Config
from edge.errors import ConfigError
from edge.polygons import flaw_of

NETWORK = ("rtsp", "rtsps", "http", "https")
SCHEMES = ("folder", "file", "picamera", "v4l2", *NETWORK, "test")
SPI = (10, 11)
"""Pins of an addressable light: the SPI device has its clock too, though nothing is wired to it."""
_MOVING = tuple(scheme for scheme in SCHEMES if scheme != "folder")
_ONLY_FOR = {
    "pace": ("file",),
    "loop": ("file",),
    "remember": ("folder",),
    "fps": ("picamera", "v4l2", "test"),
    "width": ("picamera", "v4l2"),
    "height": ("picamera", "v4l2"),
    "username": NETWORK,
    "password_file": NETWORK,
    "transport": ("rtsp", "rtsps"),
    "rotation": ("picamera",),
    "exposure_us": ("picamera",),
    "gain": ("picamera",),
    "motion": _MOVING,
    "motion_masks": _MOVING,
    "gate_input": _MOVING,
}


def check(config: Config, place: str) -> None:
    """Raises ConfigError: something does not fit together. `place` stands in front of the message."""
    _check_cameras(config, place)
    _check_places(config, place)
    _check_pins(config, place)
    _check_rules(config, place)
    _check_power(config.power, place)
    _check_mqtt(config.mqtt, f"{place}: mqtt")
    _check_web(config.web, f"{place}: web")
    _check_work(config.work, place)
    if len(config.update.hours) == 1:
        raise ConfigError(f"{place}: update.hours: there is no end", hint='write ["02:00", "05:00"]')
    if config.clips.max_s < (least_s := config.clips.pre_s + config.clips.post_s):
        hint = f"{least_s:g} at least: pre_s and post_s together"
        raise ConfigError(f"{place}: clips.max_s is {config.clips.max_s:g}: too short", hint=hint)


def split_address(source: str) -> tuple[str, str]:
    """`file:/a/b.mp4` → (`file`, `/a/b.mp4`)."""
    scheme, _, rest = source.partition(":")
    return scheme, rest


def _check_cameras(config: Config, place: str) -> None:
    names: set[str] = set()
    for index, camera in enumerate(config.camera):
        where = f"{place}: camera[{index}]"
        if camera.name in names:
            raise ConfigError(
                f"{where}.name: {camera.name!r} is taken by another camera", hint="give each camera its own name"
            )
        names.add(camera.name)
        scheme, rest = split_address(camera.source)
        shown = redacted(camera.source)
        if scheme not in SCHEMES:
            hint = "use folder:PATH, file:PATH, picamera:, v4l2:DEVICE, rtsp://…, http://… or test:"
            raise ConfigError(f"{where}.source: {shown!r} is no camera address", hint=hint)
        if scheme not in ("test", "picamera") and not (rest.strip("/") if scheme in NETWORK else rest):
            hint = f"write {scheme}:{'//HOST/PATH' if scheme in NETWORK else 'PATH'}"
            raise ConfigError(f"{where}.source: {shown!r} names no path", hint=hint)
        if scheme in NETWORK and not rest.startswith("//"):
            raise ConfigError(f"{where}.source: {shown!r} is no camera address", hint=f"write {scheme}://HOST/PATH")
        if camera.password_file and not camera.username:
            raise ConfigError(f"{where}.password_file: there is no username", hint="add username")
        _check_options(camera, scheme, where)
        _check_polygons(camera, where)


def _check_polygons(camera: Camera, where: str) -> None:
    hint = "name the corners one after the other, as [[x, y], …] in 0..1"
    for key, polygons in (("privacy", camera.privacy), ("motion_masks", camera.motion_masks)):
        for index, points in enumerate(polygons):
            if flaw := flaw_of(points):
                raise ConfigError(f"{where}.{key}[{index}]: {flaw}", hint=hint)


def _check_work(works: Sequence[Work], place: str) -> None:
    """What is wrong in itself; whether the worker and the calendar are known, the program tells when it starts."""
    names = [work.name for work in works]
    for index, work in enumerate(works):
        where = f"{place}: work[{index}]"
        if names.index(work.name) != index:
            raise ConfigError(f"{where}.name: {work.name!r} is taken by another work", hint="give each its own name")
        if sum((work.every_s is not None, bool(work.cron), bool(work.on_change))) != 1:
            raise ConfigError(
                f"{where}: says not once when it runs", hint="write every_s, cron or on_change, one of them"
            )


def _check_places(config: Config, place: str) -> None:
    """Zones, lines, filters and schedules name cameras that are there, once each."""
    _check_names(config, place)
    _check_shapes(config, place)
    cameras = [camera.name for camera in config.camera]
    for index, rule in enumerate(config.filter):
        _check_known(f"{place}: filter[{index}].cameras", "camera", rule.cameras, cameras)
    for index, schedule in enumerate(config.schedule):
        _check_known(f"{place}: schedule[{index}].cameras", "camera", schedule.cameras, cameras)
    for index, camera in enumerate(config.camera):
        known = [zone.name for zone in config.zone if zone.camera == camera.name]
        _check_known(f"{place}: camera[{index}].only_zones", f"zone of camera {camera.name}", camera.only_zones, known)
        if camera.gate_input:
            _check_gate_input(config, camera, f"{place}: camera[{index}].gate_input")


def _check_gate_input(config: Config, camera: Camera, where: str) -> None:
    _check_known(where, "input", [camera.gate_input], [each.name for each in config.input])
    if not (config.motion.enabled and camera.motion):
        raise ConfigError(f"{where}: needs the motion gate, which is off", hint="switch motion on, or remove the line")


def _check_names(config: Config, place: str) -> None:
    cameras = [camera.name for camera in config.camera]
    tables: tuple[tuple[str, Sequence[Zone | Line]], ...] = (("zone", config.zone), ("line", config.line))
    for table, sections in tables:
        names: set[str] = set()
        for index, section in enumerate(sections):
            where = f"{place}: {table}[{index}]"
            _check_known(f"{where}.camera", "camera", [section.camera], cameras)
            if section.name in names:
                raise ConfigError(
                    f"{where}.name: {section.name!r} is taken by another {table}", hint="choose another name"
                )
            names.add(section.name)


def _check_shapes(config: Config, place: str) -> None:
    for index, zone in enumerate(config.zone):
        if flaw := flaw_of(zone.area):
            raise ConfigError(f"{place}: zone[{index}].area: {flaw}", hint="name the corners one after the other")
    for index, line in enumerate(config.line):
        if line.start == line.end:
            raise ConfigError(f"{place}: line[{index}].end: is where the line starts", hint="name two different places")
    for index, rule in enumerate(config.filter):
        if rule.min_area > rule.max_area or rule.min_aspect > rule.max_aspect:
            raise ConfigError(f"{place}: filter[{index}]: a least value is above its most", hint="swap them")


def _check_known(where: str, what: str, named: Sequence[str], known: Sequence[str]) -> None:
    for name in named:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(known) or 'none'}"
            raise ConfigError(f"{where}: no {what} is named {name!r}", hint=hint)


def _check_pins(config: Config, place: str) -> None:
    """Each pin has one function, and each button, input and output its own name."""
    tables: tuple[tuple[str, Sequence[Button | Input | Output]], ...] = (
        ("button", config.button),
        ("input", config.input),
        ("output", config.output),
    )
    uses = [(f"{table}[{index}].pin", each.pin) for table, sections in tables for index, each in enumerate(sections)]
    status = config.light.pin if isinstance(config.light.pin, tuple) else (config.light.pin,)
    lights = [("light.pin", pin) for pin in status] + [("light.privacy_pin", config.light.privacy_pin)]
    lights += [("light.buzzer_pin", config.light.buzzer_pin), ("power.pin", config.power.pin)]
    lights += [("power.low_pin", config.power.low_pin), *(("light.strip", pin) for pin in SPI if config.light.strip)]
    taken: dict[int, str] = {}
    for where, pin in uses + [(where, pin) for where, pin in lights if pin is not None]:
        if pin in taken:
            raise ConfigError(f"{place}: {where}: GPIO{pin} is {taken[pin]} already", hint="give each its own pin")
        taken[pin] = where
    for table, sections in tables:
        _check_own_names(place, table, [each.name for each in sections])
    if config.light.strip and config.light.pin is not None:
        raise ConfigError(f"{place}: light.strip: there is light.pin already", hint="leave one of them out")


def _check_own_names(place: str, table: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ConfigError(f"{place}: {table}[{index}].name: {name!r} is taken", hint="give each its own name")


def _check_rules(config: Config, place: str) -> None:
    """What can be said of rules without knowing labels and actions."""
    _check_own_names(place, "rule", [rule.name for rule in config.rule])
    cameras = [camera.name for camera in config.camera]
    for index, output in enumerate(config.output):
        where = f"{place}: output[{index}]"
        _check_between(output.between, where)
        _check_known(f"{where}.camera", "camera", [output.camera] if output.camera else [], cameras)
        if bool(output.dark) != bool(output.camera):
            raise ConfigError(f"{where}: dark and camera go together", hint="add the other one, or remove this one")
    for index, rule in enumerate(config.rule):
        where = f"{place}: rule[{index}]"
        _check_known(f"{where}.cameras", "camera", rule.cameras, cameras)
        _check_known(f"{where}.zones", "zone", rule.zones, [zone.name for zone in config.zone])
        _check_between(rule.between, where)
        if not (rule.do or rule.publish or rule.webhook):
            raise ConfigError(f"{where}: {rule.name!r} does nothing", hint="add do, publish or webhook")
        if rule.webhook_ca_file and not rule.webhook.startswith("https:"):
            hint = "write https://HOST/PATH, or remove the line"
            raise ConfigError(f"{where}.webhook_ca_file: does nothing without an https webhook", hint=hint)
        if rule.webhook and (flaw := flaw_of_url(rule.webhook)):
            raise ConfigError(f"{where}.webhook: {flaw}", hint="write https://HOST/PATH")


def _check_between(between: Sequence[str], where: str) -> None:
    if len(between) == 1:
        raise ConfigError(f"{where}.between: there is no end", hint='write ["22:00", "06:00"]')


def _check_power(power: Power, place: str) -> None:
    if "pin" in power.sources and power.pin is None:
        raise ConfigError(f"{place}: power.sources: there is no pin", hint="add power.pin")
    if power.low_pin is not None and power.pin is None:
        raise ConfigError(f"{place}: power.low_pin: does nothing without power.pin", hint="add it, or remove the line")
    if int(power.nut.partition(":")[2] or 1) not in range(1, 65536):
        raise ConfigError(f"{place}: power.nut: {power.nut!r} has no such port", hint="ports are 1 to 65535")


def split_broker(text: str, port: int) -> tuple[str, int]:
    """`a.local` → (`a.local`, port), `a.local:1884`, `[::1]:1884`.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:/\[\]]+))(?::([0-9]{1,5}))?", text)
    number = int(found[3]) if found and found[3] else port
    if found is None or not 1 <= number <= 65535:
        raise ValueError(text)
    return found[1] or found[2], number


def _check_mqtt(mqtt: Mqtt, where: str) -> None:
    for index, text in enumerate(mqtt.fallback):
        try:
            split_broker(text, mqtt.port)
        except ValueError as error:
            raise ConfigError(
                f"{where}.fallback[{index}]: {text!r} is no broker", hint="write HOST or HOST:PORT"
            ) from error
    needs = (
        ("fallback", "host", bool(mqtt.host)),
        ("password_file", "username", bool(mqtt.username)),
        ("ca_file", "tls = true", mqtt.tls),
        ("cert_file", "tls = true", mqtt.tls),
        ("key_file", "cert_file", bool(mqtt.cert_file)),
    )
    for key, needed, there in needs:
        if getattr(mqtt, key) and not there:
            raise ConfigError(f"{where}.{key}: does nothing without {needed}", hint=f"add {needed}, or remove the line")


def _check_web(web: Web, where: str) -> None:
    if web.host and not _is_host(web.host):
        hint = "0.0.0.0 is the whole network, 127.0.0.1 this machine"
        raise ConfigError(f"{where}.host: {web.host!r} is no address", hint=hint)
    if web.key_file and not web.cert_file:
        raise ConfigError(f"{where}.key_file: does nothing without cert_file", hint="add cert_file, or remove the line")
    if web.redirect_port and web.redirect_port == web.port:
        raise ConfigError(f"{where}.redirect_port: is the port of the page", hint="80, or another of its own")


def _is_host(host: str) -> bool:
    """An address, or something that can be a name of one: its last part is no number."""
    try:
        ip_address(host)
    except ValueError:
        return re.fullmatch(r"([A-Za-z0-9-]+\.)*[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*", host) is not None
    return True


def _check_options(camera: Camera, scheme: str, where: str) -> None:
    defaults = Camera(name=camera.name, source=camera.source)
    for option, only in _ONLY_FOR.items():
        if scheme not in only and getattr(camera, option) != getattr(defaults, option):
            raise ConfigError(f"{where}.{option}: only a {': or '.join(only)}: camera has it", hint="remove the line")
