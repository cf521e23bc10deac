"""What every benchmark prints."""

from typing import Any, Literal

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One number and what it must hold."""

    name: str
    value: float
    unit: str
    bound: float | None
    better: Literal["higher", "lower"]
    holds: bool | None

    @classmethod
    def of(
        cls, name: str, value: float, unit: str, better: Literal["higher", "lower"], bound: float | None = None
    ) -> "Figure":
        holds = None if bound is None else value >= bound if better == "higher" else value <= bound
        return cls(name, round(value, 4), unit, bound, better, holds)


class BenchReport(msgspec.Struct, frozen=True):
    bench: str
    figures: list[Figure]
    details: dict[str, Any]


def as_table(report: BenchReport) -> str:
    lines = [f"edge bench {report.bench}"]
    for figure in report.figures:
        sign = "≥" if figure.better == "higher" else "≤"
        bound = "" if figure.bound is None else f"   {sign} {figure.bound:g}: {'holds' if figure.holds else 'missed'}"
        lines.append(f"  {figure.name:24} {figure.value:>10g} {figure.unit:12}{bound}")
    lines += [f"    {key:22} {value}" for key, value in report.details.items()]
    return "\n".join(lines)
