"""From the configuration to rules, everything checked before the first event."""

import ssl
from collections.abc import Collection, Mapping

import msgspec

from edge import config
from edge.actions.asking import ask_of
from edge.actions.port import Action, Permission
from edge.config import Config
from edge.errors import ConfigError
from edge.events.arming import Period
from edge.recognition.labels import check_labels
from edge.rules.room import Doing, Rule
from edge.rules.rule import PICTURES, Condition, Trigger

MAY: Permission = "operate"
"""What rules may: nothing that stops or changes the device itself, which could then not be used any more."""
OWN = {"camera": "$camera", "event": "$event"}
"""Which argument may be the event's own."""


def rules_from(settings: Config, actions: Mapping[str, Action], labels: Collection[str]) -> list[Rule]:
    """
    Args:
        labels: those of the detector.

    Raises:
        ConfigError: no such action, label, camera or output, or one that rules may not use.
    """
    return [_rule(section, f"rule[{index}]", settings, actions, labels) for index, section in enumerate(settings.rule)]


def _rule(
    section: config.Rule, place: str, settings: Config, actions: Mapping[str, Action], labels: Collection[str]
) -> Rule:
    check_labels(f"{place}.labels", "the detector", labels, [each for each in section.labels if each != PICTURES])
    return Rule(
        name=section.name,
        trigger=Trigger(_condition(section), section.on, section.cooldown_s),
        do=tuple(_doing(text, f"{place}.do[{n}]", section, settings, actions) for n, text in enumerate(section.do)),
        publish=section.publish,
        webhook=section.webhook,
        timeout_s=section.webhook_timeout_s,
        tries=section.webhook_tries,
        trust=_trust(section.webhook_ca_file, f"{place}.webhook_ca_file") if section.webhook_ca_file else None,
    )


def _trust(path: str, place: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # an SSLError is one too
        raise ConfigError(f"{place}: {path}: {error}", hint="name a PEM file with the authority") from error


def _condition(section: config.Rule) -> Condition:
    start, end = section.between or ("00:00", "00:00")
    all_day = not section.between and len(set(section.days)) == 7
    return Condition(
        cameras=frozenset(section.cameras),
        labels=frozenset(section.labels),
        zones=frozenset(section.zones),
        min_score=section.min_score,
        period=None if all_day else Period.of(config.Schedule(start=start, end=end, days=section.days)),
        armed=section.armed,
    )


def _doing(text: str, place: str, section: config.Rule, settings: Config, actions: Mapping[str, Action]) -> Doing:
    asked = ask_of(text, actions, place, MAY)
    if asked.action == PICTURES and PICTURES in section.labels:
        raise ConfigError(f"{place}: {text!r}: would set itself off", hint=f"take {PICTURES} out of labels")
    doing = Doing(asked.action, msgspec.json.decode(asked.arguments, type=dict[str, object]))
    for value in doing.arguments.values():
        if str(value).startswith("$") and value not in OWN.values():
            raise ConfigError(f"{place}: {value!r} is nothing of an event", hint=f"there is: {', '.join(OWN.values())}")
    cameras = ["", *(camera.name for camera in settings.camera)]
    _check(doing, "camera", cameras, place)
    if asked.action == "output":
        _check_output(doing, settings, place)
    return doing


def _check_output(doing: Doing, settings: Config, place: str) -> None:
    limits = {output.name: output.max_s for output in settings.output}
    _check(doing, "name", list(limits), place)
    name, for_s = str(doing.arguments["name"]), doing.arguments.get("for_s")
    if isinstance(for_s, int | float) and not 0 < for_s <= limits[name]:
        hint = f"above 0 and at most {limits[name]:g}"
        raise ConfigError(f"{place}: output {name}: for_s is {for_s:g}", hint=hint)


def _check(doing: Doing, key: str, known: Collection[str], place: str) -> None:
    value = doing.arguments.get(key)
    if value is not None and value not in known and value != OWN.get(key):
        hint = f"there is: {', '.join(filter(None, known)) or 'none'}"
        what = "camera" if key == "camera" else "output"
        raise ConfigError(f"{place}: no {what} is named {value!r}", hint=hint)
