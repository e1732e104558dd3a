"""Review before send: everything of this kind is read by a person first (R51)."""

from __future__ import annotations

import dataclasses
from typing import Any

from hitl_graph.gates.gate import Gate, Signals
from hitl_graph.gates.judgement import Verdict
from hitl_graph.reviews import Reason

__all__ = ["ReviewBeforeSend"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ReviewBeforeSend(Gate):
    """A gate that always asks: the default for what goes out under the brand and cannot be taken back.

    Example:
        >>> from hitl_graph import ActionClass, Evidence, Owner, ReviewBeforeSend
        >>> gate = ReviewBeforeSend(
        ...     name="reply", action=ActionClass("send_email", reversible=False, audience="customer"),
        ...     proposal="email", question="Is this reply safe to send to the customer?",
        ...     evidence=lambda s: [Evidence("Customer message", s["ticket"])],
        ...     consequence="Sends an email to {to}.", owner=Owner("support-leads"))
        >>> gate.judge({"ticket": "Where is my card?", "email": {"to": "a@example.com"}}).request.consequence
        'Sends an email to a@example.com.'
    """

    @property
    def always_asks(self) -> bool:
        """Always True."""
        return True

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Signals) -> Verdict:
        """Ask, for the reason that the gate was given."""
        text = self.why or f"Every {self.action.name} is read by a person before it happens."
        return Verdict(ask=True, reasons=(Reason("always", text, self.name),))
