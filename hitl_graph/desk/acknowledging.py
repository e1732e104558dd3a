"""Saying that a case is seen: its level is told no more until the acknowledgement expires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hitl_graph.desk.acting import Acting, must_be_open
from hitl_graph.desk.case import Case
from hitl_graph.desk.connected import Connection, rows
from hitl_graph.desk.deadlines import SQL, add_timers, reached, tell
from hitl_graph.desk.expiry import read_request
from hitl_graph.desk.identity import person_name
from hitl_graph.sla import Timer

__all__ = ["Acknowledging"]


class Acknowledging(Acting):
    """Acknowledging an escalated case."""

    async def acknowledge(self, review_id: str, *, by: str, thread_id: str | None = None) -> Case:
        """Say that the case is seen: the repeats of its level stop for the level's `ack_h` hours, and then go on.

        Its deadlines stay as they are: the next level, reminders and expiry come all the same.

        Args:
            review_id: The case. by: Who has seen it; they must be among those who may act on it.
            thread_id: Needed only where a copied thread holds the same review.

        Returns:
            The case.

        Raises:
            NotAuthorised: This person may not act on the case.
            DecisionConflict, ReviewClosed: It waits for nobody any more.
            ReviewNotFound, AmbiguousReview: No such case, or several. In all of these nothing was changed.
        """
        by = person_name(by, where="acknowledge")
        case = await self.show(review_id, thread_id=thread_id)
        where = {"thread_id": case.thread_id, "id": case.id}
        async with self._refusals(case, by, "acknowledge"):
            async with self.transaction() as conn:
                locked, who = await self._lock_as(conn, case, by, "acknowledge")
                if pending := locked["status"] == "pending":
                    await _hold(conn, where, who.id)
            case = await self.show(case.id, thread_id=case.thread_id)
            if not pending:
                must_be_open(case)
        return case


async def _hold(conn: Connection, where: Mapping[str, Any], by: str) -> None:
    """Let the repeats of the case's level rest, in the transaction that holds its row."""
    [row] = await rows(conn, SQL["look"], where)
    held = [
        one for one in await rows(conn, SQL["standing_timers"], where) if one["kind"] in ("repeat", "ack")
    ]
    until = None
    if held:
        await conn.execute(SQL["end_timers"], {"ids": [one["id"] for one in held], "outcome": "held"})
        sla = read_request(row).sla
        ack_h = sla.ladder[row["level"] - 1].ack_h if sla and 1 <= row["level"] <= len(sla.ladder) else None
        if sla is not None and ack_h is not None:
            until = sla.later(row["now"], ack_h)
            left = max(one["remaining"] for one in held)
            await add_timers(conn, where, [Timer("ack", row["level"], until)], remaining=left)
    told = reached(row["level"], row["owner"], by, row["due_at"])
    await tell(conn, where, "acknowledged", by=by, **told, until=None if until is None else until.isoformat())
