"""The Debian package on the releases that it is for: installed, upgraded, removed, purged."""

import os
from pathlib import Path

import pytest

from tests.nspawn import MAKING_S, PACKING_S, Layered, debian_root, script

SUITES = {"bookworm": "12", "trixie": "13"}
OLD = "0.0.1"
LIFE_S = 300
OWN = '[[camera]]\nname = "own"\nsource = "test:"\n'
STAYS = ("/var/lib/edge", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/.pwd.lock")
"""What the owner's data are and whose they are; those with a hyphen behind are passwd's own spare copies."""
OF_APT = (
    "/etc/apt/apt.conf.d/90here",
    "/var/lib/dpkg",
    "/var/lib/apt",
    "/var/log",
    "/var/cache/apt",
    "/var/cache/debconf",
    "/var/cache/ldconfig",
)
"""What apt and dpkg keep for themselves."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(MAKING_S + 2 * PACKING_S + LIFE_S),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to install into a root file system"),
]


def built(suite: str, version: str, out: Path, base_dir: Path) -> Path:
    full = f"{version}+deb{SUITES[suite]}"
    return Path(
        script("package", "--suite", suite, "--version", full, "--out", out, base_dir=base_dir, timeout_s=PACKING_S)
    )


@pytest.mark.parametrize("suite", SUITES)
def test_a_life_of_the_package(suite: str, base_dir: Path, tmp_path: Path) -> None:
    layered = Layered(debian_root(suite, base_dir), tmp_path)
    layered.install(built(suite, OLD, tmp_path, base_dir))
    it_works(layered, OLD)
    # Built elsewhere it is the same: nothing in it says where it was built.
    assert layered.run("grep", "-rlF", str(tmp_path), "/usr/lib/edge-appliance", check=False).stdout == ""
    layered.write("/etc/edge/edge.toml", OWN)
    layered.write("/var/lib/edge/evidence", "kept")

    layered.install(built(suite, "9.9", tmp_path, base_dir))
    it_works(layered, "9.9")
    assert "cameras: own;" in layered.run("edge", "config", "check").stdout
    # A power cut in the middle: what was begun is done again.
    layered.run("/var/lib/dpkg/info/edge-appliance.postinst", "configure", f"9.9+deb{SUITES[suite]}")
    it_works(layered, "9.9")

    layered.run("apt-get", "-y", "remove", "edge-appliance")
    assert layered.run("cat", "/etc/edge/edge.toml", "/var/lib/edge/evidence").stdout == OWN + "kept"
    layered.run("test", "!", "-e", "/usr/bin/edge")

    layered.run("apt-get", "-y", "purge", "edge-appliance")
    assert layered.run("cat", "/var/lib/edge/evidence").stdout == "kept"
    assert left(layered) == []


def it_works(layered: Layered, version: str) -> None:
    assert layered.run("dpkg-query", "-W", "-f", "${Status} ${Version}", "edge-appliance").stdout.startswith(
        f"install ok installed {version}+"
    )
    assert layered.run("edge", "--version").stdout.startswith("edge ")
    doctor = layered.run("edge", "doctor", check=False).stdout  # no camera here
    assert "on the CPU, isolated, LiteRT" in doctor
    assert layered.run("systemctl", "is-enabled", "edge.target", "edge.service").stdout.split() == [
        "enabled",
        "enabled",
    ]
    units = layered.run("sh", "-c", "systemd-analyze verify --man=no /usr/lib/systemd/system/edge*.service")
    assert units.stdout + units.stderr == ""
    access = layered.run("stat", "-c", "%a %U:%G", "/etc/edge", "/etc/edge/edge.toml", "/var/lib/edge").stdout
    assert access.splitlines() == ["770 root:edge", "640 root:edge", "750 edge:edge"]
    groups = layered.run("id", "-nG", "edge").stdout.split()
    assert {"video", "render", "gpio", "plugdev"} <= set(groups)


def left(layered: Layered) -> list[str]:
    """What installation, use and purge have put or changed, beside what may stay."""
    upper = layered.written("/")
    found = (
        f"/{path.relative_to(upper)}" for path in upper.rglob("*") if not path.is_dir() and not path.is_char_device()
    )
    return sorted(path for path in found if not path.rstrip("-").startswith((*STAYS, *OF_APT)))
