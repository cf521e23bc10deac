"""Detectors that run a catalogue model: the part that all share, and the one on the CPU."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from edge.camera.port import Frame
from edge.recognition import catalogue
from edge.recognition.catalogue import Model
from edge.recognition.labels import check_interest
from edge.recognition.port import Computed, Detection, Prepared
from edge.recognition.readers import Outputs, input_size, make_reader
from edge.recognition.runtime import Interpreter, Tensor, plain
from edge.recognition.scaling import InputBuffer, Scaler, View


class Network(Outputs, Protocol):
    """A loaded model that infers: in this process, or in another one."""

    @property
    def place(self) -> str:
        """Where it runs and on what runtime, for people."""
        ...

    def infer(self, tensor: Tensor) -> list[Tensor]:
        """Infer from an input of the shape and type of `input`; copies of the outputs as the model gives them.

        Raises:
            DetectorError: it failed.
        """
        ...


class CopiedOutputs:
    """The outputs of an inference that is over, for readers: `current` is what they read, while the network is busy with the next."""

    def __init__(self, network: Network) -> None:
        self.input = network.input
        self.outputs = network.outputs
        self.postprocess_outputs = network.postprocess_outputs
        self.current: list[Tensor] = []

    def output(self, position: int) -> Tensor:
        return plain(self.current[position], self.outputs[position]["quantization"])


class NetworkDetector:
    """`edge.recognition.port.Detector` over one network: scaling before it, reading behind it.

    Args:
        keep_score: findings down to this share of their threshold are given too, so that a thing which is followed already is not lost.
        thresholds: by label, before the model's own.
        only: labels that are of interest; empty: all but the parts of things.

    Raises:
        ConfigError: `thresholds` or `only` names a label that the model does not have.
        DetectorError: the network does not fit its entry.
    """

    def __init__(
        self,
        title: str,
        model: Model,
        network: Network,
        labels: tuple[str, ...],
        *,
        keep_score: float = 1.0,
        thresholds: Mapping[str, float] | None = None,
        only: Collection[str] = (),
    ) -> None:
        check_interest(title, labels, only, thresholds)
        self._model = model
        self._thresholds = {**model.thresholds, **(thresholds or {})}
        self._network = network
        self.labels = labels
        self.name = f"{title} on {network.place}"
        self._copied = CopiedOutputs(network)
        self._read = make_reader(model, self._copied, len(labels))
        self.scaler = Scaler(input_size(network), network.input["dtype"], model.fit, mean=model.mean, scale=model.scale)
        nothing = {"", "???", "n/a", model.background}
        nothing = nothing | set(model.parts) - {*only, *(thresholds or {})}
        wanted = [label not in nothing and (not only or label in only) for label in labels]
        floors = [self.threshold_of(label) * keep_score for label in labels]
        self._floor = np.where(wanted, floors, np.inf).astype(np.float32)

    def threshold_of(self, label: str) -> float:
        return self._thresholds.get(label, self._model.threshold)

    def prepare(self, frame: Frame) -> Prepared:
        small = frame.small
        serves = small is not None and self.scaler.is_fed_by((small.shape[1], small.shape[0]))
        return Prepared(frame, self.scaler.fill(small if small is not None and serves else frame.pixels))

    def infer(self, prepared: Prepared) -> list[Detection]:
        return self.read(self.compute(prepared))

    def compute(self, prepared: Prepared) -> Computed:
        buffer: InputBuffer = prepared.work
        work = self._network.infer(buffer.tensor), buffer.view
        self.scaler.give_back(buffer)
        return Computed(prepared.frame, work)

    def read(self, computed: Computed) -> list[Detection]:
        outputs, view = computed.work
        return self.read_outputs(outputs, view)

    def read_outputs(self, outputs: list[Tensor], view: View) -> list[Detection]:
        """Decode copied outputs."""
        self._copied.current = outputs
        found = self._read(self._floor)
        return [Detection(self.labels[number], score, view.to_frame(box)) for number, score, box in found]

    def close(self) -> None:
        """Nothing to let go of: the network goes with its last reference."""


class TfliteDetector(NetworkDetector):
    """On the CPU, in this process.

    Args:
        path: the model's file, checked.
        threads: 0 chooses `runtime.default_threads()`.

    Raises:
        DetectorError: no runtime, or the file does not fit its entry.
    """

    def __init__(
        self,
        title: str,
        model: Model,
        path: Path,
        labels: tuple[str, ...],
        *,
        threads: int = 0,
        keep_score: float = 1.0,
        thresholds: Mapping[str, float] | None = None,
        only: Collection[str] = (),
    ) -> None:
        self.interpreter = Interpreter(path, threads)
        super().__init__(
            title, model, self.interpreter, labels, keep_score=keep_score, thresholds=thresholds, only=only
        )


def load(
    name: str,
    folder: Path,
    *,
    threads: int = 0,
    keep_score: float = 1.0,
    thresholds: Mapping[str, float] | None = None,
    only: Collection[str] = (),
) -> TfliteDetector:
    """Load a catalogue model from the models folder after checking its files.

    Raises:
        ConfigError: no such model, or a label that it does not have.
        AssetError: a file is missing or damaged.
        DetectorError: no runtime, or the file does not fit its entry.
    """
    path, labels = catalogue.require(name, folder)
    model = catalogue.find(name, folder)
    return TfliteDetector(
        name, model, path, labels, threads=threads, keep_score=keep_score, thresholds=thresholds, only=only
    )
