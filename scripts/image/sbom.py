"""What is in the root, as CycloneDX: Debian's packages from dpkg's own list, Python's from the wheels' metadata. Made offline."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

STATUS = Path("var/lib/dpkg/status")
SITES = ("usr/lib/edge-appliance/lib/python3.13/site-packages",)
NAMESPACE = UUID("b3f7d0f4-4b1f-4f0a-9c0e-0f2f5b7b9c11")
LONGEST_LICENCE = 80
"""Some wheels put the whole text there."""


def bill(root: Path, name: str, version: str, epoch: int) -> dict[str, Any]:
    """The bill of materials of a root file system.

    Args:
        epoch: its date, seconds since 1970; the same root and date give the same bill.
    """
    components = sorted([*_debian(root), *_python(root)], key=lambda each: str(each["bom-ref"]))
    content = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE, content)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "operating-system", "name": name, "version": version},
        },
        "components": components,
    }


def _debian(root: Path) -> Iterator[dict[str, Any]]:
    text = (root / STATUS).read_text(encoding="utf-8")
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): *(.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") != "install ok installed":
            continue
        name, version = fields["Package"], fields["Version"]
        address = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={fields['Architecture']}&distro=debian-13"
        source = re.sub(r" .*", "", str(fields.get("Source", name)))
        yield _component(name, version, address, properties=[{"name": "debian:source", "value": source}])


def _python(root: Path) -> Iterator[dict[str, Any]]:
    for site in SITES:
        for path in (root / site).glob("*.dist-info/METADATA"):
            fields = Parser().parsestr(path.read_text(encoding="utf-8"), headersonly=True)
            name, version = str(fields["Name"]), str(fields["Version"])
            normal = re.sub(r"[-_.]+", "-", name).lower()
            yield _component(name, version, f"pkg:pypi/{normal}@{quote(version)}", licence=_licence(fields))


def _licence(fields: Message) -> str:
    said = str(fields["License-Expression"] or fields["License"] or "").strip()
    if said and len(said) <= LONGEST_LICENCE and "\n" not in said:
        return said
    classifiers = [
        str(each).rpartition(" :: ")[2]
        for each in fields.get_all("Classifier", [])
        if str(each).startswith("License ::")
    ]
    return "; ".join(classifiers)


def _component(
    name: str, version: str, address: str, *, licence: str = "", properties: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
    }
    if licence:
        component["licenses"] = [{"license": {"name": licence}}]
    if properties:
        component["properties"] = properties
    return component
