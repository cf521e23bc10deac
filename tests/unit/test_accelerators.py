from pathlib import Path

import pytest

from edge.recognition.accelerators import Accelerator, find_edgetpus


def usb_device(root: Path, name: str, vendor: str, product: str, device: int) -> Path:
    folder = root / "sys/bus/usb/devices" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in (("idVendor", vendor), ("idProduct", product), ("busnum", "2"), ("devnum", str(device))):
        (folder / file).write_text(f"{text}\n")
    node = root / "dev/bus/usb/002" / f"{device:03}"
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    return node


def test_a_machine_without_usb(tmp_path: Path) -> None:
    assert find_edgetpus(tmp_path) == []


def test_the_id_changes_with_the_firmware(tmp_path: Path) -> None:
    usb_device(tmp_path, "usb1", "1d6b", "0002", 1)
    (tmp_path / "sys/bus/usb/devices/1-0:1.0").mkdir()
    before = usb_device(tmp_path, "2-1", "1a6e", "089a", 7)
    assert find_edgetpus(tmp_path) == [Accelerator("usb", "2-1", before, False, True)]
    after = usb_device(tmp_path, "2-1", "18d1", "9302", 8)
    assert find_edgetpus(tmp_path) == [Accelerator("usb", "2-1", after, True, True)]


def test_a_node_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    usb_device(tmp_path, "2-1", "18d1", "9302", 8).unlink()
    (found,) = find_edgetpus(tmp_path)
    assert not found.accessible


@pytest.mark.parametrize("names", [["apex_0"], ["apex_0", "apex_1"]])
def test_on_pcie(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "dev").mkdir()
    for name in names:
        (tmp_path / "dev" / name).touch()
    assert [(found.bus, found.place) for found in find_edgetpus(tmp_path)] == [("pcie", name) for name in names]
