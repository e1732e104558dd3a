"""Taking a decision back before its thread is told."""

from __future__ import annotations

from typing import Any

from hitl_graph.desk.acting import SQL, Acting
from hitl_graph.desk.admitting import admit
from hitl_graph.desk.case import Case, Status
from hitl_graph.desk.connected import rows
from hitl_graph.desk.identity import Act, amount_of, person_name
from hitl_graph.desk.weighing import weigh
from hitl_graph.errors import DecisionConflict, ReviewClosed, TooLate
from hitl_graph.plain import key_of
from hitl_graph.wire import decisions_from_json

__all__ = ["Undoing", "undone_act"]


class Undoing(Acting):
    """Undo, as long as nothing has gone out (I14)."""

    async def undo(self, review_id: str, *, by: str, thread_id: str | None = None) -> Case:
        """Take a decision back: the case waits again, and what was decided stays in its history.

        Possible until a run of the thread takes the decision: with `decide(undo_s=10)` for ten seconds at least.
        Either the undo takes effect or the run does, never both. A vote that completed the number is taken back
        alone; those of the others stand.

        Args:
            review_id: The case. by: Who decided, or somebody who may: for a no, who could say yes to what is proposed.
            thread_id: Needed only where a copied thread holds the same review.

        Returns:
            The case, pending again.

        Raises:
            DecisionConflict: Somebody else has decided meanwhile.
            TooLate: The thread has been told, or has answered. Nothing was changed.
            ReviewClosed: There is no decision to undo. NotAuthorised: They may not.
            ReviewNotFound, AmbiguousReview: No such case, or several.
        """
        by = person_name(by, where="undo")
        case = await self.show(review_id, thread_id=thread_id)
        async with self._refusals(case, by, "undo"):
            _must_be_decided(case)
            async with self.transaction() as conn:
                row = await self._lock(conn, case, by)
                excluded = case.request.excluded if case.request else ()
                act = None if key_of(by) == key_of(case.by or "") else undone_act(case)
                whose: dict[str, Any] = {"excluded": excluded, "decided_by": case.by, "act": act}
                who = admit("undo", row, by, review_id=case.id, **whose)
                params = {"thread_id": case.thread_id, "id": case.id, "by": who.id, "person": key_of(who.id)}
                took = await rows(
                    conn, SQL["undo"], {**params, "decider": key_of(case.by or ""), "decided_by": case.by}
                )
            now = await self.show(case.id, thread_id=case.thread_id)
            if not took:
                _must_be_decided(now)
                at = now.decided_at.isoformat() if now.decided_at else "an unknown time"
                raise DecisionConflict(case.id, now.by or "unknown", now.decision_type or "decided", at)
        return now


def undone_act(case: Case) -> Act:
    """What takes authority to undo for another: what they let through, or what their no stands against."""
    act = weigh(case, decisions_from_json(case.decision or {})).act
    request = case.request
    if request is None or act.approves:
        return act
    return Act(approves=True, amount=amount_of(request.proposal, request.action.get("amount")))


def _must_be_decided(case: Case) -> None:
    if case.status is Status.PENDING or case.status is Status.SUPERSEDED:
        raise ReviewClosed(f"review {case.id} is {case.status.value}: there is no decision to undo")
    if case.status is not Status.DECIDED or case.dispatched_at is not None:
        raise _too_late(case)


def _too_late(case: Case) -> TooLate:
    at = case.dispatched_at or case.closed_at or case.decided_at
    when = f" at {at.isoformat()}" if at else ""
    return TooLate(f"too late: the thread was told what {case.by or 'somebody'} decided{when}")
