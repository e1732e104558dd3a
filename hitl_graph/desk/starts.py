"""First runs: asked for at the desk, made by a worker, so that a thread never has two runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Part, rows, storable
from hitl_graph.desk.identity import person_name
from hitl_graph.errors import DeskError, ThreadBusy
from hitl_graph.plain import plain_json
from hitl_graph.storage.statements import load_statements

__all__ = ["Start", "Starts", "SyncStarts"]

SQL = load_statements("hitl_graph.desk", "starts.sql")
_OWN = ("thread_id", "checkpoint_id", "checkpoint_ns")
_MOST = 1000
_Found: TypeAlias = list["Start"]  # `Starts.list` hides the word


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """A first run that was asked for.

    Attributes:
        id: Its number. thread_id: The thread. workflow: The name of its graph.
        input: What the graph is given. config: Merged into the run's config.
        by: Who asked for it.
        status: queued, running, done (the graph ended, or paused at a gate) or failed (it raised).
        attempts: How often a worker took it up.
        error: What the graph raised.
        asked_at, started_at, finished_at: By the database's clock.
    """

    id: int
    thread_id: str
    workflow: str
    input: Any
    config: dict[str, Any]
    by: str
    status: str
    attempts: int
    error: str | None
    asked_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Start:
        """Read a row of `hitl.starts`."""
        return cls(**{field.name: row[field.name] for field in dataclasses.fields(cls)})


class Starts(Part):
    """`desk.starts`: the first runs of threads."""

    async def put(
        self,
        workflow: str,
        input: Any,  # noqa: A002  # LangGraph's word for it
        *,
        thread_id: str | None = None,
        by: str | None = None,
        config: Mapping[str, Any] | None = None,
        when_busy: Literal["refuse", "queue"] = "refuse",
    ) -> Start:
        """Let a worker run a graph on a thread. The row and its job are written in one transaction.

        Args:
            workflow: The name under which a worker has the graph.
            input: What the graph is given, as plain JSON.
            thread_id: The thread; None: a new one.
            by: Who asks for it; kept, and in the run's metadata as `started_by`.
            config: Merged into the run's config, as plain JSON, such as `{"configurable": {...}}`.
            when_busy: What happens when the thread runs or is paused: "refuse", or "queue" until it is neither.

        Returns:
            The start, queued.

        Raises:
            ThreadBusy: The thread runs, is paused or is to be started already. Nothing was saved.
            PlainJsonError: The input or config is no plain JSON. Nothing was saved.
            DeskError: A name or id is empty or cannot be stored. Nothing was saved.
        """
        thread_id = str(uuid.uuid4()) if thread_id is None else thread_id
        by = "unknown" if by is None else by
        for name, value in (("workflow", workflow), ("thread_id", thread_id), ("by", by)):
            if not storable(value) or not value.strip():
                raise DeskError(
                    f"start: {name}: {value!r} is empty or cannot be stored: give it a plain name"
                )
        if when_busy not in ("refuse", "queue"):
            raise DeskError(f'start: when_busy: {when_busy!r} is neither "refuse" nor "queue"')
        if input is None:
            raise DeskError(
                "start: input: None would go on with a thread, not start one: give the graph's input"
            )
        params: dict[str, Any] = {"workflow": workflow, "thread_id": thread_id, "by": by}
        params["input"] = json.dumps(plain_json(input, "input"))
        params["config"] = json.dumps(_checked_config(config))
        async with self.desk.transaction() as conn:
            await conn.execute(SQL["lock_start"], params)
            [found] = await rows(conn, SQL["in_the_way"], params)
            if found["why"] and when_busy == "refuse":
                raise ThreadBusy(thread_id, found["why"])
            [row] = await rows(conn, SQL["put"], params)
        return Start.from_row(row)

    async def list(
        self, *, thread_id: str | None = None, status: str | None = None, limit: int = 50
    ) -> _Found:
        """Starts, newest first.

        Args:
            thread_id: Only this thread's. status: Only these: queued, running, done or failed.
            limit: At most so many, 1 to 1,000.
        """
        if not 1 <= limit <= _MOST:
            raise ValueError(f"limit: {limit} is not from 1 to {_MOST}")
        params = {"thread_id": thread_id, "status": status, "limit": limit}
        return [Start.from_row(row) for row in await self.desk.rows(SQL["list"], params)]

    async def retry(self, start_id: int, *, by: str) -> Start:
        """Let a run that raised go on from its last checkpoint.

        Raises:
            AnswerError: `by` is no name. DeskError: It has not failed. Nothing was changed.
        """
        by = person_name(by, where="start")
        found = await self.desk.rows(SQL["retry"], {"id": start_id, "by": by})
        if not found:
            raise DeskError(f"start {start_id} has not failed: there is nothing to retry")
        return Start.from_row(found[0])


class SyncStarts(SyncPart[Starts]):
    """`Starts`, blocking."""

    put = bridged(Starts.put)
    list = bridged(Starts.list)
    retry = bridged(Starts.retry)


def _checked_config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    given: dict[str, Any] = plain_json(dict(config or {}), "config")
    for name in _OWN:
        if name in (given.get("configurable") or {}):
            raise DeskError(f"start: config: {name!r} is the desk's to say: name the thread by thread_id=")
    return given
