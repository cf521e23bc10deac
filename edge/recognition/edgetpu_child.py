"""What runs in the Edge TPU's isolate: delegate and interpreter. Tensors lie in memory that both sides share; messages only say when."""

import ctypes
import mmap
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.channel import Channel, Failure
from edge.errors import DetectorError
from edge.recognition.runtime import Interpreter, Tensor, load_delegate, runtime_name

ALIGN_BYTES = 64


class Describe(msgspec.Struct, frozen=True, tag=True):
    """Say what there is. `library` empty: the runtime only."""

    library: str


class Described(msgspec.Struct, frozen=True, tag=True):
    """Names and versions."""

    runtime: str
    library: str


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load a model. `library` empty: on the CPU, without a delegate."""

    model: str
    library: str
    options: dict[str, str]


class TensorPlace(msgspec.Struct, frozen=True):
    """One tensor: its details, and where it lies in the shared memory."""

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: str
    quantization: tuple[float, int]
    offset: int
    size_bytes: int

    @property
    def detail(self) -> dict[str, Any]:
        """As the runtime gives it."""
        return {
            "name": self.name,
            "index": self.index,
            "shape": np.array(self.shape, np.int32),
            "dtype": np.dtype(self.dtype).type,
            "quantization": self.quantization,
        }

    def view(self, memory: mmap.mmap) -> Tensor:
        flat = np.frombuffer(memory, self.dtype, self.size_bytes // np.dtype(self.dtype).itemsize, self.offset)
        return flat.reshape(self.shape)


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded and has inferred once."""

    runtime: str
    library: str
    """What the library says of its version."""
    input: TensorPlace
    outputs: tuple[TensorPlace, ...]
    postprocess: tuple[int, ...]
    """Indices of the detection op's outputs; empty: the graph has no such op."""
    first_ms: float
    """How long the first inference took."""


class Infer(msgspec.Struct, frozen=True, tag=True):
    """Infer from what lies at the input's place."""


class Inferred(msgspec.Struct, frozen=True, tag=True):
    """The outputs are at their places."""


def serve(channel: Channel, descriptors: list[int]) -> None:
    """Load once, then infer until the parent goes; a failure is told, and then it is over: a device that failed once goes on failing."""
    try:
        message: Load | Describe = channel.receive(Load | Describe)
        version = _library_version(message.library) if message.library else ""
        if isinstance(message, Describe):
            channel.send(Described(runtime_name(), version))
        else:
            _infer(channel, message, version, descriptors[0])
    except DetectorError as error:
        channel.send(Failure(str(error.args[0]), error.hint))


def _infer(channel: Channel, load: Load, version: str, shared: int) -> None:
    # Into the last words: a library that does not fit the runtime aborts in the next lines.
    print(f"loading {load.library or 'no delegate'} {version} under {runtime_name()}", file=sys.stderr, flush=True)
    delegate = load_delegate(load.library, load.options) if load.library else None
    interpreter = Interpreter(Path(load.model), 1, delegate)
    begin_s = time.perf_counter()
    interpreter.run(np.zeros(interpreter.input["shape"], interpreter.input["dtype"]))
    first_ms = (time.perf_counter() - begin_s) * 1000
    # Only after an inference: until then the size of some outputs is not known.
    places = _lay_out(interpreter)
    os.ftruncate(shared, sum(_aligned(place.size_bytes) for place in places))
    memory = mmap.mmap(shared, 0)
    channel.send(
        Loaded(interpreter.runtime, version, places[0], tuple(places[1:]), _postprocess(interpreter), first_ms)
    )
    source, targets = places[0].view(memory), [place.view(memory) for place in places[1:]]
    while True:
        channel.receive(Infer)
        for value, target in zip(interpreter.infer(source), targets, strict=True):
            _copy(value, target)
        channel.send(Inferred())


def _copy(value: Tensor, target: Tensor) -> None:
    if value.shape != target.shape:
        raise DetectorError(f"an output changed its shape from {target.shape} to {value.shape}")
    target[...] = value


def _lay_out(interpreter: Interpreter) -> list[TensorPlace]:
    """The input, then the outputs, one behind the other."""
    shapes = [tuple(int(length) for length in interpreter.input["shape"])]
    shapes += [interpreter.raw_output(position).shape for position in range(len(interpreter.outputs))]
    places: list[TensorPlace] = []
    offset = 0
    for detail, shape in zip([interpreter.input, *interpreter.outputs], shapes, strict=True):
        dtype = np.dtype(detail["dtype"])
        scale, zero_point = detail["quantization"]
        size_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        quantization = (float(scale), int(zero_point))
        places.append(
            TensorPlace(detail["name"], int(detail["index"]), shape, dtype.str, quantization, offset, size_bytes)
        )
        offset += _aligned(size_bytes)
    return places


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGN_BYTES) * ALIGN_BYTES


def _postprocess(interpreter: Interpreter) -> tuple[int, ...]:
    try:
        return tuple(interpreter.postprocess_outputs())
    except DetectorError:
        return ()


def _library_version(library: str) -> str:
    try:
        version = ctypes.CDLL(library).edgetpu_version
    except OSError as error:
        raise DetectorError(
            f"library {library}: cannot be loaded: {error}", hint="install libedgetpu: see docs/accelerators.md"
        ) from error
    except AttributeError:
        return "(it does not tell its version)"
    version.restype = ctypes.c_char_p
    return str((version() or b"").decode(errors="replace"))
