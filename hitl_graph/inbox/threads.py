"""One thread as its page shows it: where it stands, its cases, holds and acts, and its state."""

from __future__ import annotations

import logging
from typing import Any

import psycopg

from hitl_graph.checkpointers import AsyncReviewSaver
from hitl_graph.desk import Desk
from hitl_graph.desk.connected import storable
from hitl_graph.desk.repairs import SQL as REPAIRS_SQL
from hitl_graph.inbox.queue_rows import case_address
from hitl_graph.inbox.requests import Refused
from hitl_graph.storage.statements import load_statements
from hitl_graph.views.nested import Node, nested

__all__ = ["SQL", "state_of", "thread_view"]

SQL = load_statements("hitl_graph.inbox", "graphs.sql")

_CASES = 50
_HOLDS = 50
_log = logging.getLogger("hitl_graph.inbox")


async def thread_view(desk: Desk, thread_id: str) -> dict[str, Any]:
    """What is known of a thread.

    Raises:
        Refused: Nothing of it is known to this tenant.
    """
    named = {"thread_id": thread_id, "thread": thread_id}
    known = (
        storable(thread_id)
        and thread_id
        and (await desk.rows(REPAIRS_SQL["known_thread"], named))[0]["known"]
    )
    if not known:
        raise Refused(404, "There is nothing here.")
    cases = await desk.cases(thread_id=thread_id, limit=_CASES)
    holds = await desk.holds.list(standing=False, scope="thread", value=thread_id, limit=_HOLDS)
    newest = await desk.rows(SQL["workflow_of"], named)
    workflow = newest[0]["workflow"] if newest else None
    run = await desk.rows(SQL["run"], named)
    standing = [hold for hold in holds if hold.standing]
    values, note = await state_of(desk, thread_id)
    return {
        "thread": thread_id,
        "workflow": workflow or "",
        "cases": [{"case": one, "address": case_address(one.thread_id, one.id)} for one in cases],
        "more_cases": cases.next is not None,
        "open": [one for one in cases if one.status.value in ("pending", "decided", "failed")],
        "holds": holds,
        "standing": standing,
        "taken_over": any(hold.kind == "takeover" for hold in standing),
        "held": await desk.holds.held(thread_id=thread_id, workflow=workflow),
        "acts": await desk.effects.list(thread_id=thread_id, limit=_CASES),
        "run": run[0] if run and run[0]["holder"] else None,
        "state": values,
        "state_note": note,
    }


async def state_of(desk: Desk, thread_id: str) -> tuple[Node | None, str]:
    """A thread's state as a tree, and why there is none.

    It is read through the desk's own connections, so that it is this tenant's; a row executes nothing, whatever it
    holds: classes that are not plain come back as plain data.
    """
    saver = AsyncReviewSaver(desk.pool)
    try:
        found = await saver.aget_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
    except psycopg.Error:
        raise
    except Exception:  # noqa: BLE001  # whatever a serialiser raises: the rest of the page is shown
        _log.warning("the state of a thread cannot be read", exc_info=True)
        return None, "It cannot be read here: it is encrypted, or written by another serialiser."
    if found is None:
        return None, "There is no checkpoint of it: it was erased or deleted, or runs elsewhere."
    values = found.checkpoint.get("channel_values") or {}
    own = {name: value for name, value in values.items() if not name.startswith(("__", "branch:", "join:"))}
    return nested(own), ""
