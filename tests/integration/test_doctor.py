"""What the doctor finds on machines that are well and on others."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.cli.doctor import findings_of
from edge.config import parse
from edge.doctor import CHECKS, Finding, Patient, examine, machine
from edge.errors import StoreError
from tests.unit.test_accelerators import usb_device

CAMERA = '[[camera]]\nname = "yard"\nsource = "test:"\n'
MODEL = "mobilenet_v1_025_imagenet"


def patient(models: Path, root: Path, **detector: Any) -> Patient:
    raw = {"paths": {"models": str(models), "data": str(root / "data")}, "detector": {"model": MODEL, **detector}}
    return Patient(parse(raw, place="test"), root)


def found(patient: Patient) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(patient)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/route").write_text("Iface Destination Gateway Flags\n")
    (tmp_path / "proc/meminfo").write_text("MemTotal: 900000 kB\nMemAvailable: 400000 kB\n")
    return tmp_path


def test_a_machine_without_an_accelerator_is_well(shared: Path, root: Path) -> None:
    findings = found(patient(shared / "models", root, edgetpu_library="libnowhere.so.1"))
    assert {finding.level for finding in findings.values()} == {"ok"}
    assert "numpy" in findings["runtime"].value
    assert "hash checked" in findings["model"].value
    assert "on the CPU" in findings["inference"].value
    assert findings["edgetpu"].value == "none is plugged in: the CPU serves"
    assert "is not needed" in findings["library"].value
    assert findings["memory"].value.startswith("922 MB, 410 MB available")


def test_a_missing_model_fails_with_its_remedy(root: Path) -> None:
    findings = found(patient(root, root))
    assert findings["model"].level == "fail"
    assert findings["model"].remedy == f"get it with `edge models pull {MODEL}`"
    assert "inference" not in findings


def test_a_device_and_a_library_that_work(shared: Path, root: Path, fake_edgetpu: Path) -> None:
    usb_device(root, "2-1", "1a6e", "089a", 7)
    findings = found(patient(shared / "models", root, edgetpu_library=str(fake_edgetpu)))
    assert {finding.level for finding in findings.values()} == {"ok"}
    assert findings["edgetpu"].value == "usb 2-1, firmware is loaded at first use"
    assert findings["library"].value == f"{fake_edgetpu}: fake edgetpu 1"
    assert "on the Edge TPU, LiteRT" in findings["delegate"].value


def test_a_device_without_a_library(shared: Path, root: Path) -> None:
    usb_device(root, "2-1", "18d1", "9302", 7)
    finding = found(patient(shared / "models", root, edgetpu_library="libnowhere.so.1"))["library"]
    assert (finding.level, finding.remedy) == ("warn", "install libedgetpu: see docs/accelerators.md")


def test_a_device_that_this_user_may_not_open(shared: Path, root: Path) -> None:
    usb_device(root, "2-1", "18d1", "9302", 7).unlink()
    finding = found(patient(shared / "models", root, edgetpu_library="libnowhere.so.1"))["edgetpu"]
    assert finding.level == "warn"
    assert "may not open" in finding.value
    assert "plugdev" in finding.remedy


def test_a_device_that_is_not_to_be_used(shared: Path, root: Path, fake_edgetpu: Path) -> None:
    usb_device(root, "2-1", "18d1", "9302", 7)
    findings = found(patient(shared / "models", root, edgetpu_library=str(fake_edgetpu), accelerator="cpu"))
    assert "not used" in findings["edgetpu"].value
    assert "delegate" not in findings


def test_a_device_with_a_model_that_has_no_twin(models_dir: Path, root: Path, fake_edgetpu: Path) -> None:
    usb_device(root, "2-1", "18d1", "9302", 7)
    raw = {"paths": {"models": str(models_dir)}, "detector": {"edgetpu_library": str(fake_edgetpu)}}
    finding = found(Patient(parse(raw, place="test"), root))["delegate"]
    assert finding.level == "warn"
    assert "is not there for the Edge TPU" in finding.value


@pytest.mark.parametrize(
    ("trouble", "value", "remedy"),
    [
        ("absent", "fake edgetpu: no device", ""),
        ("refuse", "fake edgetpu: graph refused", ""),
        ("error", "USB transfer error", ""),
        ("abort-load", "killed by SIGABRT", "they move together"),
        ("segfault", "killed by SIGSEGV", ""),
    ],
)
def test_an_accelerator_that_was_asked_for_and_fails(
    shared: Path, root: Path, fake_edgetpu: Path, trouble: str, value: str, remedy: str
) -> None:
    findings = found(
        patient(
            shared / "models",
            root,
            accelerator="edgetpu",
            edgetpu_library=str(fake_edgetpu),
            edgetpu_options={"trouble": trouble},
        )
    )
    assert findings["edgetpu"].level == "warn"
    assert findings["delegate"].level == "fail"
    assert value in findings["delegate"].value
    assert remedy in findings["delegate"].remedy


def test_a_file_that_is_no_library(shared: Path, root: Path) -> None:
    library = root / "libedgetpu.so.1"
    library.write_text("no library")
    finding = found(patient(shared / "models", root, accelerator="edgetpu", edgetpu_library=str(library)))["library"]
    assert finding.level == "fail"
    assert "file too short" in finding.value or "invalid ELF header" in finding.value


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (CAMERA, ""),
        (CAMERA + '[detector]\nlabels = ["Persn"]\n', "no label 'Persn'"),
        (CAMERA + '[[work]]\nname = "w"\nworker = "retenshun"\nevery_s = 3600\n', "retenshun"),
        ("", "camera: none is configured"),
    ],
)
def test_a_configuration_that_would_not_start_fails(models_dir: Path, root: Path, text: str, wrong: str) -> None:
    path = root / "edge.toml"
    path.write_text(f'{text}[paths]\nmodels = "{models_dir}"\n')
    first = next(findings_of(Namespace(config=path, data=str(root / "data"))))
    assert (first.what, first.level) == ("config", "fail" if wrong else "ok")
    assert wrong in first.value


@pytest.mark.parametrize(
    "error", [StoreError("no card", hint="mend it"), PermissionError(13, "Permission denied", "/x")]
)
def test_a_check_that_breaks_off_ends_no_list(monkeypatch: pytest.MonkeyPatch, root: Path, error: Exception) -> None:
    def broken(patient: Patient) -> Iterator[Finding]:
        yield Finding(level="ok", what="before", value="")
        raise error

    monkeypatch.setattr("edge.doctor.CHECKS", (broken, machine.memory))
    before, fault, after = examine(patient(root, root))
    assert (before.what, after.what) == ("before", "memory")
    assert (fault.level, fault.what, bool(fault.remedy)) == ("fail", "broken", True)
    assert str(error.args[0]) in fault.value


def test_a_machine_without_a_configuration_is_looked_at(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.delenv("EDGE_CONFIG", raising=False)
    monkeypatch.setattr("edge.cli.common.SYSTEM_CONFIG", root / "none.toml")
    found = findings_of(Namespace(config=None, data=str(root / "data")))
    assert [(each.what, each.level) for each in (next(found), next(found))] == [("config", "warn"), ("system", "ok")]


def test_no_check_fails_on_a_machine_that_has_nothing_and_what_is_wrong_has_a_remedy(root: Path) -> None:
    findings = [finding for check in CHECKS for finding in check(patient(root, root))]
    assert {"system", "memory", "runtime", "model", "power", "broker"} <= {finding.what for finding in findings}
    assert [finding for finding in findings if bool(finding.remedy) == (finding.level == "ok")] == []
