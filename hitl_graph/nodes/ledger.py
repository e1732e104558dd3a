"""Where acts are written down before and after they are done, when the graph's checkpointer keeps such a ledger."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, runtime_checkable

from langgraph.config import get_config

__all__ = ["ACTING", "Act", "AsyncLedger", "Entry", "Ledger", "aentered", "entered", "to_its_end"]


T = TypeVar("T")

ACTING: ContextVar[bool] = ContextVar("hitl_acting", default=False)
"""Whether this code runs inside an act, such as a gated tool that is an agent of its own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Act:
    """One act, as it is about to be done.

    Attributes:
        key: What it goes by everywhere: the review's id, or that of the judgement that let it pass.
        review: The review that approved it; None where a policy did.
        action: Its action class. digest: Of its content (`proposal_digest`). by: Who answers for it.
        node: Who does it: one approval lets one act happen, and no other node gets its result.
        judged_at: When the policy let it pass, as ISO 8601; None where a person approved it.
        idempotent: Whether the target takes the key and acts once for it, however often it is told.
    """

    key: str
    review: str | None
    action: str
    digest: str | None
    by: str
    node: str | None = None
    judged_at: str | None = None
    idempotent: bool


@dataclasses.dataclass
class Entry:
    """The act's row in the ledger: call `finish` when the act is done.

    Attributes:
        done: The act was done before, and `result` is what came of it then.
        result: The value that the act gave; None where it gave none, or could not be kept.
        failed: The act itself says that it failed.
    """

    done: bool = False
    result: Any = None
    finished: bool = False
    failed: bool = False

    def finish(self, result: Any, *, failed: bool = False) -> None:
        """Say what came of the act. `failed`: it says that it failed, and may have acted before that."""
        self.result, self.finished, self.failed = result, True, failed


@runtime_checkable
class Ledger(Protocol):
    """A checkpointer that keeps the ledger for sync graphs. `config` is the running node's."""

    def effect(self, act: Act, config: Any) -> AbstractContextManager[Entry]:
        """The act's row: written before the block, its result after it."""
        ...


@runtime_checkable
class AsyncLedger(Protocol):
    """A checkpointer that keeps the ledger for async graphs."""

    def aeffect(self, act: Act, config: Any) -> AbstractAsyncContextManager[Entry]:
        """`Ledger.effect`, for code on the event loop."""
        ...


@contextlib.contextmanager
def entered(act: Act) -> Iterator[Entry]:
    """The act's row in the running graph's ledger; one that remembers nothing where its checkpointer keeps none.

    Raises:
        EffectHeld: Somebody holds or stops such acts. EffectNotApproved: The desk knows of no such approval.
        EffectUnderWay: Another process is doing it, and did not finish in time.
        EffectUnknown: It was begun before and nobody knows what came of it.
        RunTakenOver: The run is another process's now. In all of these nothing was done.
    """
    config = get_config()
    ledger = config["configurable"].get("__pregel_checkpointer")
    if not isinstance(ledger, Ledger):
        yield Entry()
        return
    with ledger.effect(act, config) as entry, _acting():
        yield entry


@contextlib.asynccontextmanager
async def aentered(act: Act) -> AsyncIterator[Entry]:
    """`entered`, for code on the event loop."""
    config = get_config()
    ledger = config["configurable"].get("__pregel_checkpointer")
    if not isinstance(ledger, AsyncLedger):
        yield Entry()
        return
    async with ledger.aeffect(act, config) as entry:
        with _acting():
            yield entry


@contextlib.contextmanager
def _acting() -> Iterator[None]:
    """Until its end, code in this context is inside an act."""
    before = ACTING.get()
    ACTING.set(True)
    try:
        yield
    finally:
        ACTING.set(before)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` in a task of its own, and leave it to its end when this one is cancelled.

    LangGraph cancels what runs beside a node that raises: an act that is cut off in the middle is one of which nobody
    knows whether it was done. The end of the loop cuts it off all the same.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # the ledger has what it raised
        raise
