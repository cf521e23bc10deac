"""One TOML file becomes frozen, validated sections.

Parsing has no side effect and touches no hardware. Unknown keys are refused with the nearest known one. Secrets are named by file, never
written here. Every default stands at its field, and `edge config show` prints all of them.
"""

from edge.config.affording import Limits, Network, Power, When, Work, Workers
from edge.config.checks import NETWORK, SCHEMES, split_address, split_broker
from edge.config.file import ConfigFile, Stored
from edge.config.hiding import hidden, unhidden
from edge.config.keeping import Backup, Card, Clips, Device, Paths, Pictures, Retention, Update
from edge.config.loading import is_table, load, parse, resolve_paths
from edge.config.local import SECRET_NAME, refused_names
from edge.config.problems import Problem, problem_of, problems_of
from edge.config.section import Day, Name, Pin, Section, TimeOfDay
from edge.config.seeing import Camera, ClipMode, Detector, Filter, Line, Motion, Schedule, SecondLook, Tracking, Zone
from edge.config.telling import HomeAssistant, Mqtt, Web
from edge.config.touching import Button, Gpio, Input, Light, Output, Rule
from edge.config.whole import Config, default_data_dir

__all__ = [
    "NETWORK",
    "SCHEMES",
    "SECRET_NAME",
    "Backup",
    "Button",
    "Camera",
    "Card",
    "ClipMode",
    "Clips",
    "Config",
    "ConfigFile",
    "Day",
    "Detector",
    "Device",
    "Filter",
    "Gpio",
    "HomeAssistant",
    "Input",
    "Light",
    "Limits",
    "Line",
    "Motion",
    "Mqtt",
    "Name",
    "Network",
    "Output",
    "Paths",
    "Pictures",
    "Pin",
    "Power",
    "Problem",
    "Retention",
    "Rule",
    "Schedule",
    "SecondLook",
    "Section",
    "Stored",
    "TimeOfDay",
    "Tracking",
    "Update",
    "Web",
    "When",
    "Work",
    "Workers",
    "Zone",
    "default_data_dir",
    "hidden",
    "is_table",
    "load",
    "parse",
    "problem_of",
    "problems_of",
    "refused_names",
    "resolve_paths",
    "split_address",
    "split_broker",
    "unhidden",
]
