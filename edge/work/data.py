"""What goes into a work and comes out of it: small, flat and made of plain values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from edge.errors import WorkError

MAX_BYTES = 10_240
"""Of input or output, as JSON. Larger things are files; their paths go into the data."""

Scalar = str | int | float | bool | None
Value = Scalar | list[Scalar]
Data = dict[str, Value]


def checked(values: Mapping[str, Any], what: str) -> Data:
    """The values as `Data`.

    Args:
        what: for the error: whose data it is.

    Raises:
        WorkError: a value is neither a scalar nor a list of them, or there are more than `MAX_BYTES` of it.
    """
    try:
        data = msgspec.convert(dict(values), Data)
    except msgspec.ValidationError as error:
        raise WorkError(
            f"{what}: {error}",
            hint="use strings, numbers, true, false, null and lists of these; paths for larger things",
        ) from error
    size = len(msgspec.json.encode(data))
    if size > MAX_BYTES:
        raise WorkError(f"{what}: {size} bytes, more than {MAX_BYTES}", hint="write a file and pass its path")
    return data


Merger = Callable[[Sequence[Data]], Data]


def overwriting(inputs: Sequence[Data]) -> Data:
    """Later inputs replace the values of earlier ones."""
    return {key: value for each in inputs for key, value in each.items()}


def array_creating(inputs: Sequence[Data]) -> Data:
    """Every value becomes part of a list with all the values of its key."""
    merged: dict[str, list[Scalar]] = {}
    for each in inputs:
        for key, value in each.items():
            merged.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return {**merged}


MERGERS: dict[str, Merger] = {"overwriting": overwriting, "array-creating": array_creating}
