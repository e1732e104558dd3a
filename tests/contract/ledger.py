"""What LangGraph says is pending in a thread, what our rows say, and whether both say the same."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from langgraph.types import Interrupt, StateSnapshot
from psycopg import Connection
from psycopg.rows import dict_row

from hitl_graph.plain import digest
from hitl_graph.wire import native_request

OPEN = ("pending", "decided", "failed")
CONTROL = {"__interrupt__", "__resume__", "__error__", "__error_source_node__"}
MOVES = {
    ("asked", None): "pending",
    ("changed", "pending"): "pending",
    ("changed", "decided"): "pending",
    ("reopened", "applied"): "pending",
    ("reopened", "superseded"): "pending",
    ("reopened", "failed"): "pending",
    ("decided", "pending"): "decided",
    ("refused", "decided"): "pending",
    ("retried", "failed"): "decided",
    ("failed", "pending"): "failed",
    ("failed", "decided"): "failed",
    ("failed", "applied"): "failed",
    ("retried", "applied"): "decided",
    ("retried", "superseded"): "decided",
    ("applied", "decided"): "applied",
    ("applied", "failed"): "applied",
    ("decided_elsewhere", "pending"): "applied",
    ("decided_elsewhere", "decided"): "applied",
    ("decided_elsewhere", "failed"): "applied",
    ("decided_elsewhere", "applied"): "applied",
    ("answer_known", "applied"): "applied",
    ("superseded", "pending"): "superseded",
    ("superseded", "decided"): "superseded",
    ("superseded", "failed"): "superseded",
}
"""(event, status before it) → status after it. Anything else is a broken history."""
EARLY = """
SELECT FROM hitl.reviews r JOIN checkpoints c USING (thread_id, checkpoint_id)
WHERE c.checkpoint_ns = '' AND r.status = 'superseded' AND r.closed_at IS NULL AND r.thread_id = %s
"""


@dataclasses.dataclass(frozen=True)
class Question:
    """One open question: the same whoever is asked about it."""

    id: str
    digest: str
    payload: str


class Ledger:
    """Reads the review tables on a connection of its own, and judges them.

    Args:
        conn: An autocommit connection.
    """

    def __init__(self, conn: Connection[Any]) -> None:
        self._conn = conn

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """All rows of a query, as dictionaries."""
        text: Any = sql  # the tests write their SQL, psycopg wants to see it spelled out
        return self._conn.cursor(row_factory=dict_row).execute(text, params).fetchall()

    def run(self, sql: str) -> None:
        """A statement of the test's own."""
        text: Any = sql
        self._conn.execute(text)

    def reviews(self, thread_id: str) -> list[dict[str, Any]]:
        """The reviews of a thread with their decisions, oldest first; none that waits for its checkpoint."""
        return self.rows(
            """
            SELECT r.*, d.type AS decision_type, d.decision, d.by, d.via, d.digest AS decided_digest
            FROM hitl.reviews r LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
            WHERE r.thread_id = %s AND NOT (r.status = 'superseded' AND r.closed_at IS NULL) ORDER BY r.seq
            """,
            thread_id,
        )

    def events(self, thread_id: str) -> list[str]:
        """What happened in a thread, in order."""
        found = self.rows("SELECT type FROM hitl.events WHERE thread_id = %s ORDER BY id", thread_id)
        return [row["type"] for row in found]

    def head(self, thread_id: str) -> str | None:
        """The id of a thread's newest root checkpoint."""
        [found] = self.rows(
            "SELECT max(checkpoint_id) AS id FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = ''",
            thread_id,
        )
        return found["id"]

    def check_history(self, thread_id: str, reviews: list[dict[str, Any]]) -> None:
        """Every status has the events that lead to it, every review the decision and place that it needs."""
        head = self.head(thread_id)
        states: dict[str, str | None] = {}
        for event in self.rows(
            "SELECT type, review_id FROM hitl.events WHERE thread_id = %s ORDER BY id", thread_id
        ):
            move = (event["type"], states.get(event["review_id"]))
            assert move in MOVES, f"no review goes through {move}"
            states[event["review_id"]] = MOVES[move]
        assert states == {row["id"]: row["status"] for row in reviews}
        assert not self.rows(EARLY, thread_id), "its checkpoint is there, and it waits for it"
        for row in reviews:
            decided = row["decision_type"] is not None
            if is_open(row):
                assert row["checkpoint_id"] == head, "open, and not at the newest checkpoint"
            if row["status"] == "pending":
                assert not decided, "a decision about a case that waits for one"
            if row["status"] in ("decided", "applied", "failed"):
                assert decided, f"{row['status']} by nobody"
            if row["status"] == "decided":
                assert row["decided_digest"] == row["digest"], "decided about something else"
            if row["status"] in ("pending", "applied", "superseded"):
                assert (row["closed_at"] is None) == (row["status"] == "pending")


def is_open(review: dict[str, Any]) -> bool:
    """Whether it waits for an answer, or for its thread to take one; not if only the work after it has failed."""
    return review["status"] in OPEN and review["closed_at"] is None


def open_questions(reviews: Iterable[dict[str, Any]]) -> set[Question]:
    """What our rows say is open."""
    return {Question(row["id"], row["digest"], canonical(row["payload"])) for row in reviews if is_open(row)}


def langgraph_pending(
    snapshot: StateSnapshot, pending_writes: Iterable[tuple[str, str, Any]], handler_tasks: set[str]
) -> set[Question]:
    """What LangGraph says is open: `get_state().interrupts`, and what is asked where that does not look.

    Args:
        snapshot: The thread's state.
        pending_writes: (task, channel, value) at the thread's newest checkpoint.
        handler_tasks: The tasks of error handlers, which `get_state` does not know.
    """
    asked: dict[str, list[Interrupt]] = {}
    finished = set()
    for task, channel, value in pending_writes:
        if channel == "__interrupt__":
            asked[task] = list(value)
        elif channel not in CONTROL:
            finished.add(task)
    hidden = [one for task in handler_tasks - finished for one in asked.get(task, ())]
    return {question(one) for one in (*snapshot.interrupts, *hidden)}


def question(one: Interrupt) -> Question:
    """An interrupt as it should stand in a row."""
    payload = canonical(one.value)
    request = native_request(one.value)
    return Question(one.id, request["digest"] if request else digest(json.loads(payload)), payload)


def canonical(payload: object) -> str:
    """JSON text by which payloads are compared."""
    return json.dumps(payload, sort_keys=True)
