"""When the database is away: one line in the log when that is found out, and one when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Self, TypeGuard

import psycopg
from psycopg_pool import PoolTimeout

from hitl_graph.desk import Desk
from hitl_graph.plain import printable

__all__ = ["Outage", "say_unusable"]

_EVERY_S = 1.0
_GONE = ("08", "57P", "53300")
"""SQLSTATEs of a server that is not there for us, or not yet; without one nobody has answered."""


class Outage:
    """Whether a desk's database is away. While it is, it is asked now and then.

    Args:
        desk: Whose database. log: Where it is said.
    """

    def __init__(self, desk: Desk, log: logging.Logger) -> None:
        self._desk, self._log = desk, log
        self._away = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look(), name="hitl-outage")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def began(self, error: BaseException) -> None:
        """It is away, or too busy to answer in time; said once, however many find it out."""
        if not self._away.is_set():
            self._log.error(
                "the database cannot be used, and nothing is decided until it can: %s", _line(error)
            )
            self._away.set()

    async def _look(self) -> None:
        while True:
            await self._away.wait()
            await asyncio.sleep(_EVERY_S)
            with contextlib.suppress(psycopg.Error, PoolTimeout):
                await self._desk.rows("SELECT 1")
                self._away.clear()
                self._log.warning("the database can be used again")


def say_unusable(error: BaseException, log: logging.Logger, outage: Outage | None, what: str) -> None:
    """Say in the log that something was not done, and why: of an outage no more than that there is one.

    Args:
        error: What the database, or the way to it, raised. log: Where. outage: Of the application, if it has one.
        what: What was not done.
    """
    if not _is_of_the_way(error):
        log.error("%s: the database cannot be used", what, exc_info=error)  # a mistake of ours
    elif outage is not None and _is_away(error):
        outage.began(error)
    else:
        log.error("%s: the database cannot be used: %s", what, _line(error))


def _is_of_the_way(error: BaseException) -> TypeGuard[psycopg.Error]:
    """Whether it is about the way to the database, and not about what was asked of it."""
    lost = isinstance(error, psycopg.InterfaceError) and "connection" in str(error)
    return lost or isinstance(error, psycopg.OperationalError)


def _is_away(error: psycopg.Error) -> bool:
    return error.sqlstate is None or error.sqlstate.startswith(_GONE)


def _line(error: BaseException) -> str:
    return printable(str(error).strip().partition("\n")[0]) or type(error).__name__
