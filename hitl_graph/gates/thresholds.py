"""The bar that a score must reach, by action class and segment; never one number for all (R14, R16)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hitl_graph.errors import DefinitionError

__all__ = ["Thresholds"]

ANY = "*"


class Thresholds:
    """A policy's bars: `{"tag_ticket": {"refund": 0.95, "*": 0.8}}`.

    `"*"` stands for every other segment of that action class. A segment without a bar is asked about: nothing
    passes because somebody forgot it.

    Args:
        bars: For each action class, the bar by segment; each from 0 to 1.

    Raises:
        DefinitionError: One number instead of a table, an empty table, or a bar that is no share.
    """

    def __init__(self, bars: Mapping[str, Mapping[str, float]]) -> None:
        if not isinstance(bars, Mapping) or not bars:
            raise DefinitionError(
                "thresholds",
                "bars",
                f"{bars!r} is one number for all: give each action class its bars by segment, "
                "such as {'tag_ticket': {'refund': 0.95, '*': 0.8}}",
            )
        for action, segments in bars.items():
            if not isinstance(segments, Mapping) or not segments:
                raise DefinitionError(
                    "thresholds",
                    action,
                    f"{segments!r} is no table by segment, such as {{'refund': 0.95, '*': 0.8}}",
                )
            for segment, bar in segments.items():
                good = isinstance(bar, (int, float)) and not isinstance(bar, bool) and math.isfinite(bar)
                if not good or not 0 <= bar <= 1:
                    raise DefinitionError(
                        "thresholds", f"{action}.{segment}", f"{bar!r} is no share from 0 to 1"
                    )
        if ANY in bars:
            raise DefinitionError("thresholds", ANY, "stands for a segment, not for an action class")
        self._bars = {action: dict(segments) for action, segments in bars.items()}

    def __contains__(self, action: object) -> bool:
        return action in self._bars

    def __repr__(self) -> str:
        return f"Thresholds({self._bars!r})"

    def bar(self, action: str, segment: str) -> float | None:
        """The bar for one act, from 0 to 1; None when nobody set one."""
        segments = self._bars.get(action, {})
        return segments.get(segment, segments.get(ANY))

    def table(self) -> dict[str, dict[str, float]]:
        """All bars, as plain JSON."""
        return {action: dict(segments) for action, segments in self._bars.items()}
