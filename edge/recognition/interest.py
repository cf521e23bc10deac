"""Which labels count and from which score, for detectors whose network does not run on a TFLite runtime."""

from collections.abc import Collection, Mapping, Sequence

from edge.recognition.labels import check_interest
from edge.recognition.port import Detection

NO_LABELS = frozenset({"", "-", "???", "n/a"})


class Interest:
    """Args:
        title: of the model, for errors.
        keep_score: findings down to this share of their threshold are of interest too.
        thresholds: by label, before `threshold`.
        only: labels that are of interest; empty: all.

    Raises:
        ConfigError: `thresholds` or `only` names a label that the model does not have.
    """

    def __init__(
        self,
        title: str,
        labels: Sequence[str],
        *,
        threshold: float,
        keep_score: float = 1.0,
        thresholds: Mapping[str, float] | None = None,
        only: Collection[str] = (),
    ) -> None:
        check_interest(title, labels, only, thresholds)
        self._threshold = threshold
        self._thresholds = dict(thresholds or {})
        self._floor = [
            self.threshold_of(label) * keep_score
            if label not in NO_LABELS and (not only or label in only)
            else float("inf")
            for label in labels
        ]

    def threshold_of(self, label: str) -> float:
        return self._thresholds.get(label, self._threshold)

    def has(self, number: int, score: float) -> bool:
        """Whether a finding of the class of that number is of interest; a number without a label never is."""
        return 0 <= number < len(self._floor) and score >= self._floor[number]


def best_first(detections: list[Detection]) -> list[Detection]:
    return sorted(detections, key=lambda found: -found.score)
