"""A checkpoint write and its review are stored together, or neither is: each half is made to fail."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import psycopg
import pytest

from hitl_graph import open_checkpointer
from hitl_graph.failpoints import FailpointReached, arm

from .driver import MODES, Mode, Run
from .graphs import BY_NAME
from .ledger import Ledger

in_both_kinds = pytest.mark.parametrize("mode", [Mode(False, "sync"), Mode(True, "sync")], ids=str)
in_every_mode = pytest.mark.parametrize("mode", MODES, ids=str)
REFUSED = pytest.raises(psycopg.errors.RaiseException, match="refused by the test")
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'refused by the test';
END $$;
"""
PAUSES = """
SELECT FROM checkpoint_writes JOIN checkpoints USING (thread_id, checkpoint_ns, checkpoint_id)
WHERE channel = '__interrupt__'
"""
"""LangGraph may store a question before the checkpoint that it is asked at: without that it is no pause."""

ANSWERED = """
SELECT FROM checkpoint_writes JOIN hitl.reviews USING (thread_id, checkpoint_id, task_id)
WHERE NOT starts_with(channel, '__')
"""
"""What a task has written whose question was answered."""


class Broken:
    """A database in which some writes are made to fail."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.ledger = Ledger(conn)
        self.ledger.run(REFUSE)

    @contextmanager
    def refusing(self, table: str, event: str, when: str = "true") -> Iterator[None]:
        """Writes to a table fail where `when` holds."""
        self.ledger.run(
            f"CREATE TRIGGER refusing BEFORE {event} ON {table} FOR EACH ROW WHEN ({when}) "
            "EXECUTE FUNCTION refuse()"
        )
        try:
            yield
        finally:
            self.ledger.run(f"DROP TRIGGER refusing ON {table}")


@pytest.fixture
def broken(db_url: str) -> Iterator[Broken]:
    """A fresh database, still whole."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        yield Broken(conn)


@pytest.fixture
async def run(db_url: str, broken: Broken, mode: Mode) -> AsyncIterator[Run]:
    """A thread with two gates side by side, in a mode."""
    async with AsyncExitStack() as stack:
        saver: Any = open_checkpointer(db_url)
        saver = await stack.enter_async_context(saver) if mode.is_async else stack.enter_context(saver)
        yield Run(BY_NAME["parallel-gates"].compile(saver), mode, broken.ledger)


@in_every_mode
@pytest.mark.parametrize(
    ("table", "when"),
    [
        ("hitl.reviews", "true"),
        ("hitl.events", "true"),
        ("checkpoint_writes", "NEW.channel = '__interrupt__'"),
    ],
)
async def test_a_pause(run: Run, broken: Broken, table: str, when: str) -> None:
    """The review, its event or LangGraph's own row fails: no pause and no review, and a later run pauses."""
    with broken.refusing(table, "INSERT", when), REFUSED:
        await run.start()

    assert run.statuses() == []
    assert broken.ledger.events(run.thread_id) == []
    assert not broken.ledger.rows(PAUSES)
    await run.start()
    assert run.statuses() == ["pending", "pending"]


@in_every_mode
@pytest.mark.parametrize(
    ("table", "event", "when"),
    [
        ("hitl.reviews", "UPDATE", "true"),
        ("hitl.decisions", "INSERT", "true"),
        ("hitl.events", "INSERT", "true"),
        ("checkpoint_writes", "INSERT", "NEW.channel = '__resume__'"),
    ],
)
async def test_an_answer(run: Run, broken: Broken, table: str, event: str, when: str) -> None:
    """The new status, the decision, the event or the answer fails: the case is as open as before."""
    await run.start()
    first, second = run.open()

    with broken.refusing(table, event, when), REFUSED:
        await run.answer([first])

    assert run.statuses() == ["pending", "pending"]
    assert broken.ledger.events(run.thread_id) == ["asked", "asked"]
    await run.answer([first])
    await run.answer([second])
    assert run.statuses() == ["applied", "applied"]


@in_every_mode
@pytest.mark.parametrize(
    ("table", "event"), [("hitl.reviews", "UPDATE"), ("hitl.events", "INSERT"), ("checkpoints", "INSERT")]
)
async def test_a_checkpoint(run: Run, broken: Broken, table: str, event: str) -> None:
    """New input: the new status, its event or the checkpoint fails, and the thread stands where it stood."""
    await run.start()
    head, asked = run.head(), run.open()

    with broken.refusing(table, event), REFUSED:
        await run.start(text="second")

    assert (run.head(), run.open()) == (head, asked)
    await run.start(text="second")
    assert run.statuses() == ["superseded", "superseded", "pending", "pending"]


@in_both_kinds
@pytest.mark.parametrize("table", ["hitl.reviews", "hitl.events"])
async def test_deletion(run: Run, broken: Broken, table: str) -> None:
    """A thread whose reviews cannot be closed is not deleted; of several pruned threads all stay."""
    other = Run(run.graph, run.mode, run.ledger)
    await other.start()
    await run.start()
    event = "UPDATE" if table == "hitl.reviews" else "INSERT"

    with broken.refusing(table, event, f"NEW.thread_id = '{run.thread_id}'"):
        with REFUSED:
            await run.on_saver("delete_thread", run.thread_id)
        with REFUSED:
            await run.on_saver("prune", [other.thread_id, run.thread_id], strategy="delete")

    await run.check()
    await other.check()
    assert run.statuses() == other.statuses() == ["pending", "pending"]


@in_both_kinds
@pytest.mark.parametrize(
    ("table", "event"), [("hitl.reviews", "UPDATE"), ("hitl.events", "INSERT"), ("checkpoints", "DELETE")]
)
async def test_a_rollback(run: Run, broken: Broken, table: str, event: str) -> None:
    """A run that cannot be taken back whole is not taken back at all."""
    await run.start()
    await run.answer(list(run.open()), run_id="answers")
    head = run.head()

    with broken.refusing(table, event), REFUSED:
        await run.on_saver("delete_for_runs", ["answers"])

    assert (run.head(), run.statuses()) == (head, ["applied", "applied"])
    await run.on_saver("delete_for_runs", ["answers"])
    assert run.statuses() == ["pending", "pending"]


@in_both_kinds
@pytest.mark.parametrize("table", ["hitl.reviews", "checkpoint_writes"])
async def test_a_copy(run: Run, broken: Broken, table: str) -> None:
    """A copy that fails half way leaves nothing of it."""
    copy = Run(run.graph, run.mode, run.ledger)
    await run.start()

    with broken.refusing(table, "INSERT", f"NEW.thread_id = '{copy.thread_id}'"), REFUSED:
        await run.on_saver("copy_thread", run.thread_id, copy.thread_id)

    await copy.check()
    assert copy.statuses() == []
    assert not broken.ledger.rows("SELECT FROM checkpoints WHERE thread_id = %s", copy.thread_id)


@in_every_mode
async def test_an_answer_that_is_cut_off_half_way(run: Run, broken: Broken) -> None:
    """What raises between the halves of a write, as a cancelling does, leaves neither: a pipeline would commit one."""
    await run.start()
    first, second = run.open()

    met = []

    def cut_off() -> None:
        met.append(1)
        raise FailpointReached

    arm("close.before_commit", cut_off)
    try:
        with contextlib.suppress(FailpointReached):  # an async graph cancels the write's task without a word
            await run.answer([first])
    finally:
        arm("close.before_commit", None)

    assert met
    assert run.statuses() == ["pending", "pending"]
    assert not broken.ledger.rows(ANSWERED)
    await run.answer([first])
    await run.answer([second])
    assert run.statuses() == ["applied", "applied"]
