"""The accelerator fails in every known way while the pipeline runs: no frame is lost, nobody waits long, and it is taken back."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.camera.port import Frame, Pixels
from edge.clock import Instant, SystemClock
from edge.config import parse
from edge.errors import ConfigError
from edge.health import Health
from edge.pictures import read_picture
from edge.recognition import edgetpu
from edge.recognition.accelerators import AbsentError, find_edgetpus
from edge.recognition.failover import FailoverDetector
from edge.recognition.port import Detector, detect
from edge.recognition.tflite import load
from edge.runtime import Fatal
from edge.wiring.recognition import make_detector
from tests.integration.failover_rig import FPS, MODEL, ON_CPU, ON_TPU, Rig
from tests.support import until


@pytest.fixture(scope="module")
def parrot(shared: Path) -> Pixels:
    return read_picture(shared / "pictures" / "parrot.jpg")


@pytest.fixture(autouse=True)
def no_child_is_left_over() -> Iterator[None]:
    yield
    until(lambda: not children(), 3, "the end of every child")


def children() -> str:
    return "".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).strip()


def chosen(
    shared: Path, library: Path | str, options: dict[str, str], mode: str = "edgetpu"
) -> dict[str, dict[str, Any]]:
    return {
        "paths": {"models": str(shared / "models")},
        "detector": {
            "model": MODEL,
            "accelerator": mode,
            "edgetpu_library": str(library),
            "edgetpu_options": options,
            "edgetpu_timeout_s": 1.0,
        },
    }


def served_again(rig: Rig) -> bool:
    """The accelerator was lost, is back, and has looked at ten frames since."""
    return rig.states()[-2:] == ["degraded", "running"] and {s.label for s in rig.detector.seen[-10:]} == {ON_TPU}


def mend_when_degraded(rig: Rig, mend: Callable[[], object]) -> None:
    rig.health.listen(lambda condition: mend() if condition.state == "degraded" else None)


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ("absent", r"refuses under .*: fake edgetpu: no device"),
        ("refuse", r"refuses the model: fake edgetpu: graph refused"),
        (
            "abort-load",
            r"killed by SIGABRT; its last words: loading .* fake edgetpu 1 under .*does not fit the runtime",
        ),
        ("segfault", r"killed by SIGSEGV"),
    ],
)
def test_it_does_not_come_up_at_first(
    shared: Path, fake_edgetpu: Path, parrot: Pixels, tmp_path: Path, trouble: str, cause: str
) -> None:
    """No device, a refused model, a library with an old layout, a crash in the first inference: the CPU serves from the first frame."""
    (broken := tmp_path / "broken").touch()
    config = parse(chosen(shared, fake_edgetpu, {"trouble": trouble, "while": str(broken)}), place="test")
    rig = Rig(parrot, lambda health, fatal: make_detector(config, health, fatal))
    mend_when_degraded(rig, broken.unlink)
    rig.run_until(lambda: served_again(rig), "the accelerator's coming up")
    rig.check_nothing_was_lost()
    assert rig.detector.in_turn() == [ON_CPU, ON_TPU]
    assert rig.states() == ["degraded", "running"]
    assert re.search(cause, rig.causes()[0]), rig.causes()[0]


def test_the_library_is_missing(shared: Path, fake_edgetpu: Path, parrot: Pixels, tmp_path: Path) -> None:
    library = tmp_path / "libedgetpu.so.1"
    config = parse(chosen(shared, library, {}), place="test")
    rig = Rig(parrot, lambda health, fatal: make_detector(config, health, fatal))
    mend_when_degraded(rig, lambda: library.symlink_to(fake_edgetpu))
    rig.run_until(lambda: served_again(rig), "the accelerator's coming up")
    rig.check_nothing_was_lost()
    assert rig.detector.in_turn() == [ON_CPU, ON_TPU]
    assert rig.states() == ["degraded", "running"]
    assert "libedgetpu.so.1: cannot be loaded" in rig.causes()[0]
    assert "install libedgetpu: see docs/accelerators.md" in rig.causes()[0]


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ("error", "inference failed: fake edgetpu: USB transfer error"),
        ("hang", "no answer to Infer within 1 s"),
        ("abort", "killed by SIGABRT"),
        ("segfault", "killed by SIGSEGV"),
    ],
)
def test_it_dies_at_work(
    shared: Path, fake_edgetpu: Path, parrot: Pixels, tmp_path: Path, trouble: str, cause: str
) -> None:
    """An error, a hang, an abort or a crash at the twentieth inference; the frame in hand is looked at on the CPU."""
    (broken := tmp_path / "broken").touch()
    config = parse(chosen(shared, fake_edgetpu, {"trouble": trouble, "while": str(broken), "at": "20"}), place="test")
    rig = Rig(parrot, lambda health, fatal: make_detector(config, health, fatal))
    mend_when_degraded(rig, broken.unlink)
    rig.run_until(lambda: served_again(rig), "the accelerator's coming back")
    rig.check_nothing_was_lost()
    assert rig.detector.in_turn()[-3:] == [ON_TPU, ON_CPU, ON_TPU]
    assert rig.states() == ["running", "degraded", "running"]
    assert cause in rig.causes()[0]


def test_without_a_device_auto_is_the_cpu_and_no_trouble(shared: Path, fake_edgetpu: Path, parrot: Pixels) -> None:
    if find_edgetpus():
        pytest.skip("this machine has an Edge TPU")
    config = parse(chosen(shared, fake_edgetpu, {}, mode="auto"), place="test")
    rig = Rig(parrot, lambda health, fatal: make_detector(config, health, fatal))
    rig.run_until(lambda: len(rig.detector.seen) > FPS, "a second of frames")
    assert rig.detector.in_turn() == [ON_CPU]
    assert rig.states() == []


def test_a_device_that_is_plugged_in_later_is_taken(
    shared: Path, fake_edgetpu: Path, parrot: Pixels, tmp_path: Path
) -> None:
    models = shared / "models"
    standby = load(MODEL, models)

    def make() -> Detector:
        if not find_edgetpus(tmp_path):
            raise AbsentError("no Edge TPU is plugged in")
        library = str(fake_edgetpu)
        return edgetpu.load(MODEL, models, standby.labels, library=library, options={}, timeout_s=1.0)

    rig = Rig(
        parrot,
        lambda health, fatal: FailoverDetector(
            standby, make, name="edgetpu", health=health, failed=fatal, first_retry_s=0.1, last_retry_s=0.2
        ),
    )
    plug_in = threading.Timer(0.7, lambda: (tmp_path / "dev").mkdir() or (tmp_path / "dev/apex_0").touch())
    plug_in.start()
    rig.run_until(lambda: rig.detector.seen and rig.detector.seen[-1].label == ON_TPU, "its being taken")
    plug_in.join()
    rig.check_nothing_was_lost()
    assert rig.states() == ["running"]


def test_a_missing_twin_file_degrades_and_says_what_to_do(
    shared: Path, fake_edgetpu: Path, parrot: Pixels, tmp_path: Path
) -> None:
    for name in ("mobilenet_v1_0.25_128_quant.tflite", "imagenet_labels.txt"):
        (tmp_path / name).symlink_to(shared / "models" / name)
    raw = chosen(shared, fake_edgetpu, {})
    raw["paths"]["models"] = str(tmp_path)
    config = parse(raw, place="test")
    rig = Rig(parrot, lambda health, fatal: make_detector(config, health, fatal))
    rig.run_until(lambda: rig.causes(), "the report")
    assert f"edge models pull {MODEL} --edgetpu" in rig.causes()[0]


def test_a_model_without_a_twin_cannot_be_wanted_on_the_edgetpu(models_dir: Path) -> None:
    raw = {"paths": {"models": str(models_dir)}, "detector": {"accelerator": "edgetpu"}}
    with pytest.raises(ConfigError, match="'ssd_mobilenet_v2_oid': is not there for the Edge TPU"):
        make_detector(parse(raw, place="test"), Health(SystemClock()), Fatal())


def test_both_twins_are_read_with_the_same_thresholds(shared: Path, fake_edgetpu: Path, parrot: Pixels) -> None:
    standby = load(MODEL, shared / "models", thresholds={ON_TPU: 1.0})
    accelerated = edgetpu.load(
        MODEL,
        shared / "models",
        standby.labels,
        library=str(fake_edgetpu),
        options={},
        timeout_s=1.0,
        thresholds={ON_TPU: 1.0},
    )
    try:
        assert detect(accelerated, Frame("test", 0, parrot, Instant(0, 0))) == []
        assert accelerated.threshold_of(ON_TPU) == standby.threshold_of(ON_TPU)
        assert accelerated.name == f"{MODEL} on the Edge TPU, {standby.interpreter.runtime}"
    finally:
        accelerated.close()
