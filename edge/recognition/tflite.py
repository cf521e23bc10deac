"""The detector that runs a catalogue model on a TFLite runtime."""

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from edge.camera.port import Frame
from edge.errors import ConfigError
from edge.recognition import catalogue
from edge.recognition.catalogue import Model
from edge.recognition.port import Detection, Prepared
from edge.recognition.readers import input_size, make_reader
from edge.recognition.runtime import Interpreter
from edge.recognition.scaling import InputBuffer, Scaler


class TfliteDetector:
    """`edge.recognition.port.Detector` over one interpreter.

    Args:
        keep_score: findings down to this share of their threshold are given too, so that a thing which is followed already is not lost.
        thresholds: by label, before the model's own.
        only: labels that are of interest; empty: all.

    Raises:
        ConfigError: `thresholds` or `only` names a label that the model does not have.
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
        _check_labels(title, labels, [*(thresholds or {}), *only])
        self._model = model
        self._thresholds = {**model.thresholds, **(thresholds or {})}
        self.interpreter = Interpreter(path, threads)
        self.labels = labels
        self.name = f"{title} on the CPU, {self.interpreter.runtime}, {_plural(self.interpreter.threads, 'thread')}"
        self._read = make_reader(model, self.interpreter, len(labels))
        dtype = self.interpreter.input["dtype"]
        self.scaler = Scaler(input_size(self.interpreter), dtype, model.fit, mean=model.mean, scale=model.scale)
        nothing = {"", "???", "n/a", model.background}
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
        buffer: InputBuffer = prepared.work
        self.interpreter.run(buffer.tensor)
        return self.read_outputs(buffer)

    def read_outputs(self, buffer: InputBuffer) -> list[Detection]:
        """Decode what the last inference left in the outputs."""
        found = self._read(self._floor)
        return [Detection(self.labels[number], score, buffer.view.to_frame(box)) for number, score, box in found]

    def close(self) -> None:
        """Nothing to let go of: the interpreter goes with its last reference."""


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
    model = catalogue.find(name)
    return TfliteDetector(
        name, model, path, labels, threads=threads, keep_score=keep_score, thresholds=thresholds, only=only
    )


def _check_labels(title: str, known: Collection[str], named: Collection[str]) -> None:
    for label in named:
        if label not in known:
            near = difflib.get_close_matches(label, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it knows: {', '.join(sorted(known))}"
            raise ConfigError(f"detector: model {title} has no label {label!r}", hint=hint)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
