"""What all sections of the configuration are made of."""

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
EvenPixels = Annotated[int, msgspec.Meta(ge=64, le=16_384, multiple_of=2)]
Percent = Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file."""


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Pin = Annotated[int, msgspec.Meta(ge=2, le=27)]
"""As Broadcom counts: GPIO17 is 17."""
