"""What the initial RAM disk does with the card's data partition, with real file systems in a mount name space of their own."""

import os
import subprocess
from pathlib import Path

import pytest

from scripts.image import root

SCRIPT = root.FOLDER / "overlay/etc/initramfs-tools/scripts/local-bottom/edge-state"
INSIDE = """
set -eu
mount -t tmpfs run /run
mount -t tmpfs root "$rootmnt"
mkdir -p "$rootmnt/etc" "$rootmnt/var/lib/dpkg" "$rootmnt/data"
cp "$fstab" "$rootmnt/etc/fstab"
echo lower >"$rootmnt/etc/issue"
echo lower >"$rootmnt/var/lib/dpkg/status"
mount -o remount,ro "$rootmnt"
sh "$script"
eval "$look"
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
    reason="needs root, to mount",
)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "data.ext4"
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-L", "data", path, "16M"], check=True)
    return path


def start(device: Path, tmp_path: Path, look: str) -> str:
    """One start: the script of the RAM disk, then a look around; what that prints."""
    rootmnt = tmp_path / "root"
    rootmnt.mkdir(exist_ok=True)
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "rootmnt": str(rootmnt), "script": str(SCRIPT), "look": look,
        "fstab": str(root.FOLDER / "overlay/etc/fstab"), "EDGE_DEVICE": str(device),
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", INSIDE], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_is_written_to_etc_is_there_at_the_next_start(device: Path, tmp_path: Path) -> None:
    start(device, tmp_path, 'echo garden >"$rootmnt/etc/hostname"; mkdir "$rootmnt/data/state/edge/kept"')
    look = 'cat "$rootmnt/etc/hostname" "$rootmnt/etc/issue"; ls "$rootmnt/data/state/edge"; ls /run/edge-image'
    assert start(device, tmp_path, look).split() == ["garden", "lower", "kept", "e2fsck", "var"]


def test_var_is_the_roots_own_and_goes_with_the_memory(device: Path, tmp_path: Path) -> None:
    look = 'cat "$rootmnt/var/lib/dpkg/status"; ls "$rootmnt/var"; echo new >"$rootmnt/var/new"; cat "$rootmnt/var/new"'
    assert start(device, tmp_path, look).split() == ["lower", "lib", "new"]
    assert start(device, tmp_path, look).split() == ["lower", "lib", "new"]


def test_it_is_mounted_as_fstab_says(device: Path, tmp_path: Path) -> None:
    look = """awk -v where="$rootmnt/data" '$2 == where { print $3, $4 }' /proc/mounts"""
    kind, options = start(device, tmp_path, look).split()
    assert kind == "ext4"
    assert {"rw", "noatime", "nodev", "nosuid", "commit=30", "errors=remount-ro"} <= set(options.split(","))


def test_a_data_partition_that_cannot_be_used_costs_the_data_and_not_the_start(device: Path, tmp_path: Path) -> None:
    device.write_bytes(b"\0" * device.stat().st_size)
    look = 'cat /run/edge-image/no-data; echo garden >"$rootmnt/etc/hostname"; cat "$rootmnt/etc/hostname"'
    said = start(device, tmp_path, look)
    assert "not mounted" in said
    assert said.endswith("garden")


def test_a_journal_that_a_cut_left_is_finished(device: Path, tmp_path: Path) -> None:
    """The file system is marked as one that needs recovery; e2fsck, from the RAM disk, does it before anything mounts."""
    subprocess.run(["/usr/sbin/debugfs", "-w", "-R", "feature needs_recovery", device], check=True, capture_output=True)
    look = 'cat /run/edge-image/e2fsck; echo whole >"$rootmnt/etc/hostname"; cat "$rootmnt/etc/hostname"'
    said = start(device, tmp_path, look)
    assert "recovering journal" in said
    assert said.endswith("whole")
