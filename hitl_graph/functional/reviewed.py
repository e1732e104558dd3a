"""What comes back from a review: whether the act may happen, as what, and the record of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NoReturn

from hitl_graph.errors import EffectNotApproved
from hitl_graph.gates.schema import from_object

__all__ = ["Reviewed"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reviewed:
    """The end of one review. It is neither true nor false: ask for `approved`, and act on `final`.

    Attributes:
        approved: Whether the act may happen.
        final: What may be done, with every edit in it and in the type that was proposed; None unless approved.
        outcome: `passed` (let through without a person), `approved`, `rejected`, `responded`, `asked`,
            `taken_over`, `routed`, or `judged_again` where an edit names another tool, whose gate must judge it.
        decision: The word of the decision, such as `edit`; None when nobody was asked.
        message: What the person answered in words. question: What they must know first. option: What they chose.
        key: The id of the review, and so the idempotency key of the act; the same in every replay.
        passed: Whether the gate let it through without a person.
        record: The last decision, as plain JSON; None when nobody was asked.
        records: Every decision of this review, oldest first: an edit may have been reviewed once more.
        judgement: What the gate found, as plain JSON: asked or passed, why, and on what facts.
    """

    approved: bool
    final: Any
    outcome: str
    decision: str | None
    message: str | None
    question: str | None
    option: str | None
    key: str
    passed: bool
    record: dict[str, Any] | None
    records: tuple[dict[str, Any], ...]
    judgement: dict[str, Any]

    def require(self) -> Any:
        """`final`, for code that only goes on with an approval.

        Raises:
            EffectNotApproved: It was not approved. Nothing was done.
        """
        if self.approved:
            return self.final
        record = self.record or {}
        raise EffectNotApproved(
            f"{self.judgement['action']}: {self.outcome.replace('_', ' ')} by {record.get('by', 'unknown')} "
            f"(review {self.key}); it is not done"
        )

    def __bool__(self) -> NoReturn:
        raise TypeError("a Reviewed is neither true nor false: ask for .approved, and act on .final")

    @classmethod
    def of(cls, end: Mapping[str, Any], like: object) -> Reviewed:
        """From what the checkpoint keeps of a review; `like` is what was proposed."""
        records = tuple(end["records"])
        record = None if end["passed"] or not records else records[-1]
        answer = record["answer"] if record else {}
        final = end["final"] if end["approved"] else None
        return cls(
            approved=end["approved"],
            final=None if final is None else from_object(final, like=like),
            outcome=end["outcome"],
            decision=record["decision"] if record else None,
            message=answer.get("message"),
            question=answer.get("question"),
            option=answer.get("option"),
            key=end["key"],
            passed=end["passed"],
            record=record,
            records=records,
            judgement=dict(end["judgement"]),
        )
