"""Which of a detector's labels count, and from which score."""

import difflib
from collections.abc import Collection, Mapping

from edge.errors import ConfigError


def check_labels(place: str, title: str, known: Collection[str], named: Collection[str]) -> None:
    """Raises:
    ConfigError: `named` holds a label that is not `known`; the hint names the nearest.
    """
    for label in named:
        if label not in known:
            near = difflib.get_close_matches(label, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it knows: {', '.join(sorted(known))}"
            raise ConfigError(f"{place}: {title} has no label {label!r}", hint=hint)


def check_interest(
    title: str, known: Collection[str], only: Collection[str], thresholds: Mapping[str, float] | None
) -> None:
    """What `[detector]` says of labels. Raises as `check_labels`."""
    check_labels("detector.labels", f"model {title}", known, only)
    check_labels("detector.thresholds", f"model {title}", known, thresholds or {})
