"""Bars of charts as numbers: where each begins and how long it is. Pure. Each chart has a table that says the same."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["FEW", "Bar", "Part", "bars", "interval", "of_words", "stacked"]

WIDTH = 100.0
"""The length of the longest bar."""
FEW = 10
"""Of fewer than these no share is said in percent."""
_SURE = 1.96  # 95 %


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar, from 0 to 100."""

    label: str
    value: float
    width: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a bar that is divided: where it begins and how long it is, from 0 to 100."""

    kind: str
    value: int
    x: float
    width: float


def bars(values: Iterable[tuple[str, float]]) -> list[Bar]:
    """Bars beside each other: the largest takes the whole length, and what is more than nothing can be seen."""
    given = list(values)
    most = max((value for _, value in given), default=0) or 1
    return [
        Bar(label=label, value=value, width=round(max(WIDTH * value / most, 0.5 if value else 0.0), 2))
        for label, value in given
    ]


def stacked(parts: Mapping[str, int], kinds: Sequence[str]) -> list[Part]:
    """One whole divided into its kinds, in their order; kinds that there are none of are left out."""
    whole = sum(parts.get(kind, 0) for kind in kinds)
    out: list[Part] = []
    x = 0.0
    for kind in kinds:
        if value := parts.get(kind, 0):
            width = WIDTH * value / whole
            out.append(Part(kind=kind, value=value, x=round(x, 2), width=round(width, 2)))
            x += width
    return out


def interval(part: int, whole: int) -> tuple[float, float]:
    """Between which shares the true one lies, as far as so many tell: the Wilson interval at 95 %."""
    if whole <= 0:
        return 0.0, 1.0
    share, square = part / whole, _SURE**2
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    half = _SURE * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2)) / (1 + square / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def of_words(part: int, whole: int) -> str:
    """A share as it can be said: of few in numbers only."""
    if not whole:
        return "\u2013"
    if whole < FEW:
        return f"{part} of {whole}"
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "< 1 %"
    return "> 99 %" if 99 < percent < 100 else f"{percent:.0f} %"
