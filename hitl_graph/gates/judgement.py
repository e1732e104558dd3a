"""What a gate says of one proposal: proceed, or ask and what exactly to ask."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

from hitl_graph.plain import plain_json
from hitl_graph.reviews import Reason, ReviewRequest

__all__ = ["Ask", "Judgement", "Proceed", "Verdict"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """The policy's part of a judgement, before anything is said about how to show it.

    Attributes:
        ask: Whether a person must look.
        reasons: Why it asks, or why it lets pass; never empty.
        facts: Plain JSON that the verdict rests on: score, threshold, segment, signals, sampling propensity.
    """

    ask: bool
    reasons: tuple[Reason, ...]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with what it was about, as it is kept in the graph's state.

    `unattended` is the reason that the gate's author gave why an irreversible act may pass it without a
    person; an effect that cannot be taken back refuses to run on a judgement without one.
    """

    gate: str
    action: str
    outcome: Literal["ask", "proceed"]
    reasons: tuple[Reason, ...]
    facts: dict[str, Any]
    proposal_key: str
    proposal_digest: str
    owner: str
    unattended: str = ""
    id: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all fields."""
        out: dict[str, Any] = plain_json(self, f"judgement of {self.gate}")
        return out

    def speaks_anew(self, shown: Iterable[tuple[str, str]]) -> bool:
        """Whether it gives a reason to ask that is not among those the person was shown, as (gate, code).

        Being picked for the audit sample is none: they have just looked.
        """
        asking = {(reason.gate, reason.code) for reason in self.reasons if reason.asks}
        return any(code != "audit_sample" for _, code in asking.difference(shown))


@dataclasses.dataclass(frozen=True)
class Proceed:
    """The act may go on without a person."""

    judgement: Judgement


@dataclasses.dataclass(frozen=True)
class Ask:
    """A person must decide; `request` is the complete case."""

    judgement: Judgement
    request: ReviewRequest
