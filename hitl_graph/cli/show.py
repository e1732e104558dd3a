"""`hitl-graph show`: one case, whole."""

from __future__ import annotations

from hitl_graph.cli.case_view import case_view
from hitl_graph.cli.options import AsJson, Db, ReviewId, Thread
from hitl_graph.cli.output import out, print_json
from hitl_graph.desk import Desk

__all__ = ["show"]


def show(review: ReviewId, *, thread: Thread = None, db: Db = None, as_json: AsJson = False) -> None:
    """Show one case: what is asked and why, the evidence beside the proposal, and how to decide it.

    Hidden characters are written out. With --json: {"case": ..., "allowed": [...], "history": [...]}.
    """
    with Desk(db) as desk:
        case = desk.show(desk.find(review), thread_id=thread)
        history = desk.history(case.id, thread_id=case.thread_id)
    if as_json:
        print_json({"case": case, "allowed": list(case.allowed), "history": history})
        return
    out().print(case_view(case, out(), history=history))
