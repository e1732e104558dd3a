"""Repairs that a person chooses: asking again, setting aside, and running a thread on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hitl_graph.desk.cases import Cases
from hitl_graph.desk.connected import Connection, rows, storable
from hitl_graph.desk.in_process import Resumed, Run, error_texts, resume_threads
from hitl_graph.desk.policy import policy_maker
from hitl_graph.desk.runs import Lease, Runs
from hitl_graph.errors import AmbiguousReview, AnswerError, DeskError, ReviewClosed, ReviewNotFound
from hitl_graph.storage.statements import load_statements

if TYPE_CHECKING:
    from hitl_graph.desk.case import Case
    from hitl_graph.desk.desk import Desk

__all__ = ["Repairing"]

SQL = load_statements("hitl_graph.desk", "repairs.sql")
RUNS_SQL = load_statements("hitl_graph.desk", "runs.sql")
GOING_ON_SQL = load_statements("hitl_graph.desk", "going_on.sql")
_GOING_ON = "going on"  # as hitl.ready() looks for it


class Repairing(Cases, Runs):
    """What `hitl-graph repair` does."""

    async def reopen(self, review_id: str, *, by: str, reason: str, thread_id: str | None = None) -> Case:
        """Take the answer of a failed case back, so that it can be asked again.

        What LangGraph has stored of the answer at the thread's newest checkpoint is removed with it, in one
        transaction, so that it is not given again. The decision is kept in the event.

        Args:
            review_id: The case; or a pending one whose thread another saver has given an answer that it cannot take.
            by: Who does it. reason: Why, in words. thread_id: Where a copied thread holds the same review.

        Returns:
            The case, pending.

        Raises:
            AnswerError: `by` is no name, or `reason` says nothing. Nothing was changed.
            NotAuthorised: `by` is an agent, or listed and not active. Nothing was changed.
            ReviewNotFound, AmbiguousReview: There is no such case, or there are several. Nothing was changed.
            ReviewClosed: It has not failed, an act was begun on the strength of it, its thread does not stand at it any
                more, or the same step has taken other answers. Nothing was changed.
            DeskError: Another process runs the thread. Nothing was changed.
        """
        _must_say("reopen", reason=reason)
        by = await policy_maker(self, by, where="reopen", what=f"reopen {review_id}")
        case = await self.show(review_id, thread_id=thread_id)
        named = {"thread_id": case.thread_id, "id": case.id, "by": by, "reason": reason.strip()}
        async with self.lease(case.thread_id, wait=False) as lease:
            free = _free(lease, case.thread_id)
            async with free.transaction() as conn:
                await _take_up(conn, free)
                done = await rows(conn, SQL["reopen"], named)
        if not done:
            await self._refuse("reopen", case, by, await self._why_not_reopened(named))
        return await self.show(case.id, thread_id=case.thread_id)

    async def set_aside(self, review_id: str, *, by: str, reason: str, thread_id: str | None = None) -> Case:
        """Close a failed case whose thread does not stand at it any more: it is superseded.

        Raises:
            AnswerError: `by` is no name, or `reason` says nothing. Nothing was changed.
            NotAuthorised: `by` is an agent, or listed and not active. Nothing was changed.
            ReviewNotFound, AmbiguousReview: There is no such case, or there are several. Nothing was changed.
            ReviewClosed: It has not failed, or its thread still stands at it. Nothing was changed.
        """
        _must_say("set_aside", reason=reason)
        by = await policy_maker(self, by, where="set_aside", what=f"set_aside {review_id}")
        case = await self.show(review_id, thread_id=thread_id)
        named = {"thread_id": case.thread_id, "id": case.id, "by": by, "reason": reason.strip()}
        if not await self.rows(SQL["set_aside"], named):
            failed = case.status == "failed"
            why = "its thread still stands at it: reopen or retry it" if failed else "it has not failed"
            await self._refuse("set_aside", case, by, why)
        return await self.show(case.id, thread_id=case.thread_id)

    async def run_on(self, graph: Any, thread_id: str, *, by: str) -> Resumed:
        """Let a thread go on that stands still though nothing is to be told to it, such as a stalled one.

        What is decided for it is told first. Acts that were done are not done again: the ledger knows them.

        Args:
            graph: The thread's compiled graph, with the checkpointer that it is in.
            thread_id: The thread. by: Who does it.

        Returns:
            What came of it; what the graph raised is in `error`.

        Raises:
            AnswerError: `by` is no name. NotAuthorised: An agent, or listed and not active. Nothing was run.
            DeskError: It waits for an answer, an answer is stored that it would be given again, it is held, another
                process runs it, or there is no such thread. Nothing was run.
        """
        by = await policy_maker(self, by, where="run_on", what=f"run_on {thread_id}")
        if not storable(thread_id):
            raise DeskError(f"run_on: thread_id: {thread_id!r} is no thread")
        run = Run(graph, {}, None)
        told = await resume_threads(cast("Desk", self), run, thread_ids=[thread_id], concurrency=1, limit=1)
        if told:
            return told[0]
        named = {"thread_id": thread_id, "by": by}
        async with self.lease(thread_id, wait=False) as lease:
            free = _free(lease, thread_id)
            async with free.transaction() as conn:
                await _take_up(conn, free)
                [found] = await rows(conn, SQL["in_the_way"], named)
                if found["why"] is None:
                    await conn.execute(SQL["told_to_run_on"], named)
                    await free.note([_GOING_ON])
            if found["why"] is None:
                return await _run_on(free, run)
        raise DeskError(f"thread {thread_id} is not run on: {found['why']}")

    async def locate(self, given: str) -> tuple[str, str | None]:
        """The thread that a person means by its id, by an act's key, or by the first characters of a case's id.

        Returns:
            The thread, and the case where one was named.

        Raises:
            ReviewNotFound: It is neither. AmbiguousReview: Several threads hold the case: name the thread.
        """
        if storable(given):
            [found] = await self.rows(SQL["known_thread"], {"thread_id": given})
            if found["known"]:
                return given, None
            if acts := await self.rows(SQL["act"], {"key": given}):
                return acts[0]["thread_id"], acts[0]["review_id"]
        try:
            case = await self.show(await self.find(given))
        except AmbiguousReview:
            raise
        except ReviewNotFound as error:
            raise ReviewNotFound(f"no thread is called {given!r}, and {error}") from None
        return case.thread_id, case.id

    async def _refuse(self, what: str, case: Case, by: str, why: str) -> None:
        """Keep the attempt, and raise.

        Raises:
            ReviewClosed: Always.
        """
        await self.refused(by=by, what=what, why=why, thread_id=case.thread_id, review_id=case.id)
        raise ReviewClosed(f"review {case.id}: {what}: {why}")

    async def _why_not_reopened(self, named: dict[str, Any]) -> str:
        [found] = await self.rows(SQL["why_not_reopened"], named)
        if found["status"] not in ("pending", "failed"):
            return f"it is {found['status']}, not failed"
        if found["act"]:
            return f"{found['act']} on the strength of it: settle or retry it"
        if found["left_behind"]:
            return "its thread does not stand at it any more"
        if found["shared"]:
            return "the same step has taken other answers, which would be taken back with it: retry it"
        return "nothing of an answer is stored: it can be answered as it is"


async def _run_on(lease: Lease, run: Run) -> Resumed:
    """One run with nothing to tell.

    Raises:
        RunTakenOver: Another process has the thread now.
    """
    named = {"thread_id": lease.thread_id}
    try:
        values = await run(lease, None)
    except Exception as error:  # noqa: BLE001  # whatever a graph raises is reported with its thread
        async with lease.transaction() as conn:
            await conn.execute(GOING_ON_SQL["stand_still"], {**named, **error_texts(error)})
        return Resumed(thread_id=lease.thread_id, error=repr(error))
    async with lease.transaction() as conn:
        await conn.execute(GOING_ON_SQL["went_on"], named)
    return Resumed(thread_id=lease.thread_id, values=values)


async def _take_up(conn: Connection, lease: Lease) -> None:
    """What a run was given whose process is gone goes to the thread once more, with its next resume."""
    params = {"thread_id": lease.thread_id, "ids": list(lease.left_over)}
    await conn.execute(RUNS_SQL["take_up"], params)


def _free(lease: Lease | None, thread_id: str) -> Lease:
    if lease is None:
        raise DeskError(f"thread {thread_id} is run by another process: try again when it has ended")
    return lease


def _must_say(what: str, **texts: str) -> None:
    for name, text in texts.items():
        if not (storable(text) and text.strip()):
            raise AnswerError(what, name, "is empty: say who does this and why")
