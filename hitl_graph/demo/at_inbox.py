"""The person at the inbox, who decides the demo's cases in a browser while their threads go on beside it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import shlex
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlencode

import psycopg
from psycopg_pool import PoolTimeout

from hitl_graph.demo.graph import build_support_desk
from hitl_graph.demo.maildir import count
from hitl_graph.demo.report import Report
from hitl_graph.demo.run import Progress, Run, Work, handled
from hitl_graph.desk import Desk
from hitl_graph.errors import DeskError
from hitl_graph.inbox import Settings
from hitl_graph.inbox.look import Look
from hitl_graph.inbox.serving import served
from hitl_graph.inbox.sign_in import LocalToken
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements
from hitl_graph.workers import Worker

__all__ = ["AtInbox", "Standing", "run_at_inbox"]

SQL = load_statements("hitl_graph.demo", "standing.sql")
GROUPS = ("support-agents", "support-leads")
"""Whose cases the demo's gates make."""

_AT_ONCE = 4  # threads; the pages want some of the processor too
_LOOK_S = 0.3
_LAST_LOOK_S = 1.5
_UNDER_WAY_S = 10.0
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a run is.

    Attributes:
        waiting: Cases that wait for a decision. decided: Decisions that were taken.
        going: Decisions that their threads have not been told, and threads that are run.
        failed: Cases whose thread raised: at the inbox it can be let try again.
        mails: Mails that were sent into the maildir.
    """

    waiting: int = 0
    decided: int = 0
    going: int = 0
    failed: int = 0
    mails: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing waits, and nothing is under way."""
        return not (self.waiting or self.going or self.failed)


@dataclasses.dataclass(kw_only=True)
class AtInbox:
    """Whoever decides at the inbox, on this machine.

    Attributes:
        by: Who they are. undo_s: For how long they can take a decision back, 0 to 30 seconds.
        opened: Told, once, the address that lets them in, which is good as long as the run goes on, and how many
            cases wait there that are not of this run.
        shown: Told how far the run is, whenever that has changed.
        stop: Set from outside, it ends the run: what is open stays paused.
    """

    by: str
    undo_s: float
    opened: Callable[[str, int], None]
    shown: Callable[[Standing], None]
    stop: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    _said: Standing | None = dataclasses.field(default=None, init=False)

    async def may_decide(self, desk: Desk) -> None:
        """See that the directory, where there is one, lets them decide all cases of the demo.

        Raises:
            DeskError: It does not; the error says what to type. Nothing was started.
        """
        people = await desk.people.list()
        known = next((one for one in people if key_of(one.id) == key_of(self.by)), None)
        if not people or (
            known
            and known.active
            and known.kind == "human"
            and {"reviewer", "lead", "admin"} & set(known.roles)
            and set(GROUPS) <= set(known.groups)
        ):
            return
        add = ["hitl-graph", "people", "add", known.id if known else self.by, "--active", "--kind", "human"]
        for group in dict.fromkeys([*(known.groups if known else ()), *GROUPS]):
            add += ["--group", group]
        for role in dict.fromkeys([*(known.roles if known else ()), "reviewer"]):
            add += ["--role", role]
        if admin := next((one.id for one in people if one.active and "admin" in one.roles), None):
            add += ["--by", admin]
        raise DeskError(
            f"people are listed here, and {self.by} may not decide the demo's cases: say {shlex.join(add)}, or name "
            "another database with --db"
        )

    async def finish(self, work: Work) -> None:
        """Serve the inbox, and let each thread go on as soon as its case is decided, until nothing of the run waits.

        What is decided is still told to its thread at the end; what is open stays paused.

        Args:
            work: Its threads have come to their first pause.
        """
        run = work.run
        # Both graphs: cases that another run of the demo left go on as well.
        graphs = {
            "support-desk": build_support_desk,
            "support-desk-strict": functools.partial(build_support_desk, strict=True),
        }
        look = _Look(work)
        async with Worker(graphs, run.url, concurrency=_AT_ONCE, drain_s=_UNDER_WAY_S) as worker:
            async with self._open(run, await look.others()):
                while not self.stop.is_set() and not (await self._show(look)).over:
                    await self._pause(_LOOK_S)
                await self._pause(_LAST_LOOK_S)  # so that the page shows how it ended
            end = time.monotonic() + self.undo_s + _UNDER_WAY_S
            while True:
                if not (await self._show(look)).going or time.monotonic() > end:
                    break
                await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(TimeoutError):
                await worker.idle(_UNDER_WAY_S)

    @contextlib.asynccontextmanager
    async def _open(self, run: Run, others: int) -> AsyncIterator[None]:
        """The inbox, with the graph of the run to look at."""
        drawn, way = build_support_desk(strict=run.strict), LocalToken(self.by)
        settings = Settings(sign_in=way, undo_s=self.undo_s, graphs={drawn.name: drawn})
        pages = served(settings, url=run.url)
        address = await asyncio.to_thread(pages.__enter__)
        try:
            self.opened(f"{address}/sign-in/token?{_entry(way.token, run, others)}", others)
            yield
        finally:
            await asyncio.to_thread(pages.__exit__, None, None, None)

    async def _show(self, look: _Look) -> Standing:
        now = await look()
        if now != self._said:
            self.shown(now)
            self._said = now
        return now

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until somebody stops the run."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


async def run_at_inbox(run: Run, person: AtInbox, progress: Progress = lambda *_: None) -> Report:
    """`run_demo`, with a person who decides at the inbox.

    Args:
        run: The messages, and where everything goes. person: Who decides. progress: Told about each step up to that.

    Raises:
        DeskError: They may not decide here. HitlError: The pages cannot be served.
        StorageError, psycopg.Error: The database cannot be used. What was stored before stays and can go on.
    """
    async with Desk(run.url, max_size=2) as desk:
        await person.may_decide(desk)
        [newest] = await desk.rows(SQL["newest"])

    async def finish(work: Work) -> None:
        work.after = newest["seq"]
        await person.finish(work)

    return await handled(run, finish, progress)


def _entry(token: str, run: Run, others: int) -> str:
    """What lets somebody in: to the queue, of which only this run's cases are shown where others wait there too."""
    entry = {"token": token}
    if others:
        entry["to"] = Look(q=f"demo-{run.id}-").address()
    return urlencode(entry)


class _Look:
    """How far a run is, by the database and its maildir; while the database is away, how far it was."""

    def __init__(self, work: Work) -> None:
        self._maildir, self._mails = work.run.maildir, count(work.run.maildir)
        self._desk = work.desk
        self._params = {"prefix": f"demo-{work.run.id}-", "after": work.after or 0}
        self._last = Standing(going=1)

    async def others(self) -> int:
        """How many cases wait that are not of this run."""
        [found] = await self._desk.rows(SQL["others"], self._params)
        return int(found["waiting"])

    async def __call__(self) -> Standing:
        with contextlib.suppress(*_AWAY):
            [found] = await self._desk.rows(SQL["standing"], self._params)
            self._last = Standing(**found)
        return dataclasses.replace(self._last, mails=count(self._maildir) - self._mails)
