"""Everything that is known after a run: the tables, the sink, what clients were told. Read once, then judged."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from hitl_graph.checkpointers.serde import strict_serde

from .history import History
from .sink import Sink

__all__ = ["Evidence", "gather"]

Row = dict[str, Any]
CONTROL = {"__interrupt__", "__resume__", "__error__", "__error_source_node__", "__scheduled__"}
HEADS = """
SELECT w.thread_id, w.task_id, w.channel, w.type, w.blob
FROM (SELECT thread_id, max(checkpoint_id) AS checkpoint_id FROM checkpoints
      WHERE checkpoint_ns = '' AND (%(threads)s::text[] IS NULL OR thread_id = ANY (%(threads)s)) GROUP BY 1) h
JOIN checkpoint_writes w ON w.thread_id = h.thread_id AND w.checkpoint_id = h.checkpoint_id AND w.checkpoint_ns = ''
ORDER BY w.thread_id, w.task_id, w.idx
"""
TABLES = {
    "reviews": (
        "SELECT * FROM hitl.reviews r WHERE {} AND NOT (status = 'superseded' AND closed_at IS NULL) ORDER BY seq"
    ),
    "decisions": "SELECT * FROM hitl.decisions r WHERE {}",
    "events": "SELECT * FROM hitl.events r WHERE {} ORDER BY id",
    "effects": "SELECT *, hitl.held(thread_id, workflow, action) AS held FROM hitl.effects r WHERE {}",
    "runs": "SELECT * FROM hitl.runs r WHERE {}",
    "drafts": "SELECT * FROM hitl.drafts r WHERE {}",
    "holds": "SELECT * FROM hitl.holds r WHERE {} OR scope <> 'thread'",
}


@dataclasses.dataclass
class Evidence:
    """What the checker judges. Rows are as in the tables.

    Attributes:
        paused: (thread, interrupt id) for whatever LangGraph waits for.
        acts: What the target did; `requests`: what it was asked, more where it honours keys.
        history: What clients did and were told.
        now: The database's clock.
        finished: Everything has come to rest: what is still under way now is stuck.
        since: The database's clock when it began.
        chain: What the audit log's own verification complains of.
        probes: Threads that must never act.
        unfinished: Threads that neither wait for somebody nor have come to their end.
    """

    reviews: list[Row] = dataclasses.field(default_factory=list)
    decisions: list[Row] = dataclasses.field(default_factory=list)
    events: list[Row] = dataclasses.field(default_factory=list)
    effects: list[Row] = dataclasses.field(default_factory=list)
    runs: list[Row] = dataclasses.field(default_factory=list)
    drafts: list[Row] = dataclasses.field(default_factory=list)
    holds: list[Row] = dataclasses.field(default_factory=list)
    paused: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    acts: list[Row] = dataclasses.field(default_factory=list)
    history: list[Row] = dataclasses.field(default_factory=list)
    now: dt.datetime | None = None
    since: dt.datetime | None = None
    finished: bool = True
    chain: list[str] = dataclasses.field(default_factory=list)
    probes: set[str] = dataclasses.field(default_factory=set)
    unfinished: list[str] = dataclasses.field(default_factory=list)

    def decision(self, thread: str, review: str) -> Row | None:
        """The decision that stands about a review."""
        found = [d for d in self.decisions if (d["thread_id"], d["review_id"]) == (thread, review)]
        return found[0] if found else None

    def of(self, review: Row) -> list[Row]:
        """The events of one review, in order."""
        name = (review["thread_id"], review["id"])
        return [e for e in self.events if (e["thread_id"], e["review_id"]) == name]

    def ops(self, name: str, outcome: str | None = None) -> list[Row]:
        """The clients' operations of one kind."""
        return [op for op in self.history if op["op"] == name and outcome in (None, op["outcome"])]

    def review(self, key: str, thread: str | None = None) -> Row | None:
        """A review by its id."""
        found = [r for r in self.reviews if r["id"] == key and thread in (None, r["thread_id"])]
        return found[0] if found else None


def gather(
    url: str | psycopg.Connection[Any],
    sink: Sink | None = None,
    history: History | None = None,
    *,
    threads: Sequence[str] | None = None,
    finished: bool = True,
    since: dt.datetime | None = None,
) -> Evidence:
    """Read everything in one snapshot.

    Args:
        url: The database, or an autocommit connection to it. sink: The target. history: The clients.
        threads: Only these threads; None: all.
        finished: Everything has come to rest. since: The database's clock when it began.
    """
    if isinstance(url, str):
        with psycopg.connect(url, autocommit=True) as conn:
            return gather(conn, sink, history, threads=threads, finished=finished, since=since)
    named = {"threads": None if threads is None else list(threads)}
    which = "(%(threads)s::text[] IS NULL OR thread_id = ANY (%(threads)s))"
    found = Evidence(finished=finished, since=since)
    with url.transaction(), url.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table, text in TABLES.items():
            where = which.replace("thread_id", "value") if table == "holds" else which
            statement: Any = text.format(where)
            setattr(found, table, cursor.execute(statement, named).fetchall())
        found.paused = _paused(cursor.execute(HEADS, named).fetchall())
        found.now = cursor.execute("SELECT now() AS now").fetchone()["now"]
    if sink is not None:
        found.acts = [one for one in sink.acts() if threads is None or one.get("thread") in threads]
    if history is not None:
        found.history = [one for one in history.read() if threads is None or one.get("thread") in threads]
    return found


def _paused(writes: Sequence[Row]) -> set[tuple[str, str]]:
    serde = strict_serde()
    asked: dict[tuple[str, str], list[str]] = {}
    answered = set()
    for row in writes:
        task = (row["thread_id"], row["task_id"])
        if row["channel"] == "__interrupt__":
            asked[task] = [one.id for one in serde.loads_typed((row["type"], row["blob"]))]
        elif row["channel"] not in CONTROL:
            answered.add(task)
    return {(task[0], one) for task, ids in asked.items() if task not in answered for one in ids}
