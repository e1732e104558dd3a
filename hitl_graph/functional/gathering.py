"""Waiting for several tasks at the same time, so that the questions of all of them are seen."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt

from hitl_graph.functional.pause import hold
from hitl_graph.functional.room import make_room

__all__ = ["agather", "gather"]

T = TypeVar("T")


def gather(futures: Iterable[concurrent.futures.Future[T]]) -> list[T]:
    """The results of tasks that were started before, in their order; or one pause with all of their questions.

    Without it the first task that pauses ends the code that waits for the others, and `invoke`, `stream` and
    `get_state` show its question alone. (All are saved, the desk lists all, and all can be answered.) Each task may
    wait for one of its own at a time, however few threads the graph has.

    Args:
        futures: What calling a `@task` gives.

    Raises:
        Exception: What one of them raised, when all are done.

    Example:
        >>> gather([answer(ticket) for ticket in tickets])               # doctest: +SKIP
    """
    waiting = list(futures)
    make_room(len(waiting))
    with hold():
        _raise([future.exception() for future in waiting])
    return [future.result() for future in waiting]


async def agather(awaitables: Iterable[Awaitable[T]]) -> list[T]:
    """`gather`, for async code: of `@task`s, or of plain calls of `areview` that come in one order in each run."""
    with hold():
        ended = await asyncio.gather(*awaitables, return_exceptions=True)
        _raise([one if isinstance(one, BaseException) else None for one in ended])
    return [one for one in ended if not isinstance(one, BaseException)]


def _raise(errors: Iterable[BaseException | None]) -> None:
    """Raise the first error; or else all pauses as one."""
    asked: dict[str, Interrupt] = {}
    for error in errors:
        if isinstance(error, GraphInterrupt):
            asked |= {question.id: question for question in error.args[0]}
            error.args = ((),)  # listed once, by who raises it on
        elif error is not None:
            raise error
    if asked:
        raise GraphInterrupt(tuple(asked.values()))
