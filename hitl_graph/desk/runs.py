"""A run of a thread: a lease that one process holds at a time, with a token that stops whoever lost it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psycopg

from hitl_graph.desk.connected import Connected, Connection, rows
from hitl_graph.storage.fence import FENCE, fenced, this_process
from hitl_graph.storage.statements import load_statements

__all__ = ["LEASE_S", "Lease", "Runs"]

SQL = load_statements("hitl_graph.desk", "runs.sql")

LEASE_S = 30.0
"""How long a run stays its holder's without a sign of life, in seconds."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.02, 0.5


class Lease:
    """The right to run one thread, until it is taken over.

    Attributes:
        thread_id: The thread.
        token: Grows with every run of the thread; goes into the run's config, and every checkpoint write checks it.
        left_over: The reviews that an earlier run was given when its process died.
        broken_off: An earlier run did not come to its end: the thread may stand in the middle of its work.
    """

    def __init__(
        self, conn: Connection, thread_id: str, token: int, left_over: Sequence[str], *, broken_off: bool
    ) -> None:
        self.thread_id = thread_id
        self.token = token
        self.left_over = tuple(left_over)
        self.broken_off = broken_off
        self._conn = conn

    @property
    def configurable(self) -> dict[str, Any]:
        """What the run's config carries, so that its checkpoints and acts are refused once it is taken over."""
        return {"thread_id": self.thread_id, FENCE: {"thread_id": self.thread_id, "token": self.token}}

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction that is kept only while the thread is still this run's.

        Raises:
            RunTakenOver: It is another's. Nothing was written.
        """
        with fenced():
            async with self._conn.transaction():
                await self._conn.execute(SQL["check_fence"], self._named)
                yield self._conn

    async def renew(self, lease_s: float) -> bool:
        """Keep the lease for so many seconds from now; False when it is another's already."""
        params = {**self._named, "lease_s": lease_s}
        return bool(await rows(self._conn, SQL["renew_run"], params))

    async def note(self, ids: Sequence[str]) -> None:
        """Remember what the run is given, for whoever has to take it over."""
        await self._conn.execute(SQL["note_reviews"], {**self._named, "ids": list(ids)})

    async def end(self) -> None:
        """Give the thread back: nothing of the run is left to do."""
        await self._conn.execute(SQL["end_run"], self._named)

    @property
    def _named(self) -> dict[str, Any]:
        return {"thread_id": self.thread_id, "token": self.token}


class Runs(Connected):
    """Who runs which thread."""

    async def unfinished_runs(self) -> list[dict[str, Any]]:
        """Threads that some process is running, or was when it died: thread_id, holder, started_at.

        The next `resume` takes over those whose process is gone.
        """
        return await self.rows(SQL["unfinished_runs"])

    @contextlib.asynccontextmanager
    async def lease(
        self, thread_id: str, *, wait: bool, lease_s: float = LEASE_S
    ) -> AsyncIterator[Lease | None]:
        """The only run of a thread, among all processes, while the block runs.

        A process that dies loses it at once, one that is stopped or cut off when `lease_s` have passed; from then on
        what it writes is refused. Leaving the block by an exception leaves the run to be taken up by another.

        Args:
            thread_id: The thread. wait: Whether to wait for a run under way.
            lease_s: Seconds for which the lease holds without a sign of life.

        Yields:
            The lease; None where another holds it and `wait` is False.
        """
        params = {"thread_id": thread_id, "holder": this_process(), "lease_s": lease_s}
        pause = _FIRST_WAIT_S
        while True:  # each try has its connection only for the moment, so that those who wait block nobody
            async with self.pool.connection() as conn:
                if lease := await _acquired(conn, params):
                    async with _held(conn, lease, lease_s):
                        yield lease
                    return
            if not wait:
                yield None
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_WAIT_S)


async def _acquired(conn: Connection, params: dict[str, Any]) -> Lease | None:
    async with conn.transaction():
        if not (found := await rows(conn, SQL["acquire_run"], params)):
            return None
        await conn.execute(SQL["show_alive"], {"token": found[0]["token"]})
    row = found[0]
    return Lease(conn, params["thread_id"], row["token"], row["reviews"], broken_off=row["broken_off"])


@contextlib.asynccontextmanager
async def _held(conn: Connection, lease: Lease, lease_s: float) -> AsyncIterator[None]:
    """Renew the lease while the block runs, and end it when the block ends well."""
    beat = asyncio.create_task(_beat(lease, lease_s))
    try:
        yield
        await lease.end()
    finally:
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beat
        # A connection that broke has let go of its lock by itself.
        with contextlib.suppress(psycopg.Error):
            await conn.execute(SQL["hide_alive"], {"token": lease.token})


async def _beat(lease: Lease, lease_s: float) -> None:
    """Renew until the lease is lost. A database that is away or takes no writes may come back before it lapses."""
    while True:
        await asyncio.sleep(lease_s / 3)
        with contextlib.suppress(psycopg.Error):
            if not await lease.renew(lease_s):
                return
