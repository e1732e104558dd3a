"""One run of the demo: a thread for each message, the paused ones decided, and all seen to their end."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from hitl_graph.checkpointers import open_checkpointer
from hitl_graph.decisions import Decision
from hitl_graph.demo.counting import counted
from hitl_graph.demo.graph import build_support_desk, ticket_input
from hitl_graph.demo.inbox_reader import Message
from hitl_graph.demo.maildir import count
from hitl_graph.demo.parallel import in_parallel
from hitl_graph.demo.report import Report
from hitl_graph.demo.reviewer import Reviewer
from hitl_graph.desk import Case, Desk
from hitl_graph.errors import AnswerError, DeskError

__all__ = ["Progress", "Run", "Work", "handled", "new_run", "run_demo"]

THREADS_AT_ONCE = 8
"""Threads of the graph that run at a time; on two cores more of them wait for each other."""

Progress = Callable[[str, int, int], None]
"""Told what is going on: `starting` or `finishing`, how many messages are done, of how many."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What one run works on. `id` is part of its threads' ids: `demo-<id>-<row>`."""

    id: str
    messages: Sequence[Message]
    maildir: Path
    url: str | None = None
    strict: bool = False
    model: str | None = None

    @property
    def threads(self) -> dict[str, Message]:
        """The message of each thread, by the thread's id."""
        return {f"demo-{self.id}-{message.index}": message for message in self.messages}


def new_run() -> str:
    """An id that no other run has."""
    return f"{time.strftime('%m%d%H%M')}{secrets.token_hex(2)}"


async def run_demo(run: Run, reviewer: Reviewer, progress: Progress = lambda *_: None) -> Report:
    """Handle all messages of a run, and count what is stored of it.

    Args:
        run: The messages, and where everything goes.
        reviewer: Decides the paused cases. When it stops, the rest stays paused and is counted as such.
        progress: Told about each step.

    Raises:
        StorageError, psycopg.Error: The database cannot be used. What was stored before stays and can go on.
    """

    async def finish(work: Work) -> None:
        await work.finish(reviewer)

    return await handled(run, finish, progress)


async def handled(
    run: Run, finish: Callable[[Work], Awaitable[None]], progress: Progress = lambda *_: None
) -> Report:
    """Bring all messages of a run to their first pause, have them finished, and count what is stored of them.

    Threads are saved when they first pause (`durability="exit"`): nothing happens outside before that. A
    mail goes out under its review's id, so that a run which is killed and resumed sends nothing twice.

    Args:
        run: The messages, and where everything goes.
        finish: Lets the paused cases be decided, and their threads go on.
        progress: Told about each step.

    Raises:
        StorageError, psycopg.Error: As `run_demo`.
    """
    began = time.monotonic()
    mails_before = count(run.maildir)
    connections = THREADS_AT_ONCE + 2
    async with (
        open_checkpointer(run.url, max_size=connections) as checkpointer,
        Desk(run.url, max_size=connections) as desk,
    ):
        graph = build_support_desk(checkpointer, strict=run.strict)
        work = Work(run, graph, desk, progress)
        await work.start()
        started = time.monotonic()
        await finish(work)
        finished = time.monotonic()
        mails = count(run.maildir) - mails_before
        report = await counted(run.threads, graph, desk, mails=mails, after=work.after)
    spent = {
        "starting": started - began,
        "deciding": finished - started,
        "counting": time.monotonic() - finished,
    }
    return dataclasses.replace(
        report,
        run=run.id,
        maildir=str(run.maildir.absolute()),
        seconds=round(time.monotonic() - began, 3),
        seconds_by={name: round(seconds, 3) for name, seconds in spent.items()},
    )


class Work:
    """The steps of a run on an open graph and desk.

    Attributes:
        run: The run. desk: The open desk.
        after: No case of the run is older than this one, by its `seq`, as far as that is known.
    """

    def __init__(self, run: Run, graph: Any, desk: Desk, progress: Progress) -> None:
        self.run = run
        self.graph = graph
        self.desk = desk
        self.progress = progress
        self.threads = run.threads
        self.turns: Counter[tuple[str, str]] = Counter()
        self.ended: set[str] = set()
        self.after: int | None = None

    async def start(self) -> None:
        """Run each thread up to its first pause. The report finds out which ones failed."""
        queue, done = iter(self.threads.items()), 0

        async def worker() -> None:
            nonlocal done
            for thread_id, message in queue:
                given = ticket_input(message, maildir=self.run.maildir, model=self.run.model)
                config = {"configurable": {"thread_id": thread_id}}
                try:
                    await self.graph.ainvoke(given, config, durability="exit")
                except psycopg.Error:
                    raise
                except Exception:  # noqa: BLE001, S110  # it is found in the report; the others go on
                    pass
                done += 1
                self.progress("starting", done, len(self.threads))

        await in_parallel(worker, workers=THREADS_AT_ONCE)

    async def finish(self, reviewer: Reviewer) -> None:
        """Let what is paused be decided and go on, until nothing of this run waits or the reviewer stops."""
        stuck: set[tuple[str, str]] = set()
        while True:
            cases = [case async for case in self._paused() if (case.id, case.digest) not in stuck]
            if not cases:
                return
            while cases:
                batch, cases = cases[: reviewer.at_once], cases[reviewer.at_once :]
                stopped = await self._decide(batch, reviewer)
                threads = list(dict.fromkeys(case.thread_id for case in batch))
                for resumed in await self.desk.resume(
                    self.graph, thread_ids=threads, concurrency=THREADS_AT_ONCE
                ):
                    if resumed.values is not None and "__interrupt__" not in resumed.values:
                        self.ended.add(resumed.thread_id)
                    if resumed.refused and reviewer.at_once > 1:
                        stuck |= {(case.id, case.digest) for case in batch if case.id in resumed.refused}
                self.progress("finishing", len(self.ended), len(self.threads))
                if stopped:
                    return

    async def _paused(self) -> AsyncIterator[Case]:
        """The pending cases of this run, oldest first."""
        after = self.after
        while True:
            page = await self.desk.pending(workflow=self.graph.name, after=after, limit=500)
            for case in page:
                if case.thread_id in self.threads:
                    if self.after is None:
                        self.after = case.seq - 1  # what was there before this run is looked at only once
                    yield case
            if page.next is None:
                return
            after = page.next

    async def _decide(self, cases: Sequence[Case], reviewer: Reviewer) -> bool:
        """Have these cases decided; True when the reviewer stops."""
        decided: list[tuple[Case, Decision]] = []
        for case in cases:
            turn = (case.thread_id, case.gate or case.node)
            decision = reviewer.decide(case, self.threads[case.thread_id].index, self.turns[turn])
            if decision is None:
                break
            self.turns[turn] += 1
            decided.append((case, decision))
        queue = iter(decided)

        async def worker() -> None:
            for case, decision in queue:
                try:
                    await self.desk.decide(
                        case.id, decision, by=reviewer.by, digest=case.digest, thread_id=case.thread_id
                    )
                except (
                    AnswerError,
                    DeskError,
                ) as error:  # nothing was saved; the case comes again if it is still open
                    reviewer.refused(case, str(error))

        await in_parallel(worker, workers=THREADS_AT_ONCE)
        return len(decided) < len(cases)
