"""What is done every second or so, by every worker: all of it can be done by several at once."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hitl_graph.desk import Desk
from hitl_graph.storage.statements import load_statements

__all__ = ["acts_of", "tick"]

Act = Callable[[], Awaitable[Any]]

SQL = load_statements("hitl_graph.workers", "jobs.sql")
_RANDOM = random.SystemRandom()  # a program's own seed stays as the program left it


def acts_of(desk: Desk) -> dict[str, Act]:
    """What there is to be done at a desk: due cases, messages, the sealing of events, repairs, and lost threads."""

    async def sweep() -> int:
        [found] = await desk.rows(SQL["sweep"])
        return int(found["put"])

    acts: dict[str, Act] = {"sweep": sweep}
    for part, name in (("deadlines", "act"), ("audit", "seal")):
        if act := getattr(getattr(desk, part, None), name, None):
            acts[f"{part}.{name}"] = act
    if reconcile := getattr(desk, "reconcile", None):
        acts["reconcile"] = reconcile
    if deliver := _deliver():

        async def deliver_notices() -> Any:
            return await deliver(desk)

        acts["notices.deliver"] = deliver_notices
    return acts


def _deliver() -> Callable[[Desk], Awaitable[Any]] | None:
    """The sending of messages, where its extra is installed."""
    if importlib.util.find_spec("hitl_graph.notices") is None:
        return None
    try:
        return getattr(importlib.import_module("hitl_graph.notices"), "deliver", None)
    except ImportError:
        return None


async def tick(
    acts: Mapping[str, Act], every_s: float, tell: Callable[[str], None], ended: Callable[[], bool]
) -> None:
    """Do all of it again and again, each in its own rhythm; what raises is told once, and tried again.

    Args:
        acts: What to do, by name. every_s: Seconds between two times, more or less.
        tell: Takes a sentence about what happened.
        ended: Whether this was the last time. A cancelling alone can be lost: in Python 3.11 `asyncio.wait_for` drops
            one that comes together with what it waits for, and a `TaskGroup` cancels its tasks once.
    """
    async with asyncio.TaskGroup() as group:
        for name, act in acts.items():
            group.create_task(_again_and_again(name, act, every_s, tell, ended))


async def _again_and_again(
    name: str, act: Act, every_s: float, tell: Callable[[str], None], ended: Callable[[], bool]
) -> None:
    said: str | None = None
    while True:
        try:
            await act()
            if said is not None:
                tell(f"{name} works again")
            said = None
        except Exception as error:  # noqa: BLE001  # the others go on, and so does this one
            if said != type(error).__name__:
                tell(f"{name} did not work: {error!r}")
            said = type(error).__name__
        if ended():
            return
        await asyncio.sleep(every_s * _RANDOM.uniform(0.8, 1.2))  # workers need not tick together
