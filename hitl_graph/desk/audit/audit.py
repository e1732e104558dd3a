"""`desk.audit`: seal, verify, anchor and export what happened, tell one case's story, erase a thread."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

from psycopg.rows import tuple_row

from hitl_graph.desk.audit.chain import Anchor, Event, Seal, chained
from hitl_graph.desk.audit.erasure import erase_thread
from hitl_graph.desk.audit.export import head_line, seal_line
from hitl_graph.desk.audit.story import tell_story
from hitl_graph.desk.audit.walk import AuditReport, Break, Walk, Wrong
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Connection, Part, rows
from hitl_graph.errors import AuditError
from hitl_graph.storage.statements import load_statements

__all__ = ["Audit", "SyncAudit", "seal_next"]

SQL = load_statements("hitl_graph.desk.audit", "audit.sql")
SEALED_AT_ONCE = 1000
READ_AT_ONCE = 500
"""As many as the server can send without being read from: it works on these while those before are looked at."""
_KEPT_OUT = {
    Wrong.GONE: "waited for its seal, and it is gone",
    Wrong.HELD_BACK: "has no seal, and was taken from the list of those that wait for one",
}


class Audit(Part):
    """The audit log of the desk's tenant.

    Events are written in the transaction of what they describe. The sealer hangs them on the chain soon after: a worker
    does it by itself, and `seal` at once.
    """

    async def seal(self) -> int:
        """Hang every event that waits on the chain. Safe to run anywhere at any time: one sealer works at once.

        Returns:
            How many were sealed here; 0 also while another process is sealing.
        """
        sealed = 0
        while True:
            async with self.desk.transaction() as conn:
                if not (await rows(conn, SQL["try_seal"]))[0]["got"]:
                    return sealed
                more = await seal_next(conn, SEALED_AT_ONCE)
            sealed += more
            if more < SEALED_AT_ONCE:
                return sealed

    async def anchor(self) -> Anchor:
        """The end of the chain as it is now. Keep it where those who can write to this database cannot."""
        [head] = await self.desk.rows(SQL["head"])
        return Anchor(**head)

    async def verify(self, anchor: Anchor | Mapping[str, Any] | None = None) -> AuditReport:
        """Compute the whole chain anew, over one snapshot, in bounded memory; then compare decisions and acts with it.

        Args:
            anchor: An earlier end of the chain, as `anchor` gave it or as it was kept (`to_json`): with it, a log that
                was cut off, set back or written anew is found too.

        Returns:
            What was checked, and the first place where the chain does not hold, if any.

        Raises:
            AuditError: The anchor is another tenant's, or none.
        """
        if anchor is not None and not isinstance(anchor, Anchor):
            anchor = Anchor.from_json(anchor)
        async with self._snapshot() as conn:
            [head] = await rows(conn, SQL["head"])
            walk = Walk(head["tenant"], anchor=anchor)
            async for batch in self._seals(conn, 0):
                walk.seals(batch)
                if walk.broken is not None:
                    break
            [waiting] = await rows(conn, SQL["unsealed"])
            kept_out = {Wrong.GONE: waiting.pop("gone"), Wrong.HELD_BACK: waiting.pop("held_back")}
            for wrong, event_id in kept_out.items():
                if event_id is not None and walk.broken is None:
                    problem = f"event {event_id} {_KEPT_OUT[wrong]}"
                    walk.broken = Break(seq=walk.seq + 1, event_id=event_id, wrong=wrong, problem=problem)
            for name in ("diverged_decision", "diverged_effect") if walk.broken is None else ():
                for found in await rows(conn, SQL[name], {"thread_id": None, "id": None}):
                    walk.broken = Break(seq=walk.seq, wrong=Wrong.DIVERGED, **found)
        return walk.report(at=head["at"], **waiting)

    async def export(
        self, *, thread_id: str | None = None, since: dt.datetime | None = None
    ) -> AsyncIterator[str]:
        """The log as JSON Lines, with all that `verify_export` needs and no database.

        Args:
            thread_id: Only this thread's events. Of the others there is the seal alone, which tells nothing of them.
            since: Begin with the first event of this time or later; None: with the first.

        Yields:
            A head line, then a line for each seal. Events that wait for their seal are not among them.

        Raises:
            AuditError: There is no such thread. ValueError: `since` has no zone.
        """
        async for lines in self.export_pages(thread_id=thread_id, since=since):
            for line in lines:
                yield line

    async def export_pages(
        self, *, thread_id: str | None = None, since: dt.datetime | None = None
    ) -> AsyncIterator[list[str]]:
        """The lines of `export`, many at a time."""
        if since is not None and since.tzinfo is None:
            raise ValueError("since: has no zone: give tzinfo, such as datetime.UTC")
        async with self._snapshot() as conn:
            [head] = await rows(conn, SQL["head"])
            start: dict[str, Any] = {"seq": 0, "hash": "0" * 64}
            if thread_id is not None and not await rows(conn, SQL["sealed_of"], {"thread_id": thread_id}):
                raise AuditError(f"export: thread_id: no sealed event of a thread {thread_id!r} is there")
            if thread_id is not None or since is not None:
                wanted = {"thread_id": thread_id, "since": since}
                start = next(iter(await rows(conn, SQL["before_first"], wanted)), start)
            yield [head_line(head, start, thread_id, since)]
            async for batch in self._seals(conn, start["seq"]):
                yield [seal_line(seal, thread_id) for seal in batch]

    async def story(self, review_id: str, *, thread_id: str | None = None) -> dict[str, Any]:
        """One case from the proposal to the act, as plain JSON (R45, R46).

        Returns:
            `review`, `proposed`, `seen` (payload, schema, digest), `decided` (who, when, how, and what they changed
            as a JSON Patch), `effects`, `versions`, `informed` (whether what was decided on is what was shown, by the
            payload's digest computed anew), `consistent` (whether the tables that this is told from say what the events
            say; of an erased thread nothing is left to compare), `erased` (when and by whom), and `events` with seals.

        Raises:
            ReviewNotFound, AmbiguousReview: As `Desk.show`.
        """
        return await tell_story(self.desk, review_id, thread_id)

    async def erase(self, thread_id: str, *, by: str, reason: str, force: bool = False) -> dict[str, int]:
        """Erase what a thread's people wrote and read, and its checkpoints; that it happened stays, and verifies.

        With it go the threads in which its detached cases wait.

        Payloads, decisions' contents, votes, drafts, inputs, results and the events' data are gone when it returns;
        ids, types, times and who decided stay. Digests are hashed once more with a salt that nobody keeps, so that
        nothing can be guessed from them. So keep no personal data in a thread's id. All or nothing.

        Args:
            thread_id: The thread. by: Who erases. reason: Why; it is kept.
            force: Also while a case of it is open, or a run is under way; its cases are superseded.

        Returns:
            How many rows of each kind were emptied or deleted.

        Raises:
            AuditError: A case is open or a run is under way, and `force` is not given; or nothing of this thread is
                there. AnswerError: `by` is no name. NotAuthorised: `by` is an agent, or listed and not active.
                Nothing was changed.
        """
        return await erase_thread(self.desk, thread_id, by=by, reason=reason, force=force)

    async def erasures(self, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Threads that were erased, latest first: after a backup is restored, erase them again."""
        return await self.desk.rows(SQL["erasures"], {"limit": limit})

    @contextlib.asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Connection]:
        async with self.desk.transaction() as conn:
            await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield conn

    @staticmethod
    async def _seals(conn: Connection, after: int) -> AsyncIterator[list[Seal]]:
        """The chain with its events; the next are fetched while these are looked at."""
        cursor = conn.cursor(name="hitl_seals", row_factory=tuple_row)
        async with cursor:
            await cursor.execute(SQL["seals"], {"after": after}, binary=True)
            fetching = asyncio.ensure_future(cursor.fetchmany(READ_AT_ONCE))
            try:
                while found := await fetching:
                    fetching = asyncio.ensure_future(cursor.fetchmany(READ_AT_ONCE))
                    await asyncio.sleep(0)  # it is asked for now
                    yield found
            finally:
                await asyncio.wait([fetching])


async def seal_next(conn: Connection, most: int) -> int:
    """Seal the next events, in the sealer's transaction. Returns how many."""
    waiting = await rows(conn, SQL["next_unsealed"], {"limit": most})
    if waiting:
        [head] = await rows(conn, SQL["head"])
        seals = chained(head["tenant"], Anchor(**head), (Event(**row) for row in waiting))
        columns = ("seqs", "events", "digests", "prevs", "hashes")
        sealed = dict(zip(columns, map(list, zip(*seals, strict=True)), strict=True))
        await conn.execute(SQL["append"], sealed)
        await conn.execute(SQL["sealed"], sealed)
    return len(waiting)


class SyncAudit(SyncPart[Audit]):
    """`Audit`, blocking."""

    seal = bridged(Audit.seal)
    anchor = bridged(Audit.anchor)
    verify = bridged(Audit.verify)
    story = bridged(Audit.story)
    erase = bridged(Audit.erase)
    erasures = bridged(Audit.erasures)

    def export(self, *, thread_id: str | None = None, since: dt.datetime | None = None) -> Iterator[str]:
        """See `Audit.export`."""
        pages = self.part.export_pages(thread_id=thread_id, since=since)
        try:
            while (lines := self.runner.run(_next_page(pages))) is not None:
                yield from lines
        finally:
            self.runner.run(_close(pages))


async def _next_page(pages: AsyncIterator[list[str]]) -> list[str] | None:
    return await anext(pages, None)


async def _close(pages: AsyncIterator[list[str]]) -> None:
    assert isinstance(pages, AsyncGenerator)
    await pages.aclose()
