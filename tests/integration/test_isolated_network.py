"""A network in an isolate gives what the same network gives in this process, byte for byte."""

import os
from pathlib import Path

import numpy as np
import pytest

from edge.errors import DetectorError
from edge.recognition.edgetpu import IsolatedNetwork, describe
from edge.recognition.runtime import Interpreter, runtime_name
from tests.support import until
from tests.tiny_models import build_postprocess_model

ON_CPU = ""


def both(path: Path) -> tuple[Interpreter, IsolatedNetwork]:
    return Interpreter(path, 1), IsolatedNetwork(path, ON_CPU, {}, timeout_s=5.0)


def compare(here: Interpreter, there: IsolatedNetwork) -> None:
    chance = np.random.default_rng(1)
    for _ in range(3):
        tensor = chance.random(here.input["shape"], np.float32)
        if here.input["dtype"] != np.float32:
            tensor = (tensor * 255).astype(here.input["dtype"])
        here.run(tensor)
        there.run(tensor)
        for position in range(len(here.outputs)):
            np.testing.assert_array_equal(here.output(position), there.output(position))


@pytest.mark.parametrize(
    "model", ["mobilenet_v1_0.25_128_quant.tflite", "mobilenet_v2_1.0_224_quant.tflite", "default detector"]
)
def test_the_same_outputs(shared: Path, models_dir: Path, model: str) -> None:
    default = models_dir / "object_detection_ssd_mobilenetv2_oidv4_fp16.tflite"
    here, there = both(default if model == "default detector" else shared / "models" / model)
    try:
        for ours, theirs in zip([here.input, *here.outputs], [there.input, *there.outputs], strict=True):
            assert list(ours["shape"]) == list(theirs["shape"])
            for key in ("name", "index", "dtype", "quantization"):
                assert ours[key] == theirs[key]
        compare(here, there)
    finally:
        there.close()


def test_the_outputs_of_a_detection_op_are_found(tmp_path: Path) -> None:
    """Also those whose size is known only after an inference."""
    path = tmp_path / "tiny.tflite"
    path.write_bytes(build_postprocess_model())
    here, there = both(path)
    try:
        assert there.postprocess_outputs() == here.postprocess_outputs()
        tensor = np.random.default_rng(1).random((1, 2, 2, 3), np.float32)
        here.run(tensor)
        there.run(tensor)
        boxes, classes, scores, count = range(4)
        number = int(here.output(count).item())
        assert number == there.output(count).item() > 0
        for position in (boxes, classes, scores):  # what lies behind `number` is whatever was in memory
            np.testing.assert_array_equal(here.output(position)[:number], there.output(position)[:number])
    finally:
        there.close()


def test_a_model_without_a_detection_op(shared: Path) -> None:
    _, there = both(shared / "models" / "mobilenet_v1_0.25_128_quant.tflite")
    try:
        with pytest.raises(DetectorError, match="no TFLite_Detection_PostProcess op"):
            there.postprocess_outputs()
    finally:
        there.close()


def test_an_output_is_a_copy(models_dir: Path) -> None:
    _, there = both(models_dir / "object_detection_ssd_mobilenetv2_oidv4_fp16.tflite")
    try:
        there.run(np.zeros(there.input["shape"], np.float32))
        first = there.output(0)
        kept = first.copy()
        there.run(np.ones(there.input["shape"], np.float32))
        np.testing.assert_array_equal(first, kept)
        assert not np.array_equal(there.output(0), kept)
    finally:
        there.close()


def test_a_model_for_the_edgetpu_without_its_delegate_is_refused(shared: Path) -> None:
    path = shared / "models" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    with pytest.raises(DetectorError, match="edgetpu-custom-op"):
        IsolatedNetwork(path, ON_CPU, {}, timeout_s=5.0)


def test_after_close_it_only_says_so(shared: Path) -> None:
    _, there = both(shared / "models" / "mobilenet_v1_0.25_128_quant.tflite")
    there.close()
    with pytest.raises(DetectorError, match="has ended"):
        there.run(np.zeros(there.input["shape"], np.uint8))


def test_nothing_is_left_behind(shared: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def mapped() -> int:
        return Path("/proc/self/maps").read_text(encoding="utf-8").count("memfd:edgetpu")

    path = shared / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    before, mapped_before = descriptors(), mapped()
    for _ in range(2):
        there = IsolatedNetwork(path, ON_CPU, {}, timeout_s=5.0)
        assert mapped() == mapped_before + 1
        there.close()
        del there
    assert mapped() == mapped_before
    until(lambda: descriptors() == before, 2, "the closing of every file")


def test_versions_are_told_without_a_model(fake_edgetpu: Path) -> None:
    described = describe(str(fake_edgetpu))
    assert (described.runtime, described.library) == (runtime_name(), "fake edgetpu 1")


def test_the_child_runs_on_if_the_caller_changes_its_folder(shared: Path, tmp_path: Path) -> None:
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        _, there = both(shared / "models" / "mobilenet_v1_0.25_128_quant.tflite")
        there.close()
    finally:
        os.chdir(before)
