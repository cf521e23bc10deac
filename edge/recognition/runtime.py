"""The TFLite runtime: LiteRT where it is installed, else tflite-runtime. The only file that imports either."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import DetectorError
from edge.processors import Ticks

Tensor = npt.NDArray[Any]

NO_REASON = "it gives no reason, which most often means that there is no device"


MOST_THREADS = 4
LOOK_S = 0.2


def default_threads() -> int:
    """The cores that are idle now, less one for capture and everything else; at least 1, at most 4.

    More threads than idle cores make inference slower, up to twenty times.
    """
    before = Ticks.read()
    time.sleep(LOOK_S)
    spent = Ticks.read().since(before)
    return threads_for(len(os.sched_getaffinity(0)), spent.total - spent.idle, spent.total)


def threads_for(cores: int, busy: int, total: int) -> int:
    """The default for so many cores of which `busy` out of `total` ticks of the machine were spent."""
    idle_cores = cores * (1 - busy / total) if total else float(cores)
    return max(1, min(MOST_THREADS, round(idle_cores) - 1))


def _runtime() -> tuple[Any, str]:
    """The interpreter's module and its name with version."""
    from importlib.metadata import version

    try:
        from ai_edge_litert import interpreter

        return interpreter, f"LiteRT {version('ai-edge-litert')}"
    except ImportError:
        pass
    try:
        from tflite_runtime import interpreter
    except ImportError as error:
        hint = "pip install 'edge-appliance[tflite]'"
        raise DetectorError(
            "no TFLite runtime: neither ai-edge-litert nor tflite-runtime can be imported", hint=hint
        ) from error
    if int(np.__version__.partition(".")[0]) >= 2:
        raise DetectorError(f"tflite-runtime does not work with numpy {np.__version__}", hint="pip install 'numpy<2'")
    return interpreter, f"tflite-runtime {version('tflite-runtime')}"


def runtime_name() -> str:
    """The runtime and its version.

    Raises:
        DetectorError: there is none.
    """
    return _runtime()[1]


def load_delegate(library: str, options: Mapping[str, str]) -> Any:
    """Load an accelerator's delegate. A library that does not fit the runtime may abort the process: call this in an isolate.

    Raises:
        DetectorError: the library is missing or is none, or it refuses: there is no device, an option is wrong.
    """
    module, runtime = _runtime()
    try:
        return module.load_delegate(library, dict(options))
    except (OSError, AttributeError) as error:
        raise DetectorError(f"delegate {library}: cannot be loaded: {_one_line(error)}") from error
    except (ValueError, RuntimeError) as error:
        reason = _one_line(error).removeprefix(f"Failed to load delegate from {library}").lstrip(": ")
        raise DetectorError(f"delegate {library}: refuses under {runtime}: {reason or NO_REASON}") from error


class Interpreter:
    """One loaded model with one input tensor.

    Args:
        path: a model file whose content has been checked; it is mapped, not read.
        threads: 0 chooses `default_threads()`.
        delegate: from `load_delegate`.

    Raises:
        DetectorError: no runtime, or a file that is no model for it.

    Thread: one caller at a time. `invoke` releases the GIL.
    """

    def __init__(self, path: Path, threads: int = 0, delegate: Any = None) -> None:
        module, self.runtime = _runtime()
        self.threads = threads or default_threads()
        self._hint = "" if delegate is not None else "`edge models verify` checks the file"
        more = {"experimental_delegates": [delegate]} if delegate is not None else {}
        try:
            self._interpreter: Any = module.Interpreter(model_path=str(path), num_threads=self.threads, **more)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, SystemError) as error:
            raise DetectorError(
                f"{path}: {self.runtime} refuses the model: {_first_line(error)}",
                hint="is it a .tflite model for the CPU?" if delegate is None else "",
            ) from error
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            raise DetectorError(f"{path}: the model has {len(inputs)} inputs; one picture was expected")
        self.input: dict[str, Any] = inputs[0]
        self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()
        self._output_indices = [int(detail["index"]) for detail in self.outputs]
        self._input_index = int(self.input["index"])

    @property
    def place(self) -> str:
        """Where it runs, for people."""
        return f"the CPU, {self.runtime}, {self.threads} thread{'' if self.threads == 1 else 's'}"

    def run(self, tensor: Tensor) -> None:
        """Raises:
        DetectorError: the runtime failed.
        """
        try:
            self._interpreter.set_tensor(self._input_index, tensor)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise DetectorError(f"inference failed: {_first_line(error)}", hint=self._hint) from error

    def infer(self, tensor: Tensor) -> list[Tensor]:
        """`run`, and copies of the outputs as the model gives them."""
        self.run(tensor)
        return [self._interpreter.get_tensor(index) for index in self._output_indices]

    def invoke_only(self) -> None:
        """Compute again on the input of the last `run`: what a benchmark measures against."""
        self._interpreter.invoke()

    def output(self, position: int) -> Tensor:
        """A copy of one output without its batch dimension, turned to float32 where it is quantised."""
        return plain(self.raw_output(position), self.outputs[position]["quantization"])

    def raw_output(self, position: int) -> Tensor:
        """A copy of one output as the model gives it."""
        value: Tensor = self._interpreter.get_tensor(self._output_indices[position])
        return value

    def postprocess_outputs(self) -> list[int]:
        """Tensor indices of boxes, classes, scores and count, in this order, as the graph's detection op names them.

        The order of a model's outputs differs between exporters; that of the op's own outputs does not.
        """
        for op in self._interpreter._get_ops_details():
            if op["op_name"] == "TFLite_Detection_PostProcess":
                return [int(index) for index in op["outputs"]]
        raise DetectorError(
            "the model has no TFLite_Detection_PostProcess op", hint="its catalogue entry names the wrong family"
        )


def plain(value: Tensor, quantization: tuple[float, int]) -> Tensor:
    """An output without its batch dimension, turned to float32 where it is quantised."""
    if value.ndim and value.shape[0] == 1:
        value = value[0]
    scale, zero_point = quantization
    if np.issubdtype(value.dtype, np.integer) and scale:
        return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
    return value


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _one_line(error: Exception) -> str:
    return ": ".join(line.strip() for line in str(error).splitlines() if line.strip())
