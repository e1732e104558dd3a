"""Erasing what a thread's people wrote and read, so that the log still verifies."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from typing import TYPE_CHECKING

from hitl_graph.desk.connected import Connection, rows, storable
from hitl_graph.desk.policy import policy_maker
from hitl_graph.errors import AuditError
from hitl_graph.storage.statements import load_statements

if TYPE_CHECKING:
    from hitl_graph.desk.connected import Connected

__all__ = ["erase_thread"]

SQL = load_statements("hitl_graph.desk.audit", "erase.sql")
CHAIN = load_statements("hitl_graph.desk.audit", "audit.sql")
STEPS = (
    "reviews",
    "decisions",
    "votes",
    "requests",
    "drafts",
    "effects",
    "starts",
    "holds",
    "halted",
    "waits",
    "runs",
    "outbox",
)
_LONGEST = 2000
CHECKPOINTS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


async def erase_thread(
    desk: Connected, thread_id: str, *, by: str, reason: str, force: bool
) -> dict[str, int]:
    """See `Audit.erase`."""
    from hitl_graph.desk.audit.audit import seal_next  # imports this module

    for field, text in {"thread_id": thread_id, "reason": reason}.items():
        if not storable(text) or not text.strip() or len(text) > _LONGEST:
            raise AuditError(f"erase: {field}: is no text of 1 to {_LONGEST} characters that can be kept")
    by = await policy_maker(desk, by, where="erase", what=f"erase {thread_id}")
    salt = secrets.token_hex(16)
    whole: Counter[str] = Counter()
    async with desk.transaction() as conn:
        await conn.execute(CHAIN["wait_seal"])
        threads = [row["thread_id"] for row in await rows(conn, SQL["threads"], {"thread_id": thread_id})]
        for one in threads:
            await _check(conn, one, force=force)
        while await seal_next(conn, 1000):  # what is erased must have its digest in the chain
            pass
        for one in threads:
            named = {"thread_id": one, "salt": salt}
            done = {step: await _count(conn, step, named) for step in (*STEPS, *CHECKPOINTS)}
            await conn.execute(SQL["superseded"], {**named, "by": by})
            done["events"] = (await rows(conn, SQL["events"], named))[0]["count"]
            if not any(done.values()) and one == thread_id:
                raise AuditError(f"erase: thread_id: nothing of a thread {thread_id!r} is there")
            await conn.execute(SQL["record"], {**named, "by": by, "reason": reason, "data": json.dumps(done)})
            whole.update(done)
        while await seal_next(conn, 1000):
            pass
    return dict(whole)


async def _check(conn: Connection, thread_id: str, *, force: bool) -> None:
    [found] = await rows(conn, SQL["in_the_way"], {"thread_id": thread_id})
    if force or (not found["open"] and not found["runs"]):
        return
    what = f"{found['open']} of its cases are open" if found["open"] else "a run of it is under way"
    raise AuditError(f"erase: thread {thread_id!r}: {what}: settle that first, or erase with force")


async def _count(conn: Connection, step: str, named: dict[str, str]) -> int:
    cursor = await conn.execute(SQL[step], named)
    return cursor.rowcount
