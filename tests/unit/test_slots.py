"""Which slot boots: autoboot.txt as the Pi's firmware reads it, and RAUC's questions."""

import os
import subprocess
from pathlib import Path

import pytest

from edge.cli import main
from edge.clock import read_boot_id
from edge.errors import UpdateError
from edge.update import autoboot, progress
from edge.update.autoboot import Autoboot
from edge.update.progress import Standing
from edge.update.slots import Slots
from edge.update.system import installed_version
from edge.update.trial import decide, go_back

DOCUMENTED = "[all]\r\ntryboot_a_b=1\r\nboot_partition=2\r\n\r\n[tryboot]\r\nboot_partition=3\r\n"


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/autoboot.txt").write_bytes(DOCUMENTED.encode())
    return tmp_path / "boot"


def slots(boot: Path, booted: str = "A") -> Slots:
    cmdline = boot.parent / "cmdline"
    cmdline.write_text(f"console=tty1 root=PARTLABEL=system_x rauc.slot={booted} rootwait\n" if booted else "quiet\n")
    return Slots(boot, boot.parent / "data", cmdline=cmdline, reboot_param=boot.parent / "run/reboot-param")


def test_autoboot_is_read_and_written_as_the_firmware_has_it(boot: Path) -> None:
    assert autoboot.read(boot) == Autoboot(2, 3)
    autoboot.write(boot, Autoboot(3, 2))
    assert autoboot.read(boot) == Autoboot(3, 2)
    assert (
        boot / "autoboot.txt"
    ).read_bytes() == b"[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n"
    assert len((boot / "autoboot.txt").read_bytes()) < autoboot.MOST_BYTES
    assert [path.name for path in boot.iterdir()] == ["autoboot.txt"]


@pytest.mark.parametrize(
    "text", ["", "[all]\nboot_partition=2\n", "boot_partition=x\n[tryboot]\nboot_partition=3\n", "\xff"]
)
def test_an_autoboot_that_says_something_else_is_refused(boot: Path, text: str) -> None:
    (boot / "autoboot.txt").write_text(text, encoding="latin-1")
    with pytest.raises(UpdateError, match=r"autoboot\.txt"):
        autoboot.read(boot)


def test_an_update_is_tried_once_and_committed_when_it_is_well(boot: Path) -> None:
    before = slots(boot)
    assert (before.booted, before.default, before.on_trial, before.armed) == ("A", "A", False, None)
    before.arm("B")
    assert (before.default, before.primary) == ("A", "B")
    assert (boot.parent / "run/reboot-param").read_text() == "0 tryboot\n"
    (boot.parent / "run/reboot-param").unlink()  # the restart takes it
    trial = slots(boot, "B")
    assert (trial.booted, trial.default, trial.on_trial) == ("B", "A", True)
    trial.mark("B", "good")
    assert (trial.default, trial.on_trial) == ("B", False)
    assert autoboot.read(boot) == Autoboot(3, 2)


def test_without_a_commit_every_restart_leads_back(boot: Path) -> None:
    slots(boot).arm("B")
    (boot.parent / "run/reboot-param").unlink()
    trial = slots(boot, "B")
    trial.mark("B", "bad")
    assert (trial.default, trial.primary, trial.state("B"), trial.state("A")) == ("A", "A", "bad", "good")


def test_the_way_back_is_not_written_over(boot: Path) -> None:
    trial = slots(boot, "B")
    with pytest.raises(UpdateError, match="slot A is the way back while slot B is on trial"):
        trial.mark("A", "bad")
    assert trial.state("A") == "good"
    trial.mark("B", "good")
    trial.mark("A", "bad")


def test_a_wish_can_be_taken_back(boot: Path) -> None:
    now = slots(boot)
    now.arm("B")
    now.arm("A")
    assert (now.primary, now.armed) == ("A", None)


def test_a_device_without_slots_is_never_on_trial(boot: Path) -> None:
    (boot / "autoboot.txt").unlink()
    only = slots(boot, "")
    assert (only.booted, only.on_trial) == (None, False)
    only.commit()
    assert not (boot / "autoboot.txt").exists()


def test_the_decision(boot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restarts: list[str] = []

    def decided(booted: str, well: bool) -> str:
        made = slots(boot, booted)
        monkeypatch.setattr("edge.update.trial.Slots", lambda *_: made)
        return decide(boot, boot.parent / "data", well, "no frames", lambda: restarts.append(booted))

    assert decided("A", False) == ""
    assert "back to slot A" in decided("B", False)
    assert restarts == ["B"]
    assert "from now on" in decided("B", True)
    assert (autoboot.read(boot), restarts) == (Autoboot(3, 2), ["B"])


@pytest.mark.parametrize("well", [True, False])
def test_power_goes_between_the_commit_and_its_note(boot: Path, monkeypatch: pytest.MonkeyPatch, well: bool) -> None:
    data, version = boot.parent / "data", installed_version()
    made = slots(boot, "B")
    monkeypatch.setattr("edge.update.trial.Slots", lambda *_: made)
    progress.save(data, Standing(phase="installed", version=version, boot_id="the start before"))
    made.mark("B", "good")
    assert progress.load(data).is_on_trial(version)
    assert version in decide(boot, data, well, "no frames", restart_is_wrong)
    assert (progress.load(data).phase, progress.load(data).version) == ("idle", version)
    assert decide(boot, data, well, "no frames", restart_is_wrong) == ""


def test_the_same_version_again_waits_for_its_restart(boot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = boot.parent / "data"
    made = slots(boot)
    monkeypatch.setattr("edge.update.trial.Slots", lambda *_: made)
    progress.save(data, Standing(phase="installed", version=installed_version(), boot_id=read_boot_id()))
    assert decide(boot, data, True, "", restart_is_wrong) == ""
    assert progress.load(data).is_waiting


def restart_is_wrong() -> None:
    raise AssertionError("nothing is on trial")


def test_raucs_questions(boot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--boot", str(boot), "--data", str(boot.parent / "data")]
    assert main(["slots", "set-state", "B", "bad", *where]) == 0
    assert main(["slots", "get-state", "B", *where]) == 0
    assert main(["slots", "get-primary", *where]) == 0
    assert main(["slots", "get-current", *where]) == 0
    assert main(["slots", "set-state", "B", *where]) == 2
    assert capsys.readouterr().out == "bad\nA\n\n"


def test_going_back_by_hand(boot: Path) -> None:
    now = slots(boot)
    now.mark("B", "bad")
    with pytest.raises(UpdateError, match="slot B is not good"):
        go_back(now)
    now.mark("B", "good")
    assert "slot B, which stays if it is well" in go_back(now)
    assert now.armed == "B"
    assert go_back(slots(boot, "B")) == "restarting into slot A"
    assert slots(boot, "B").armed is None
    with pytest.raises(UpdateError, match="no slots"):
        go_back(slots(boot, ""))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a partition")
def test_on_a_real_fat(boot: Path, tmp_path: Path) -> None:
    """The firmware reads it without the kernel: as mtools does, once the partition is unmounted."""
    image, place = tmp_path / "bootcfg.img", tmp_path / "bootcfg"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.vfat", "-F", "32", str(image)], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop,umask=0077,flush", str(image), str(place)], capture_output=True).returncode:
        pytest.skip("needs loop devices and a kernel that knows FAT")
    try:
        (place / "autoboot.txt").write_bytes((boot / "autoboot.txt").read_bytes())
        cmdline = tmp_path / "cmdline"
        cmdline.write_text("rauc.slot=B")
        Slots(place, tmp_path / "data", cmdline=cmdline, reboot_param=tmp_path / "run/reboot-param").mark("B", "good")
    finally:
        subprocess.run(["umount", str(place)], check=True)
    read = subprocess.run(
        ["mtype", "-i", str(image), "::autoboot.txt"], check=True, capture_output=True, text=True
    ).stdout
    assert read.splitlines() == ["[all]", "tryboot_a_b=1", "boot_partition=3", "[tryboot]", "boot_partition=2"]
    listed = subprocess.run(["mdir", "-b", "-i", str(image)], check=True, capture_output=True, text=True).stdout
    assert listed.split() == ["::/autoboot.txt"]
