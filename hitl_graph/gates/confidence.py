"""Confidence-gated: what is sure enough for this act in this segment passes, the rest is asked (R52)."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from hitl_graph.errors import DefinitionError
from hitl_graph.gates.case import case_key
from hitl_graph.gates.gate import Gate, Signals, read
from hitl_graph.gates.judgement import Verdict
from hitl_graph.gates.sampling import AuditSample
from hitl_graph.gates.scores import Agreement, ScoreSource, TokenLogprobs, usable
from hitl_graph.gates.thresholds import Thresholds
from hitl_graph.reviews import Reason

__all__ = ["ConfidenceGate"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ConfidenceGate(Gate):
    """A gate that asks when the score is under the bar of the act's class and segment.

    It asks as well when there is no score, when no bar is set for the segment, and for an audit sample of
    what passes. The bar belongs to the workflow; the score is one input to it.

    Args:
        score: A state key, `TokenLogprobs`, `Agreement`, or a function of the state that gives a share from 0
            to 1.
        thresholds: The bars by action class and segment.
        segment: The state key, or a function of the state, that names the segment.
        audit: The share of passing proposals that is asked about; 5% unless said.

    Raises:
        DefinitionError: One number for all, no bar for this gate's action class, or no score.
    """

    score: ScoreSource = ""
    thresholds: Thresholds = None  # type: ignore[assignment]  # checked below: the error names the field
    segment: str | Callable[[Any], str] = ""
    audit: AuditSample = AuditSample()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.score:
            raise DefinitionError(
                self.where, "score", "is missing: a state key, TokenLogprobs, Agreement or a function"
            )
        if not isinstance(self.thresholds, Thresholds):
            raise DefinitionError(
                self.where,
                "thresholds",
                f"{self.thresholds!r} is one number for all, or none: "
                f"give Thresholds({{{self.action.name!r}: {{segment: bar, '*': bar}}}})",
            )
        if self.action.name not in self.thresholds:
            raise DefinitionError(
                self.where, "thresholds", f"set no bar for the action class {self.action.name!r}"
            )
        if not self.segment:
            raise DefinitionError(self.where, "segment", "is missing: the state key that names the segment")
        if not isinstance(self.audit, AuditSample):
            raise DefinitionError(self.where, "audit", "is an AuditSample(rate)")

    @property
    def collects(self) -> bool:
        """True for a function: it may answer otherwise the second time."""
        return callable(self.score)

    def collect(self, state: Any) -> dict[str, Any]:
        """The score, `{"score": 0.83}`; None for one that cannot be used."""
        score = self._score(state)
        if inspect.isawaitable(score):
            getattr(score, "close", lambda: None)()
            raise DefinitionError(self.where, "score", "is an async function: run the graph with ainvoke")
        return {"score": usable(score)}

    async def acollect(self, state: Any) -> dict[str, Any]:
        """The score; an async function is awaited."""
        score = self._score(state)
        return {"score": usable(await score if inspect.isawaitable(score) else score)}

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Signals) -> Verdict:
        """Ask unless the score reaches the bar and the audit sample does not pick the proposal."""
        found = self.segment(state) if callable(self.segment) else read(state, self.segment)
        segment = "" if found is None else str(found)
        score, bar = signals.get("score"), self.thresholds.bar(self.action.name, segment)
        facts = {"score": score, "threshold": bar, "segment": segment, "propensity": 1.0, "sampled": False}
        if score is None:
            why = self.score.missing(state) if isinstance(self.score, (TokenLogprobs, Agreement)) else ""
            text = f"There is no usable confidence for this one{': ' if why else ''}{why}."
            return self._ask("no_score", text, facts)
        if bar is None:
            return self._ask("no_threshold", f"Nobody has set a bar for {segment or 'no segment'!r}.", facts)
        if score < bar:
            text = (
                f"Confidence {score:.2f} is under the bar of {bar:.2f} for {self.action.name} in {segment!r}."
            )
            return self._ask("low_confidence", text, facts)
        facts["propensity"] = self.audit.rate
        if self.audit.rate and self.audit.picks(self.name, case_key(self, state, proposal)):
            text = f"Picked for the audit sample ({self.audit.rate:.0%} of what would pass)."
            return self._ask("audit_sample", text, {**facts, "sampled": True})
        text = f"Confidence {score:.2f} reaches the bar of {bar:.2f} for {self.action.name} in {segment!r}."
        return Verdict(ask=False, reasons=(Reason("confident", text, self.name, asks=False),), facts=facts)

    def _score(self, state: Any) -> Any:
        if isinstance(self.score, (TokenLogprobs, Agreement)):
            return self.score.score(state)
        return self.score(state) if callable(self.score) else read(state, self.score)

    def _ask(self, code: str, text: str, facts: dict[str, Any]) -> Verdict:
        return Verdict(
            ask=True, reasons=(Reason(code, f"{text} {self.why}".strip(), self.name),), facts=facts
        )
