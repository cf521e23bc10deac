"""The detector on the Edge TPU. Its delegate is native code that may hang or abort: it runs in an isolate. Scaling and reading stay."""

import fcntl
import logging
import mmap
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge import assets
from edge.assets import Asset
from edge.errors import ConfigError, DetectorError, IsolateError, RefusedError
from edge.isolate import Isolate
from edge.recognition import catalogue
from edge.recognition.catalogue import Model
from edge.recognition.edgetpu_child import Describe, Described, Infer, Inferred, Load, Loaded
from edge.recognition.runtime import Tensor, plain
from edge.recognition.tflite import NetworkDetector

log = logging.getLogger(__name__)

WORKER = "edge.recognition.edgetpu_child:serve"
LOAD_TIMEOUT_S = 30.0
"""Start of the process, firmware, model and first inference; on a Pi 3 the imports alone take five seconds."""
MAX_SHARED_BYTES = 1 << 28


class IsolatedNetwork:
    """`tflite.Network` in a process of its own. Useless after an error: close it and make another.

    Args:
        path: the model's file, checked.
        library: the delegate's; empty: the CPU (for trials of the runtime).
        timeout_s: for one inference.

    Raises:
        DetectorError: it cannot be loaded, or its first inference fails, within `load_timeout_s`.
    """

    def __init__(
        self,
        path: Path,
        library: str,
        options: Mapping[str, str],
        *,
        timeout_s: float,
        load_timeout_s: float = LOAD_TIMEOUT_S,
    ) -> None:
        self._timeout_s = timeout_s
        shared = os.memfd_create("edgetpu", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            self._isolate = Isolate(WORKER, name="edgetpu", descriptors=[shared])
            try:
                self.loaded = self._ask(Load(str(path), library, dict(options)), Loaded, load_timeout_s)
                self._map(shared)
            except BaseException:
                self._isolate.end()
                raise
        except IsolateError as error:
            raise DetectorError(str(error)) from error
        finally:
            os.close(shared)
        where = "the Edge TPU" if library else "the CPU, isolated"
        self.place = f"{where}, {self.loaded.runtime}"
        self.input: dict[str, Any] = self.loaded.input.detail
        self.outputs: list[dict[str, Any]] = [place.detail for place in self.loaded.outputs]

    def _map(self, shared: int) -> None:
        # Sealed first: if the child could shrink the memory later, our reading it would end this process.
        fcntl.fcntl(shared, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        if not 0 < os.fstat(shared).st_size <= MAX_SHARED_BYTES:
            raise DetectorError(f"isolate edgetpu: shared memory of {os.fstat(shared).st_size} bytes")
        memory = mmap.mmap(shared, 0)
        try:
            self._source = self.loaded.input.view(memory)
            self._targets = [place.view(memory) for place in self.loaded.outputs]
        except (ValueError, TypeError) as error:
            raise DetectorError(f"isolate edgetpu: tensors that do not fit their memory: {error}") from error

    def run(self, tensor: Tensor) -> None:
        np.copyto(self._source, tensor)
        self._ask(Infer(), Inferred, self._timeout_s)

    def _ask(self, message: Load | Infer, answer: type[Any], timeout_s: float) -> Any:
        try:
            return self._isolate.request(message, answer, timeout_s)
        except (IsolateError, RefusedError) as error:
            hint = error.hint
            if isinstance(message, Load) and "SIGABRT" in str(error):
                hint = "the library does not fit the runtime: they move together, see docs/accelerators.md"
            raise DetectorError(str(error.args[0]), hint=hint) from error

    def infer(self, tensor: Tensor) -> list[Tensor]:
        self.run(tensor)
        return [self.raw_output(position) for position in range(len(self._targets))]

    def output(self, position: int) -> Tensor:
        return plain(self.raw_output(position), self.loaded.outputs[position].quantization)

    def raw_output(self, position: int) -> Tensor:
        value: Tensor = self._targets[position].copy()
        return value

    def postprocess_outputs(self) -> list[int]:
        if not self.loaded.postprocess:
            raise DetectorError(
                "the model has no TFLite_Detection_PostProcess op", hint="its catalogue entry names the wrong family"
            )
        return list(self.loaded.postprocess)

    def close(self) -> None:
        self._isolate.end()


class EdgeTpuDetector(NetworkDetector):
    """`NetworkDetector` on the Edge TPU. After a `DetectorError` of `infer` it is of no more use."""

    def __init__(
        self,
        title: str,
        model: Model,
        network: IsolatedNetwork,
        labels: tuple[str, ...],
        *,
        keep_score: float = 1.0,
        thresholds: Mapping[str, float] | None = None,
        only: Collection[str] = (),
    ) -> None:
        super().__init__(title, model, network, labels, keep_score=keep_score, thresholds=thresholds, only=only)
        self._isolated = network

    def close(self) -> None:
        self._isolated.close()


def describe(library: str = "") -> Described:
    """The runtime's and the library's versions, asked in an isolate: loading either may end a process.

    Raises:
        DetectorError: one of them is missing or cannot be loaded.
    """
    try:
        isolate = Isolate(WORKER, name="edgetpu")
        try:
            return isolate.request(Describe(library), Described, LOAD_TIMEOUT_S)
        finally:
            isolate.end()
    except (IsolateError, RefusedError) as error:
        raise DetectorError(str(error.args[0]), hint=error.hint) from error


def has_twin(name: str, folder: Path) -> bool:
    return catalogue.find(name, folder).edgetpu is not None


def require_twin(name: str, folder: Path) -> Asset:
    """The file of a model's Edge TPU twin.

    Raises:
        ConfigError: the model has none.
    """
    twin = catalogue.find(name, folder).edgetpu
    if twin is None:
        hint = '`edge models list` shows which have; or set detector.accelerator to "auto" or "cpu"'
        raise ConfigError(f"model {name!r}: is not there for the Edge TPU", hint=hint)
    return twin


def load(
    name: str,
    folder: Path,
    labels: tuple[str, ...],
    *,
    library: str,
    options: Mapping[str, str],
    timeout_s: float,
    keep_score: float = 1.0,
    thresholds: Mapping[str, float] | None = None,
    only: Collection[str] = (),
) -> EdgeTpuDetector:
    """Load the twin of a catalogue model in a new isolate; it has inferred once.

    Raises:
        ConfigError: the model has no twin.
        AssetError: the twin's file is missing or damaged.
        DetectorError: library, device, model or the first inference failed, in words.
    """
    path = assets.require(require_twin(name, folder), folder, hint=f"get it with `edge models pull {name} --edgetpu`")
    network = IsolatedNetwork(path, library, options, timeout_s=timeout_s)
    versions = (network.loaded.runtime, network.loaded.library)
    log.info("edgetpu loaded library=%s runtime=%r version=%r", library, *versions)
    try:
        return EdgeTpuDetector(
            name, catalogue.find(name, folder), network, labels, keep_score=keep_score, thresholds=thresholds, only=only
        )
    except BaseException:
        network.close()
        raise
