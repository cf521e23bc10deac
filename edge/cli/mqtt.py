"""`edge mqtt check|forget|broker-config`: is the broker usable; leave it without a trace; the configuration of one on this device."""

import argparse
from pathlib import Path
from typing import Any

from edge.cli.common import add_config_options, load_config, print_json
from edge.errors import ConfigError


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("mqtt", help="check the broker, or set one up on this device", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="name, TCP, TLS, login, publish, receive, permissions; exit code 1 if one fails"
    )
    check.add_argument("--json", action="store_true", help="one JSON object with all stages")
    check.set_defaults(handler=check_broker)
    leave = actions.add_parser("forget", help="take all retained topics away, and the device from Home Assistant")
    leave.set_defaults(handler=forget_all)
    broker = actions.add_parser("broker-config", help="write the configuration of a mosquitto for this device")
    broker.add_argument("folder", type=Path, metavar="DIR")
    broker.add_argument("--port", type=int, default=1883, help="default: 1883")
    broker.add_argument("--bind", default="", metavar="ADDRESS", help="default: every address")
    broker.add_argument("--run-as", default="", metavar="USER", help="default: mosquitto's own")
    broker.add_argument("--bridge", default="", metavar="HOST:PORT", help="a remote broker that gets everything too")
    broker.add_argument(
        "--bridge-ca", default="", metavar="FILE", help="authority of its certificate: with it TLS is used"
    )
    broker.add_argument("--bridge-user", default="", metavar="NAME")
    broker.add_argument("--bridge-password-file", type=Path, metavar="FILE", help="its first line is the password")
    broker.set_defaults(handler=write_broker_config)
    for action in (check, leave, broker):
        add_config_options(action)


def check_broker(options: argparse.Namespace) -> int:
    from edge.identity import device_id
    from edge.mqtt.check import check

    config = load_config(options)
    if not config.mqtt.host:
        raise ConfigError("no broker is configured", hint="set mqtt.host; see docs/configuration.md")
    device = config.device.id or device_id(config.data_dir)
    stages = []
    for stage in check(config.mqtt, device, config.homeassistant.discovery_prefix):
        stages.append(stage)
        if not options.json:
            print(f"{'ok' if stage.ok else 'FAIL':5} {stage.name:12} {stage.found}", flush=True)
    usable = all(stage.ok for stage in stages)
    if options.json:
        print_json({"usable": usable, "stages": stages})
    return 0 if usable else 1


def forget_all(options: argparse.Namespace) -> int:
    from edge.identity import device_id, locked
    from edge.mqtt.forget import forget

    config = load_config(options)
    if not config.mqtt.host:
        raise ConfigError("no broker is configured", hint="set mqtt.host; see docs/configuration.md")
    with locked(config.data_dir):
        count = forget(config.mqtt, config.device.id or device_id(config.data_dir), config.data_dir)
    print(f"taken away: {count} topics")
    return 0


def write_broker_config(options: argparse.Namespace) -> int:
    from edge.identity import device_id
    from edge.mqtt.appliance_broker import Bridge, write

    config = load_config(options)
    device = config.device.id or device_id(config.data_dir)
    bridge = None
    if options.bridge:
        bridge = Bridge(
            options.bridge, options.bridge_ca, options.bridge_user, _first_line(options.bridge_password_file)
        )
    path = write(
        options.folder.resolve(),
        device,
        prefix=config.mqtt.prefix,
        discovery_prefix=config.homeassistant.discovery_prefix,
        port=options.port,
        bind=options.bind,
        run_as=options.run_as,
        bridge=bridge,
    )
    print(f"written: {path}\nusers: {device} (device-password) and home (home-password), in {path.parent}")
    return 0


def _first_line(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="name a file that can be read") from error
