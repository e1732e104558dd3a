"""A decision as a case takes it, and the act that it lets through. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hitl_graph.answers import apply_decision, check_decision
from hitl_graph.decisions import Decision, Edit
from hitl_graph.desk.case import Case
from hitl_graph.desk.identity import Act, amount_of
from hitl_graph.errors import AnswerError, PlainJsonError
from hitl_graph.plain import digest
from hitl_graph.reviews import proposal_digest
from hitl_graph.wire import answer_foreign, decisions_to_json

__all__ = ["Weighed", "weigh"]

_GROUNDS = ("reason", "cause", "recurrence", "note")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Weighed:
    """What is kept of a decision, what it lets through, and the digest of that; None where it lets nothing through."""

    kept: dict[str, Any]
    act: Act
    final_digest: str | None

    @property
    def content(self) -> str:
        """What must be the same for votes to count together: the decision without the grounds for it."""
        return digest({name: value for name, value in self.kept.items() if name not in _GROUNDS})


def weigh(case: Case, decision: Decision | Sequence[Decision]) -> Weighed:
    """Check a decision against its case, with the amount as it will be: after the edit, not before.

    Raises:
        AnswerError: The case does not take it; the error names the field.
    """
    request = case.request
    try:
        if request is None:
            answer_foreign(case.payload, decision, response_schema=case.response_schema)
            return Weighed(kept=decisions_to_json(decision), act=Act(approves=True), final_digest=None)
        one = check_decision(request, decision, any_cause=True)  # type: ignore[arg-type]  # a list is refused there
        kept = decisions_to_json(one)
    except PlainJsonError as error:
        raise AnswerError(f"review {case.id}", error.field, error.problem) from None
    final = apply_decision(request, one).final
    if final is None:
        return Weighed(kept=kept, act=Act(approves=False), final_digest=None)
    tool = request.tool_call.name if request.tool_call else None
    # Another tool's call is reviewed by that tool's own gate, with the authority that it takes.
    moved = isinstance(one, Edit) and one.tool is not None
    return Weighed(
        kept=kept,
        act=Act(approves=not moved, amount=amount_of(final, request.action.get("amount"))),
        final_digest=proposal_digest(request.action["name"], final, one.tool if moved else tool),  # type: ignore[union-attr]  # no list, as above
    )
