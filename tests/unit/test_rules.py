"""Rules: when they go off, what they ask for, and what is refused before the first event."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from edge.actions.standard import Rooms, standard_actions
from edge.buttons.outputs import Outputs
from edge.clock import Instant, SystemClock
from edge.config import Config, parse
from edge.errors import ConfigError
from edge.geometry import Box
from edge.health import Health
from edge.rules.build import rules_from
from edge.rules.room import Doing, Rule
from edge.rules.rule import REMEMBERED, STALE_S
from edge.store.port import Event
from edge.wiring.asked import check_asked

MIDNIGHT_S = datetime(2026, 7, 6).timestamp()  # a Monday, local time
LABELS = ("Person", "Dog", "Car")
SCENE = {
    "camera": [{"name": "door", "source": "test:"}, {"name": "yard", "source": "test:"}],
    "zone": [{"name": "porch", "camera": "door", "area": [[0, 0], [1, 0], [1, 1]]}],
    "output": [{"name": "siren", "pin": 25, "max_s": 60.0}],
}


def at(hours: float) -> Instant:
    return Instant(wall_s=MIDNIGHT_S + hours * 3600, boot_s=1000 + hours * 3600)


def event(id: str = "a", hours: float = 12.0, **fields: Any) -> Event:
    known: dict[str, Any] = {"camera": "door", "label": "Person", "score": 0.8, "zones": ("porch",), **fields}
    return Event(id=id, box=Box(0, 0, 1, 1), started=at(hours), seen=at(hours), boot_id="b", **known)


def parsed(**rule: Any) -> Config:
    return parse({**SCENE, "rule": [{"name": "r", "publish": "alarm", **rule}]}, place="edge.toml")


def made(settings: Config) -> list[Any]:
    actions = [*standard_actions(cast(Rooms, None)), *outputs(settings).actions()]
    return rules_from(settings, {action.name: action for action in actions}, LABELS)


def outputs(settings: Config) -> Outputs:
    from edge.buttons.outputs import Output

    return Outputs([Output(each.name, None, each.max_s) for each in settings.output], Health(SystemClock()), print)


@pytest.mark.parametrize(
    ("rule", "seen", "armed", "fires"),
    [
        ({}, event(), True, True),
        ({"labels": ["Person"]}, event(), True, True),
        ({"labels": ["Dog", "Car"]}, event(), True, False),
        ({"cameras": ["door"]}, event(), True, True),
        ({"cameras": ["yard"]}, event(), True, False),
        ({"zones": ["porch"]}, event(), True, True),
        ({"zones": ["porch"]}, event(zones=()), True, False),
        ({"zones": ["porch"]}, event(zones=("drive", "porch")), True, True),
        ({"min_score": 0.8}, event(), True, True),
        ({"min_score": 0.81}, event(), True, False),
        ({"armed": True}, event(), True, True),
        ({"armed": True}, event(), False, False),
        ({"armed": False}, event(), True, False),
        ({"armed": False}, event(), False, True),
        ({"between": ["22:00", "06:00"]}, event(hours=23), True, True),
        ({"between": ["22:00", "06:00"]}, event(hours=29.9), True, True),
        ({"between": ["22:00", "06:00"]}, event(hours=30), True, False),
        ({"between": ["22:00", "06:00"], "days": ["mon"]}, event(hours=5), True, False),
        ({"between": ["22:00", "06:00"], "days": ["mon"]}, event(hours=29), True, True),
        ({"days": ["mon"]}, event(hours=12), True, True),
        ({"days": ["tue"]}, event(hours=12), True, False),
        ({"on": "end"}, event(), True, False),
        ({"on": "end"}, event(end_reason="left"), True, True),
        ({}, event(end_reason="left"), True, True),  # it began and ended in one
        ({}, event(end_reason="interrupted"), True, False),
        ({"on": "end"}, event(end_reason="interrupted"), True, False),
        ({}, event(label="snapshot"), True, False),
        ({"labels": ["snapshot"]}, event(label="snapshot"), True, True),
    ],
)
def test_when_a_rule_goes_off(rule: dict[str, Any], seen: Event, armed: bool, fires: bool) -> None:
    (built,) = made(parsed(**rule))
    assert built.trigger.fires(seen, armed=armed, now=seen.seen) == fires


def test_a_rule_goes_off_once_an_event_as_soon_as_it_holds() -> None:
    (rule,) = made(parsed(zones=["porch"], min_score=0.7))
    revisions = [
        event(zones=(), score=0.6),
        event(zones=(), score=0.9, revision=2),
        event(score=0.9, revision=3),
        event(score=0.95, revision=4),
        event(score=0.95, revision=5, end_reason="left"),
    ]
    assert [rule.trigger.fires(each, armed=True, now=each.seen) for each in revisions] == [0, 0, 1, 0, 0]


def test_it_rests_between_two_events() -> None:
    (rule,) = made(parsed(cooldown_s=60))
    fired = []
    for second in (0, 30, 59, 61, 100, 122):
        seen = event(id=str(second), hours=12 + second / 3600)
        fired.append(rule.trigger.fires(seen, armed=True, now=seen.seen))
    assert fired == [True, False, False, True, False, True]


def test_what_waited_for_too_long_sets_nothing_off() -> None:
    (rule,) = made(parsed())
    assert not rule.trigger.fires(event(), armed=True, now=at(12 + (STALE_S + 1) / 3600))
    assert rule.trigger.fires(event(), armed=True, now=at(12 + (STALE_S - 1) / 3600))


def fires(rule: Rule, seen: Event) -> bool:
    return rule.trigger.fires(seen, armed=True, now=seen.seen)


def test_an_event_that_outlasts_all_others_sets_off_nothing_again() -> None:
    (rule,) = made(parsed())
    assert fires(rule, event("parked"))
    for number in range(REMEMBERED + 10):
        assert fires(rule, event(str(number)))
        assert not fires(rule, event(str(number), revision=2, end_reason="left"))
    assert not fires(rule, event("parked", revision=2))
    assert not fires(rule, event("parked", revision=3, end_reason="left"))
    assert not fires(rule, event("parked", revision=4, end_reason="left", sub_label="van"))


def test_what_is_remembered_is_bounded() -> None:
    (rule,) = made(parsed())
    for number in range(REMEMBERED + 10):
        assert fires(rule, event(str(number)))
        assert not fires(rule, event(str(number), revision=2, end_reason="left"))
        assert fires(rule, event(f"without an end {number}"))
    assert (len(rule.trigger._open), len(rule.trigger._over)) == (REMEMBERED, REMEMBERED)


def test_an_action_gets_what_is_the_events_own() -> None:
    doing = Doing("clip", {"camera": "$camera", "event": "$event", "for_s": 5, "note": "x$camera"})
    assert msgspec.json.decode(doing.of(event(id="0197"))) == {
        "camera": "door",
        "event": "0197",
        "for_s": 5,
        "note": "x$camera",
    }


def test_all_that_a_rule_may_do_is_taken() -> None:
    do = ["clip camera=$camera", "snapshot", "keep event=$event", "disarm camera=yard", "output name=siren for_s=5"]
    (rule,) = made(parsed(do=do, webhook="https://hooks.example/a?b=c"))
    assert [doing.action for doing in rule.do] == ["clip", "snapshot", "keep", "disarm", "output"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"publish": ""}, "edge.toml: rule[0]: 'r' does nothing (add do, publish or webhook)"),
        ({"cameras": ["dor"]}, "edge.toml: rule[0].cameras: no camera is named 'dor' (did you mean 'door'?)"),
        ({"zones": ["porche"]}, "edge.toml: rule[0].zones: no zone is named 'porche' (did you mean 'porch'?)"),
        ({"labels": ["person"]}, "did you mean 'Person'?"),
        ({"between": ["22:00"]}, 'edge.toml: rule[0].between: there is no end (write ["22:00", "06:00"])'),
        ({"between": ["22:00", "24:00"]}, "rule[0].between[1] is '24:00'"),
        ({"days": ["monday"]}, "rule[0].days[0] is 'monday'"),
        ({"min_score": 1.5}, "rule[0].min_score is 1.5"),
        ({"on": "begin"}, "rule[0].on is 'begin'"),
        ({"publish": "a/#"}, "rule[0].publish is 'a/#'"),
        ({"publish": "/a"}, "rule[0].publish is '/a'"),
        ({"label": ["Person"]}, "edge.toml: rule[0].label: unknown key (did you mean 'labels'?)"),
        ({"webhook": "ftp://host/x"}, "rule[0].webhook: 'ftp' is neither http nor https (write https://HOST/PATH)"),
        ({"webhook": "https:///x"}, "rule[0].webhook: names no host"),
        ({"webhook": "https://host:99999/x"}, "rule[0].webhook: is no address"),
        ({"webhook": "https://a..b/x"}, "rule[0].webhook: has a name of a host that is empty between two dots"),
        ({"webhook": "https://.local/x"}, "rule[0].webhook: has a name of a host that is empty between two dots"),
        ({"webhook": f"https://{'a' * 64}.local/x"}, "or too long (write https://HOST/PATH)"),
        ({"webhook": "https://host/a b"}, "rule[0].webhook: has a character that an address cannot have"),
        ({"webhook": "https://host/a\r\nX: y"}, "rule[0].webhook: has a character that an address cannot have"),
        ({"webhook": "https://me:secret@host/"}, "rule[0].webhook: has a user or a fragment"),
        ({"webhook_ca_file": "ca.pem"}, "rule[0].webhook_ca_file: does nothing without an https webhook (write https"),
        (
            {"webhook": "https://host/", "webhook_ca_file": "/nowhere.pem"},
            "rule[0].webhook_ca_file: /nowhere.pem: [Errno 2] No such file or directory (name a PEM file",
        ),
        ({"webhook_tries": 0}, "rule[0].webhook_tries is 0"),
        ({"do": ["clipp"]}, "rule[0].do[0]: 'clipp': 'clipp' is no action (known: "),
        ({"do": ["snapshot", ""]}, "rule[0].do[1]: '': no action is named"),
        ({"do": ["clip door"]}, "rule[0].do[0]: 'clip door': 'door' is no argument (write KEY=VALUE: camera=door)"),
        ({"do": ["clip place=door"]}, "unknown field `place`"),
        ({"do": ["clip camera=dor"]}, "rule[0].do[0]: no camera is named 'dor' (there is: door, yard)"),
        ({"do": ["keep event=$evnt"]}, "rule[0].do[0]: '$evnt' is nothing of an event (there is: $camera, $event)"),
        ({"do": ["clip camera=$event"]}, "rule[0].do[0]: no camera is named '$event'"),
        (
            {"do": ["output"]},
            "rule[0].do[0]: 'output': output: the arguments are wrong: Object missing required field `name`",
        ),
        ({"do": ["output name=$camera"]}, "rule[0].do[0]: no output is named '$camera'"),
        ({"do": ["output name=siren for_s=0"]}, "rule[0].do[0]: output siren: for_s is 0 (above 0 and at most 60)"),
        ({"do": ["output name=siren for_s=long"]}, "Expected `float | null`, got `str`"),
        ({"name": "Night visitor"}, "rule[0].name is 'Night visitor'"),
        ({"cooldown_s": -1}, "rule[0].cooldown_s is -1"),
        ({"webhook": "https://host/", "webhook_timeout_s": 0}, "rule[0].webhook_timeout_s is 0"),
        ({"do": ["output name=sirene"]}, "rule[0].do[0]: no output is named 'sirene' (there is: siren)"),
        ({"do": ["output name=siren for_s=61"]}, "rule[0].do[0]: output siren: for_s is 61 (above 0 and at most 60)"),
        ({"do": ["shutdown"]}, "rule[0].do[0]: 'shutdown': shutdown needs the permission 'admin' (bind it to"),
        ({"do": ["snapshot"], "labels": ["snapshot"]}, "would set itself off (take snapshot out of labels)"),
    ],
)
def test_each_mistake_is_refused_with_place_and_remedy(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(parsed(**rule))
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"output": [{"name": "a", "pin": 25}, {"name": "b", "pin": 25}]}, "output[1].pin: GPIO25 is output[0].pin"),
        ({"output": [{"name": "a", "pin": 25}, {"name": "a", "pin": 24}]}, "output[1].name: 'a' is taken"),
        ({"input": [{"name": "a", "pin": 6}], "power": {"pin": 6}}, "power.pin: GPIO6 is input[0].pin already"),
        ({"input": [{"name": "a", "pin": 28}]}, "input[0].pin is 28"),
        ({"rule": [{"name": "r", "publish": "a"}, {"name": "r", "publish": "b"}]}, "rule[1].name: 'r' is taken"),
        (
            {"light": {"strip": "/dev/spidev0.0"}, "input": [{"name": "a", "pin": 10}]},
            "light.strip: GPIO10 is input[0]",
        ),
        ({"light": {"strip": "/dev/spidev0.0", "pin": 5}}, "light.strip: there is light.pin already (leave one"),
        ({"power": {"low_pin": 5}}, "power.low_pin: does nothing without power.pin (add it, or remove the line)"),
        ({"power": {"pin": 6, "low_pin": 6}}, "power.low_pin: GPIO6 is power.pin already"),
        ({"output": [{"name": "a", "pin": 25, "dark": 0.1}]}, "output[0]: dark and camera go together (add the other"),
        ({"output": [{"name": "a", "pin": 25, "camera": "door"}]}, "output[0]: dark and camera go together"),
        (
            {"output": [{"name": "a", "pin": 25, "dark": 0.1, "camera": "dor"}]},
            "output[0].camera: no camera is named 'dor' (did you mean 'door'?)",
        ),
        (
            {"camera": [{"name": "door", "source": "test:", "gate_input": "pir"}], "zone": []},
            "camera[0].gate_input: no input is named 'pir' (there is: none)",
        ),
        (
            {
                "camera": [{"name": "door", "source": "test:", "gate_input": "pir", "motion": False}],
                "zone": [],
                "input": [{"name": "pir", "pin": 19}],
            },
            "camera[0].gate_input: needs the motion gate, which is off (switch motion on, or remove the line)",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_with_place_and_remedy(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({**SCENE, **tables}, place="edge.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"button": [{"name": "a", "pin": 5, "long": "clipp"}]}, "button[0].long: 'clipp': 'clipp' is no action"),
        ({"input": [{"name": "a", "pin": 5, "off": "clip door"}]}, "input[0].off: 'clip door': 'door' is no argument"),
        ({"input": [{"name": "a", "pin": 5, "on": "reboot"}]}, "input[0].on: 'reboot': reboot needs the permission"),
        ({"rule": [{"name": "r", "do": ["output name=horn"]}]}, "rule[0].do[0]: no output is named 'horn'"),
        ({"button": [{"name": "a", "pin": 5, "very_long": "factory-reset"}]}, "is confirmed by light (set light.pin)"),
        ({"input": [{"name": "a", "pin": 5, "on": "factory-reset"}]}, "factory-reset needs the permission 'admin'"),
    ],
)
def test_what_is_asked_for_is_checked_without_running(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_asked(parse({**SCENE, **tables}, place="edge.toml"), LABELS)
    assert message in str(caught.value)


def test_the_documented_configuration_asks_for_what_there_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    check_asked(parse(tomllib.loads(text.split("```toml\n", 1)[1].split("```", 1)[0]), place="docs"), LABELS)
