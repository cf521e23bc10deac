"""Whether buttons, inputs and rules of a configuration ask for what there is, without running anything."""

from collections.abc import Collection
from typing import cast

from edge.actions.asking import ask_of
from edge.actions.port import Action
from edge.actions.standard import Rooms, standard_actions
from edge.buttons.build import bindings_of
from edge.buttons.outputs import Output, Outputs
from edge.clock import SystemClock
from edge.config import Config
from edge.health import Health
from edge.rules.build import rules_from
from edge.update.works import update_actions


def check_asked(config: Config, labels: Collection[str]) -> None:
    """
    Args:
        labels: those of the detector.

    Raises:
        ConfigError: no such action, not its arguments, not permitted there, or no such camera, output or label.
    """
    actions = _actions(config)
    for index, button in enumerate(config.button):
        bindings_of(button, f"button[{index}]", actions, config.light)
    for index, each in enumerate(config.input):
        for key, text in (("on", each.on), ("off", each.off)):
            if text:
                ask_of(text, actions, f"input[{index}].{key}", "operate")
    rules_from(config, actions, labels)


def _actions(config: Config) -> dict[str, Action]:
    rooms = cast(Rooms, None)  # none is used before something is done
    outputs = Outputs([Output(each.name, None, each.max_s) for each in config.output], Health(SystemClock()), print)
    updating = update_actions(config.update, config.data_dir)
    return {action.name: action for action in (*standard_actions(rooms), *outputs.actions(), *updating)}
