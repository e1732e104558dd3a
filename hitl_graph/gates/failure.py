"""A failed node as a case: a person says whether to retry, edit and retry, skip or abort."""

from __future__ import annotations

import dataclasses
from typing import Any

from hitl_graph.errors import ProposalError
from hitl_graph.gates.gate import Gate, Signals
from hitl_graph.gates.judgement import Judgement, Verdict
from hitl_graph.plain import printable
from hitl_graph.reviews import Evidence, Option, Reason, ReviewKind, ReviewRequest

__all__ = ["FailureEscalation"]

OPTIONS = (
    Option("retry", "Retry", "Runs the failed step again, as it is."),
    Option("skip", "Skip", "Leaves the failed step out and goes on."),
    Option("abort", "Abort", "Ends the work on this case here."),
)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FailureEscalation(Gate):
    """What to ask when a node failed. Used as the node's error handler, with `nodes.ask_on_failure`.

    `proposal` names the state key that the person may edit before a retry. `evidence` is what the node worked
    on; the error itself is always added to it.
    """

    kind: ReviewKind = ReviewKind.CHOOSE
    options: tuple[Option, ...] = OPTIONS
    allowed: tuple[str, ...] | None = ("choose", "edit")

    @property
    def always_asks(self) -> bool:
        """Always True: a failure is never waved through."""
        return True

    @property
    def approves(self) -> bool:
        """False: retrying a failed step approves nothing that was not approved before."""
        return False

    def proposed(self, state: Any) -> dict[str, Any]:
        """What may be edited before a retry; empty when the failed node ran before there was anything."""
        try:
            return super().proposed(state)
        except ProposalError:
            return {}

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Signals) -> Verdict:
        """Ask, naming the node and the error."""
        text = f"The step {signals.get('node')!r} failed: {signals.get('error')}. {self.why}".strip()
        return Verdict(ask=True, reasons=(Reason("node_failed", text, self.name),), facts=dict(signals))

    def own_evidence(self, judgement: Judgement) -> tuple[Evidence, ...]:
        """The error."""
        facts = judgement.facts
        return (Evidence("Error", printable(str(facts.get("error"))), source=f"node {facts.get('node')}"),)

    def request(self, state: Any, proposal: dict[str, Any], judgement: Judgement) -> ReviewRequest:
        """The case; without a proposal there is nothing to edit."""
        request = super().request(state, proposal, judgement)
        allowed = tuple(word for word in request.allowed if proposal or word != "edit")
        return dataclasses.replace(request, allowed=allowed).sealed()
