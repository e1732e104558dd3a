"""The reconciler: finds what crashes, foreign savers and hands in the database leave, and repairs what is safe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl_graph.desk.connected import Connected, Connection, rows
from hitl_graph.desk.effects import SQL as EFFECTS_SQL
from hitl_graph.desk.findings import Finding, FindingKind
from hitl_graph.storage.statements import load_statements

__all__ = ["ALARM_S", "KEYS_DAYS", "Reconciling"]

SQL = load_statements("hitl_graph.desk", "reconcile.sql")
MISSING_SQL = load_statements("hitl_graph.storage", "missing.sql")

ALARM_S = 60.0
"""A decision that nobody has told its thread, or a first run that no worker takes, after so many seconds raises an
alarm (I6)."""
KEYS_DAYS = 30
"""For so long after a case was closed its requests' idempotency keys are known."""
PATIENCE_S = 10.0
OVERDUE_S = 300.0
_SLICE = 200  # threads whose open cases are looked at each time
_MOST = 500
_LIMIT = 1000

_FINDERS = {
    FindingKind.UNKNOWN_EFFECT: SQL["unknown_effects"],
    FindingKind.POISONED: SQL["poisoned"],
    FindingKind.ROW_WITHOUT_PAUSE: SQL["rows_without_pause"],
    FindingKind.RUN_LEFT_BEHIND: SQL["runs_left_behind"],
    FindingKind.FAILED: SQL["failed"],
    FindingKind.START_FAILED: SQL["starts_failed"],
    FindingKind.STANDING_STILL: SQL["standing_still"],
    FindingKind.DECIDED_NOT_RESUMED: SQL["decided_not_resumed"],
    FindingKind.STALLED: SQL["stalled"],
    FindingKind.TIMERS_OVERDUE: SQL["timers_overdue"],
    FindingKind.NOTICES_FAILED: SQL["notices_failed"],
    FindingKind.UNSEALED: SQL["unsealed"],
}
_EXPLAINS = {  # kinds that say why a thread is also of those
    FindingKind.FAILED: {FindingKind.UNKNOWN_EFFECT, FindingKind.POISONED, FindingKind.ROW_WITHOUT_PAUSE},
    FindingKind.STALLED: set(FindingKind) - {FindingKind.STALLED},
    FindingKind.DECIDED_NOT_RESUMED: {FindingKind.RUN_LEFT_BEHIND, FindingKind.ROW_WITHOUT_PAUSE},
    FindingKind.START_FAILED: {FindingKind.UNKNOWN_EFFECT, FindingKind.FAILED},
}


class Reconciling(Connected):
    """Finding and repairing."""

    _seen_up_to = ""

    async def findings(
        self, *, thread_id: str | None = None, patience_s: float = PATIENCE_S, alarm_s: float = ALARM_S
    ) -> list[Finding]:
        """What is not as it should be, most urgent kind first and oldest first within it. Changes nothing.

        Reads the stored answers of all threads: for a look now and then, not for every second.

        Args:
            thread_id: Only what is about this thread; None: all, also what is about no thread.
            patience_s: Seconds for which a decision or an answered thread may stand before it is a finding.
            alarm_s: Seconds after which an event without its seal is one.

        Returns:
            At most 1,000 of each kind.
        """
        named = {"thread_id": thread_id, "limit": _LIMIT, "patience_s": patience_s, "alarm_s": alarm_s}
        named["overdue_s"] = OVERDUE_S
        found: list[tuple[FindingKind, dict[str, Any]]] = []
        async with self.transaction() as conn:
            worker = False
            if await _has_jobs(conn):
                [queue] = await rows(conn, SQL["workers"], named)
                worker = queue["alive"] > 0
                if queue["jobs"] and not worker and thread_id is None:
                    found.append((FindingKind.NO_WORKER, queue))
                if worker and thread_id is None:
                    starts = await rows(conn, SQL["starts_waiting"], named)
                    found += [(FindingKind.NO_WORKER, row) for row in starts]
            finders = {kind: sql for kind, sql in _FINDERS.items() if thread_id is None or kind.of_thread}
            for kind, sql in finders.items():
                found += [(kind, row) for row in await rows(conn, sql, named)]
            found += await _without_row(conn, thread_id)
        order = list(FindingKind)
        found.sort(key=lambda one: order.index(one[0]))
        return [Finding.told(kind, row, worker=worker) for kind, row in _telling(found)]

    async def reconcile(self, *, patience_s: float = PATIENCE_S, alarm_s: float = ALARM_S) -> int:
        """Repair what is safe to repair; `findings` has the rest. For every second or so, in any number of workers.

        Decisions that nobody tells their thread and threads whose process is gone are put in the queue; a decision
        that waits for longer than `alarm_s` raises the event `alarm`, once, and so does the oldest first run of a
        workflow that no worker takes. A case whose thread does not stand at it
        any more is superseded, or failed where it was decided. Acts whose process is gone become unknown. A run that
        broke off before it had stored anything is let go. Idempotency keys are forgotten 30 days after their case was
        closed, and used links once they have expired.

        Args:
            patience_s: Seconds that a decision is given before it is put in the queue once more.
            alarm_s: Seconds until the alarm.

        Returns:
            How many things it has repaired; 0 while another process is at it.
        """
        named: dict[str, Any] = {
            "thread_id": None,
            "limit": _MOST,
            "patience_s": patience_s,
            "alarm_s": alarm_s,
        }
        async with self.transaction() as conn:
            [found] = await rows(conn, SQL["try_lock"])
            if not found["got"]:
                return 0
            decided = await rows(conn, SQL["decided_not_resumed"], named)
            late = [row for row in decided if row["late"]]
            ids = {"thread_ids": [r["thread_id"] for r in late], "ids": [r["review_id"] for r in late]}
            await conn.execute(SQL["alarm"], ids)
            left = [row for row in await rows(conn, SQL["runs_left_behind"], named) if row["noted"]]
            done = 0
            if found["jobs"]:
                starts = [row["start"] for row in await rows(conn, SQL["starts_waiting"], named)]
                await conn.execute(SQL["alarm_starts"], {"starts": starts, "alarm_s": alarm_s})
            if found["jobs"] and (threads := [row["thread_id"] for row in (*decided, *left)]):
                done = len(await rows(conn, SQL["put_jobs"], {"thread_ids": threads}))
            done += len(await rows(conn, SQL["drop_empty_runs"]))
            await conn.execute(SQL["prune_requests"], {"days": KEYS_DAYS, "limit": _MOST})
            await conn.execute(SQL["prune_links"], {"limit": _MOST})
            done += await self._leave_behind(conn)
            return done + len(await rows(conn, EFFECTS_SQL["lose_effects"]))

    async def _leave_behind(self, conn: Connection) -> int:
        """Close the open cases of the next threads in turn that do not stand at them any more."""
        params = {"after": self._seen_up_to, "limit": _SLICE}
        threads = [row["thread_id"] for row in await rows(conn, SQL["open_threads"], params)]
        self._seen_up_to = threads[-1] if len(threads) == _SLICE else ""
        locked = await rows(conn, SQL["lock_rows_without_pause"], {"thread_ids": threads})
        if not locked:
            return 0
        params = {"thread_ids": [row["thread_id"] for row in locked], "ids": [row["id"] for row in locked]}
        return len(await rows(conn, SQL["leave_behind"], params))


async def _has_jobs(conn: Connection) -> bool:
    [found] = await rows(conn, SQL["has_jobs"])
    return bool(found["jobs"])


async def _without_row(conn: Connection, thread_id: str | None) -> list[tuple[FindingKind, dict[str, Any]]]:
    """Threads, not tasks: all that a thread asks is opened at once."""
    named = {"thread_ids": None if thread_id is None else [thread_id], "limit": _LIMIT}
    found = await rows(conn, MISSING_SQL["paused_without_row"], named)
    threads = {row["thread_id"]: {**row, "review_id": None} for row in reversed(found)}
    return [(FindingKind.PAUSED_WITHOUT_ROW, row) for row in reversed(threads.values())]


def _telling(
    found: Sequence[tuple[FindingKind, dict[str, Any]]],
) -> list[tuple[FindingKind, dict[str, Any]]]:
    """Without what another finding of the same thread explains."""
    kinds: dict[str, set[FindingKind]] = {}
    for kind, row in found:
        kinds.setdefault(row["thread_id"], set()).add(kind)
    return [
        (kind, row)
        for kind, row in found
        if not (row["thread_id"] and _EXPLAINS.get(kind, set()) & kinds[row["thread_id"]])
    ]
