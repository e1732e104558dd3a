"""What our savers need from the stock Postgres savers: one extension point inside one transaction."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import interrupt
from psycopg import sql

from .graphs import State, answers, asks, chain, parallel_gates, questions, single_gate, thread

FAILS = "SELECT 1 / 0"
ONE_CHILD = """
CREATE UNIQUE INDEX one_child ON checkpoints (thread_id, checkpoint_ns, parent_checkpoint_id)
WHERE metadata ->> 'source' = 'loop'
"""


class FailingAfterItsOwnStatements(PostgresSaver):
    """Runs one more statement on the cursor of each call while `armed`: it fails."""

    armed = False

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Any]:
        with super()._cursor(pipeline=pipeline) as cur:
            yield cur
            if self.armed:
                cur.execute(FAILS)


class AsyncFailingAfterItsOwnStatements(AsyncPostgresSaver):
    """The same for async graphs."""

    armed = False

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[Any]:
        async with super()._cursor(pipeline=pipeline) as cur:
            yield cur
            if self.armed:
                await cur.execute(FAILS)


def rows(url: str, table: str, thread_id: str) -> int:
    """How many rows a thread has in one of LangGraph's tables."""
    with psycopg.connect(url) as connection:
        query = sql.SQL("SELECT count(*) FROM {} WHERE thread_id = %s").format(sql.Identifier(table))
        found = connection.execute(query, (thread_id,)).fetchone()
        assert found is not None
        return int(found[0])


@pytest.fixture
def saver(db_url: str) -> Iterator[FailingAfterItsOwnStatements]:
    with FailingAfterItsOwnStatements.from_conn_string(db_url) as saver:
        saver.setup()
        assert isinstance(saver, FailingAfterItsOwnStatements)
        yield saver


QUESTION = [("__interrupt__", "a question")]
TASK = "00000000-0000-0000-0000-000000000001"


def at(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": "1"}}


def test_a_failing_statement_after_put_writes_leaves_no_question(
    saver: FailingAfterItsOwnStatements, db_url: str
) -> None:
    """What `_cursor` adds is in the same transaction: both rows or none."""
    saver.armed = True
    with pytest.raises(psycopg.errors.DivisionByZero):
        saver.put_writes(at("t"), QUESTION, TASK)
    assert rows(db_url, "checkpoint_writes", "t") == 0


@pytest.mark.asyncio
async def test_a_failing_statement_after_aput_writes_leaves_no_question(db_url: str) -> None:
    """The same on the async saver."""
    async with AsyncFailingAfterItsOwnStatements.from_conn_string(db_url) as saver:
        await saver.setup()
        assert isinstance(saver, AsyncFailingAfterItsOwnStatements)
        saver.armed = True
        with pytest.raises(psycopg.errors.DivisionByZero):
            await saver.aput_writes(at("t"), QUESTION, TASK)
    assert rows(db_url, "checkpoint_writes", "t") == 0


def test_a_failing_statement_after_put_leaves_no_checkpoint(
    saver: FailingAfterItsOwnStatements, db_url: str
) -> None:
    """Checkpoint and blobs go with it."""
    checkpoint = {**empty_checkpoint(), "channel_values": {"log": ["x"]}, "channel_versions": {"log": "1"}}
    saver.armed = True
    with pytest.raises(psycopg.errors.DivisionByZero):
        saver.put(at("t"), checkpoint, {}, {"log": "1"})
    assert rows(db_url, "checkpoints", "t") + rows(db_url, "checkpoint_blobs", "t") == 0


def test_a_failing_statement_after_delete_thread_keeps_the_thread(
    saver: FailingAfterItsOwnStatements, db_url: str
) -> None:
    """delete_thread() is one transaction with what `_cursor` adds."""
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    saver.armed = True
    with pytest.raises(psycopg.errors.DivisionByZero):
        saver.delete_thread(config["configurable"]["thread_id"])
    assert rows(db_url, "checkpoints", config["configurable"]["thread_id"]) > 0


def test_prune_commits_before_the_extension_point(saver: FailingAfterItsOwnStatements, db_url: str) -> None:
    """prune() opens its own transaction inside `_cursor`: a hook there comes too late to take part."""
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    saver.armed = True
    with pytest.raises(psycopg.errors.DivisionByZero):
        saver.prune([config["configurable"]["thread_id"]], strategy="delete")
    assert rows(db_url, "checkpoints", config["configurable"]["thread_id"]) == 0


def test_pruning_to_the_latest_keeps_a_paused_thread_answerable(
    saver: FailingAfterItsOwnStatements, db_url: str
) -> None:
    """The head stays, with its question, its partial answers and its state."""
    graph, config = parallel_gates().compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    graph.invoke(answers(graph, config, {"a?": "yes"}), config)
    before = questions(graph, config)
    saver.prune([config["configurable"]["thread_id"]])
    assert rows(db_url, "checkpoints", config["configurable"]["thread_id"]) == 1
    assert questions(graph, config) == before
    graph.invoke(answers(graph, config, {"b?": "yes"}), config)
    assert graph.get_state(config).values["log"] == [["a?", "yes"], ["b?", "yes"], "join"]


def test_the_first_stored_answer_of_a_task_stays(saver: FailingAfterItsOwnStatements) -> None:
    """Writes with outputs are INSERT … DO NOTHING: a second answer does not replace the first."""
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability="sync")
    head = graph.get_state(config)
    for answer in ("first", "second"):
        saver.put_writes(head.config, [("__resume__", [answer]), ("log", [answer])], head.tasks[0].id)
    stored = saver.get_tuple(config)
    assert stored is not None
    assert (head.tasks[0].id, "__resume__", ["first"]) in (stored.pending_writes or [])


def test_a_question_is_replaced_by_the_tasks_next_one(saver: FailingAfterItsOwnStatements) -> None:
    """Writes of control channels only are upserts."""
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability="sync")
    head = graph.get_state(config)
    saver.put_writes(head.config, [("__interrupt__", ["another question"])], head.tasks[0].id)
    stored = saver.get_tuple(config)
    assert stored is not None
    asked = [v for _, channel, v in stored.pending_writes or [] if channel == "__interrupt__"]
    assert asked == [["another question"]]


def test_a_saver_holds_its_lock_around_every_call(saver: FailingAfterItsOwnStatements) -> None:
    """So a pool of N connections works as one (upstream #7259): over a pool, ours must replace the lock."""
    with saver._cursor():
        assert saver.lock.locked()


@pytest.mark.asyncio
async def test_an_async_saver_holds_its_lock_around_every_call(db_url: str) -> None:
    """The same with an asyncio lock."""
    async with AsyncPostgresSaver.from_conn_string(db_url) as saver, saver._cursor():
        assert saver.lock.locked()


@pytest.mark.parametrize(
    "text", ["nul \x00", "surrogate \ud800", float("nan")], ids=["nul", "surrogate", "nan"]
)
def test_text_that_jsonb_refuses_fails_the_checkpoint(saver: FailingAfterItsOwnStatements, text: Any) -> None:
    """A top-level string or number of the state stands inline in jsonb: the run raises and looks finished."""
    b = chain(("draft", lambda state: {"text": text}), ("gate", asks("ok?")))
    graph, config = b.compile(checkpointer=saver), thread()
    with pytest.raises(psycopg.DataError):
        graph.invoke({}, config)
    assert graph.get_state(config).next == ()


def test_the_same_text_inside_a_dict_is_stored(saver: FailingAfterItsOwnStatements) -> None:
    """Containers are msgpack blobs: a NUL is kept there."""
    b = chain(("draft", lambda state: {"text": {"body": "nul \x00"}}), ("gate", asks("ok?")))
    graph, config = b.compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    assert graph.get_state(config).values["text"] == {"body": "nul \x00"}


def test_a_unique_index_on_the_parent_makes_the_loser_of_a_race_fail(db_url: str) -> None:
    """Two runs that read the same pause: with the index only one of them can save the next checkpoint."""
    meeting = threading.Barrier(2, timeout=20)

    def gate(state: State) -> dict[str, Any]:
        answer = interrupt("ok?")
        meeting.wait()
        return {"log": [answer]}

    with PostgresSaver.from_conn_string(db_url) as saver, ThreadPoolExecutor(2) as pool:
        saver.setup()
        saver.conn.execute(ONE_CHILD)
        graph, config = chain(("gate", gate)).compile(checkpointer=saver), thread()
        graph.invoke({}, config, durability="sync")
        runs = [
            pool.submit(graph.invoke, answers(graph, config, {"ok?": answer}), config, durability="sync")
            for answer in ("approve", "reject")
        ]
        failures = [error for run in runs if (error := run.exception(timeout=30))]
    assert [type(error) for error in failures] == [psycopg.errors.UniqueViolation]
