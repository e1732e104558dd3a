"""Exception escalation: the usual passes; a complaint, an emergency, anything odd reaches a person (R53)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

from hitl_graph.errors import DefinitionError
from hitl_graph.gates.detectors import Detector, Signal
from hitl_graph.gates.gate import Gate, Signals
from hitl_graph.gates.judgement import Verdict
from hitl_graph.plain import printable
from hitl_graph.reviews import Reason

__all__ = ["ExceptionEscalation"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ExceptionEscalation(Gate):
    """A gate that asks when a detector finds an exception, and names each one.

    A detector that fails counts as one that found something: an error never lets a case through.

    Args:
        detectors: Rules and models; see `complaint`, `urgency`, `ambiguous_data`, `sensitive_policy`,
            `high_value`.

    Raises:
        DefinitionError: No detector, or something that is none.
    """

    detectors: Sequence[Detector] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.detectors:
            raise DefinitionError(self.where, "detectors", "are missing: say what counts as an exception")
        for number, detector in enumerate(self.detectors):
            if not isinstance(detector, Detector):
                raise DefinitionError(
                    self.where,
                    f"detectors[{number}]",
                    "is no Detector: it needs a name, repeatable and detect(state)",
                )

    @property
    def collects(self) -> bool:
        """True when a detector may answer otherwise the second time."""
        return not all(detector.repeatable for detector in self.detectors)

    def collect(self, state: Any) -> dict[str, Any]:
        """What all detectors find: `{"signals": [{"name", "text", "by_model"}]}`."""
        return {"signals": [signal for detector in self.detectors for signal in _run(detector, state)]}

    async def acollect(self, state: Any) -> dict[str, Any]:
        """`collect` in a thread, since a detector may call a model."""
        return await asyncio.to_thread(self.collect, state) if self.collects else self.collect(state)

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Signals) -> Verdict:
        """Ask when there is any signal, one reason for each."""
        found = signals["signals"]
        if not found:
            return Verdict(
                ask=False,
                reasons=(
                    Reason(
                        "no_exception",
                        f"None of {len(self.detectors)} detectors found one.",
                        self.name,
                        asks=False,
                    ),
                ),
                facts={"signals": []},
            )
        reasons = tuple(
            Reason(s["name"], f"{s['name'].replace('_', ' ').capitalize()}: {s['text']}.", self.name)
            for s in found
        )
        return Verdict(ask=True, reasons=reasons, facts={"signals": found})


def _run(detector: Detector, state: Any) -> list[dict[str, Any]]:
    """The signals of one detector as plain JSON; one that fails, or gives something else, has found one."""
    try:
        return [_plain(signal) for signal in detector.detect(state)]
    except Exception as error:  # noqa: BLE001  # a failing detector must ask, whatever it fails with
        return [_plain(Signal("detector_failed", f"{detector.name} failed with {type(error).__name__}"))]


def _plain(signal: Signal) -> dict[str, Any]:
    if not isinstance(signal, Signal) or not signal.name:
        raise TypeError("no signal")
    return {"name": printable(signal.name), "text": printable(signal.text), "by_model": bool(signal.by_model)}
