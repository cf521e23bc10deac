"""The documents say what the code does."""

import tomllib
from importlib import metadata
from pathlib import Path

import msgspec

from edge.config import Config, parse
from edge.events.message import EventMessage, PictureMessage
from edge.mqtt.schemas import PAYLOADS, schema, text
from edge.recognition.catalogue import catalogue
from tests.homeassistant_rules import check_discovery

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def block(path: Path, language: str) -> str:
    """The first code block of that language."""
    return path.read_text(encoding="utf-8").split(f"```{language}\n", 1)[1].split("```", 1)[0]


def test_the_documented_configuration_is_right_and_names_every_key() -> None:
    text = block(DOCS / "configuration.md", "toml")
    documented = tomllib.loads(text)
    parse(documented, place="docs/configuration.md")
    for field in msgspec.structs.fields(Config):
        several = isinstance(documented[field.name], list)
        tables = documented[field.name] if several else [documented[field.name]]
        section = field.type.__args__[0] if several else field.type
        named = {key for table in tables for key in table}
        assert named == {key.name for key in msgspec.structs.fields(section)}, field.name


def test_the_documented_defaults_are_the_defaults() -> None:
    documented = parse(tomllib.loads(block(DOCS / "configuration.md", "toml")), place="docs")
    for section in ("motion", "tracking", "pictures", "mqtt", "homeassistant"):
        assert getattr(documented, section) == getattr(Config(), section)


def test_the_documented_event_is_one_and_every_field_is_explained() -> None:
    text = (DOCS / "mqtt.md").read_text(encoding="utf-8")
    event = msgspec.json.decode(block(DOCS / "mqtt.md", "json"), type=EventMessage)
    assert set(msgspec.to_builtins(event)) == {field.name for field in msgspec.structs.fields(EventMessage)}
    for field in (*msgspec.structs.fields(EventMessage), *msgspec.structs.fields(PictureMessage)):
        assert f"`{field.name}`" in text or f'"{field.name}"' in text


def test_every_model_of_the_catalogue_is_listed() -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    assert [name for name in catalogue() if f"`{name}`" not in text] == []


def test_every_dependency_has_its_licence_listed() -> None:
    text = (DOCS / "licences.md").read_text(encoding="utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for line in project["dependencies"] + extras:
        name = line.split(";")[0].split(">")[0].split("<")[0].strip()
        assert name in text or metadata.metadata(name)["Name"].lower() in text or name == "av", name


def test_links_between_documents_lead_somewhere() -> None:
    import re

    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_schemas_are_those_of_what_is_published() -> None:
    written = {path.stem: path.read_bytes() for path in (DOCS / "schemas").glob("*.json")}
    assert written == {name: text(name) for name in PAYLOADS}, "run scripts/schemas"


def test_every_published_field_is_explained() -> None:
    documented = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("mqtt.md", "storage.md", "clips.md"))
    for name in PAYLOADS.keys() - {"frigate"}:  # whose fields Frigate explains
        for struct in schema(name)["$defs"].values():
            assert [
                field
                for field in struct.get("properties", {})
                if f"`{field}`" not in documented and f'"{field}"' not in documented
            ] == []


def test_the_documented_announcement_keeps_the_rules_of_home_assistant() -> None:
    check_discovery("homeassistant/device/porch/config", block(DOCS / "home-assistant.md", "json").encode())
