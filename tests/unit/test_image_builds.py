"""Two builds, one source: the twin that is tried here, and the hardware image of rpi-image-gen. They may differ in what is named here."""

import re
import shutil
from pathlib import Path

import pytest

from scripts.image import card, hardware, layout, packages, root, running

RPI = root.FOLDER / "rpi"
TWINS_OWN_PACKAGES = {"linux-image-arm64"}
"""Raspberry Pi's kernel comes with the device layer."""
TWINS_OWN_FILES = {
    "etc/initramfs-tools/conf.d/edge",
    "etc/initramfs-tools/modules",
    "usr/lib/systemd/system-shutdown/edge-firmware",
}
HARDWARES_OWN_PACKAGES = {"python3-lgpio", "python3-picamera2"}


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, b"" if path.is_symlink() else path.read_bytes())
        for path in found
    }


def laid(
    target: Path, overlays: tuple[Path, ...], build: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[int, bytes]]:
    """What one build lays over the packages' files, without enabling units, which needs the packages."""
    monkeypatch.setattr(root, "enable", lambda _: None)
    (target / "etc").mkdir(parents=True)
    keyring = target.with_suffix(".pem")
    keyring.write_text("certificate")
    root.lay_over(target, overlays, layout.load(), keyring, build)
    return files(target)


def test_both_builds_lay_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = laid(tmp_path / "twin", root.OVERLAYS, "twin", monkeypatch)
    pi = laid(tmp_path / "pi", hardware.overlays("ab"), "pi", monkeypatch)
    assert twin.keys() - pi.keys() == TWINS_OWN_FILES
    assert pi.keys() <= twin.keys()
    assert {name for name in pi if pi[name] != twin[name]} == {"etc/rauc/system.conf"}
    differing = set(pi["etc/rauc/system.conf"][1].splitlines()) ^ set(twin["etc/rauc/system.conf"][1].splitlines())
    assert differing == {b"compatible=edge-pi", b"compatible=edge-twin"}


def test_one_system_has_the_same_files_and_what_grows_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = laid(tmp_path / "two", hardware.overlays("ab"), "pi", monkeypatch)
    one = laid(tmp_path / "one", hardware.overlays("single"), "pi", monkeypatch)
    assert {name for name in one.keys() - two.keys() if "grow" not in name and "preset" not in name} == set()
    assert all(one[name] == two[name] for name in two)


def test_both_builds_have_the_same_packages() -> None:
    layer = (RPI / "layer/edge-appliance.yaml").read_text(encoding="utf-8")
    listed = set(re.findall(r"^    - (\S+)$", layer, re.MULTILINE))
    assert listed - HARDWARES_OWN_PACKAGES == set(packages.wanted()) - TWINS_OWN_PACKAGES


def test_the_lock_has_what_is_wanted() -> None:
    locked, date = packages.read_lock()
    assert set(packages.wanted()) <= locked.keys()
    assert date > 0


def test_the_lock_tells_what_is_different() -> None:
    assert packages.differences({"a": "1", "b": "1"}, {"a": "2", "c": "1"}) == [
        "a: locked 1, there 2", "b: locked 1, there not", "c: locked not, there 1",
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted((RPI / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_configuration_names_a_layout_and_layers_that_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    variant = re.search(r"variant: (\S+)", text)
    device = re.search(r"device:\n  layer: (\S+)", text)
    assert variant
    assert device
    assert variant[1] == ("ab" if device[1] in ("rpi4", "rpi5") else "single"), "Pi 3 and Zero 2 W have no slots"
    layout.load(variant[1])
    own = {each.stem for each in RPI.rglob("*.yaml")}
    for key in ("image:\n  layer", "  app"):
        named = re.search(rf"{key}: (\S+)", text)
        assert named
        assert named[1] in own


@pytest.mark.parametrize("hook", sorted(RPI.rglob("hooks/*")), ids=lambda path: path.name)
def test_hooks_run_from_the_repository(hook: Path) -> None:
    """A hook finds this repository from its layer's folder, and may be executed."""
    assert hook.stat().st_mode & 0o111
    up = re.search(r'^cd "\$LAYER_DIR/([./]+)"$', hook.read_text(encoding="utf-8"), re.MULTILINE)
    assert up is not None
    assert (hook.parents[2] / up[1]).resolve() == running.ROOT


@pytest.mark.parametrize("variant", ["ab", "single"])
@pytest.mark.skipif(
    not all(map(shutil.which, ("mkfs.erofs", "mke2fs", "mkfs.vfat", "mcopy"))),
    reason="scripts/image/build installs them",
)
def test_the_hardware_images_are_what_the_layout_says(
    tmp_path: Path, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook's own code, over a root as Raspberry Pi's packages leave it."""
    monkeypatch.setenv(root.EPOCH_ENV, "1700000000")
    target, into = tmp_path / "root", tmp_path / "in"
    boot = target / hardware.FIRMWARE
    (boot / "overlays").mkdir(parents=True)
    for name in ("kernel8.img", "initramfs8", "overlays/ramoops.dtbo", "config.txt"):
        (boot / name).write_bytes(b"from the package")
    into.mkdir()
    table = layout.load(variant)
    hardware.images(target, into, table, "card.img")
    described = (into / "genimage.cfg").read_text(encoding="utf-8")
    for name in re.findall(r'image = "(\S+)"', described):
        assert (into / name).stat().st_size > 0
    before = {path.name: path.read_bytes() for path in into.glob("*.*")}
    hardware.images(target, into, table, "card.img")
    assert {name for name, content in before.items() if (into / name).read_bytes() != content} == set(), "made twice"
    with_kernel = card_of(into / ("boot.vfat" if table.slots else "bootcfg.vfat"))
    assert {"kernel8.img", "initramfs8", "config.txt"} <= with_kernel
    assert ("cmdline_a.txt" in with_kernel) == bool(table.slots)
    assert (into / "boot" / "config.txt").read_bytes() == card.firmware_settings()["config.txt"]
    assert "20-gauge-max17040.txt" in with_kernel, "for the owner to append"


def card_of(image: Path) -> set[str]:
    return set(running.run(["mdir", "-b", "-i", image]).replace("::/", "").split())
