"""What pages hear at once: that something has happened. They ask for the parts of themselves that it concerns.

Nothing is notified: `NOTIFY` makes all commits of a server wait for one another, a price that every pause would pay,
watched or not. One small question, put often and only while somebody watches, costs nobody else anything.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

import psycopg

from hitl_graph.desk import Desk
from hitl_graph.inbox.case_page import FRESH_S
from hitl_graph.storage.statements import load_statements

__all__ = ["Live"]

SQL = load_statements("hitl_graph.inbox", "live.sql")

_EVERY_S = 0.02
_KEEP_S = 15.0
_LONGEST_PAUSE_S = 5.0


class Live:
    """One connection that looks for news, for all pages of a process; after a break everybody asks once.

    Args:
        desk: Whose events.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._task: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Event] = set()
        self._watched = asyncio.Event()
        self._open: Counter[str] = Counter()
        self._ended = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look(), name="hitl-live")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def end(self) -> None:
        """End all streams, soon: a server that stops would wait for them."""
        self._ended = True
        self._tell()

    def streams_of(self, person: str) -> int:
        """How many streams somebody has open."""
        return self._open[person]

    async def messages(self, person: str = "") -> AsyncGenerator[str]:
        """An event stream: `changed` whenever something has happened since the last one, and a comment now and then."""
        heard = asyncio.Event()
        self._waiting.add(heard)
        self._watched.set()
        self._open[person] += 1
        try:
            yield "retry: 500\nevent: connected\ndata: 1\n\n"
            while not self._ended:
                try:
                    await asyncio.wait_for(heard.wait(), _KEEP_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                heard.clear()
                if not self._ended:
                    yield "event: changed\ndata: 1\n\n"
        finally:
            self._waiting.discard(heard)
            self._open -= Counter({person: 1})
            if not self._waiting:
                self._watched.clear()

    async def _look(self) -> None:
        pause = 0.1
        while True:
            await self._watched.wait()
            try:
                async with self._desk.pool.connection() as conn:
                    known = None  # and so heard of: something may have happened while nobody looked
                    while self._watched.is_set():
                        signs = await (await conn.execute(SQL["signs"], {"fresh_s": FRESH_S})).fetchone()
                        if signs != known:
                            known = signs
                            self._tell()
                        pause = 0.1
                        await asyncio.sleep(_EVERY_S)
            except psycopg.Error:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _tell(self) -> None:
        for heard in self._waiting:
            heard.set()
