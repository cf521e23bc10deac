"""The bill of materials: from dpkg's list and the wheels' metadata, the same for the same root."""

from pathlib import Path

import pytest

from scripts.image import sbom

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: arm64
Source: glibc
Version: 2.41-12+deb13u4
Description: GNU C Library: Shared libraries

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1.0

Package: mosquitto
Status: install ok installed
Architecture: arm64
Version: 2.0.21-1
"""
METADATA = """\
Metadata-Version: 2.4
Name: Some_Package
Version: 1.2.3
License-Expression: Apache-2.0
Classifier: Programming Language :: Python

The name and version in this text are no header:
Name: other
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    wheel = tmp_path / sbom.SITES[0] / "some_package-1.2.3.dist-info"
    wheel.mkdir(parents=True)
    (wheel / "METADATA").write_text(METADATA)
    return tmp_path


def test_what_is_installed_is_listed_and_nothing_else(root: Path) -> None:
    made = sbom.bill(root, "card", "1.0", 1_700_000_000)
    assert {(each["name"], each["version"]) for each in made["components"]} == {
        ("libc6", "2.41-12+deb13u4"), ("mosquitto", "2.0.21-1"), ("Some_Package", "1.2.3"),
    }  # fmt: skip
    by_name = {each["name"]: each for each in made["components"]}
    assert by_name["libc6"]["purl"] == "pkg:deb/debian/libc6@2.41-12%2Bdeb13u4?arch=arm64&distro=debian-13"
    assert by_name["libc6"]["properties"] == [{"name": "debian:source", "value": "glibc"}]
    assert by_name["Some_Package"]["purl"] == "pkg:pypi/some-package@1.2.3"
    assert by_name["Some_Package"]["licenses"] == [{"license": {"name": "Apache-2.0"}}]


def test_the_same_root_and_date_give_the_same_bill(root: Path) -> None:
    first = sbom.bill(root, "card", "1.0", 1_700_000_000)
    assert sbom.bill(root, "card", "1.0", 1_700_000_000) == first
    status = root / sbom.STATUS
    status.write_text(status.read_text().replace("2.0.21-1", "2.0.22-1"))
    assert sbom.bill(root, "card", "1.0", 1_700_000_000)["serialNumber"] != first["serialNumber"]
