"""Several workers on one queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

__all__ = ["in_parallel"]


async def in_parallel(worker: Callable[[], Coroutine[None, None, None]], *, workers: int) -> None:
    """Run so many of the same worker at a time, until each has found the queue empty.

    Raises:
        Exception: What the first one raised; the others were stopped before.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
