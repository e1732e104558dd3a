"""Loading a checkpoint executes nothing, and gives back only types that were allowed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ormsgpack
import psycopg
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from psycopg import sql
from pydantic import BaseModel
from typing_extensions import TypedDict

from hitl_graph import open_checkpointer

CONFIG: Any = {"configurable": {"thread_id": "t"}}
TABLES = ["checkpoint_blobs", "checkpoint_writes"]


class Money(BaseModel):
    """A class of the user's."""

    amount: int


class State(TypedDict, total=False):
    money: Money


def paused(saver: Any) -> Any:
    """A thread that holds a Money, paused with another in its question."""
    builder = StateGraph(State)
    builder.add_node("gate", lambda state: {"money": interrupt({"pay": Money(amount=2)})})
    builder.add_edge(START, "gate")
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"money": Money(amount=1)}, CONFIG)
    return graph


@contextmanager
def tampered(url: str, table: str, kind: str, blob: bytes) -> Iterator[None]:
    """All values of a table are replaced."""
    with psycopg.connect(url, autocommit=True) as conn:
        query = sql.SQL("UPDATE {} SET type = %s, blob = %s").format(sql.Identifier(table))
        changed = conn.execute(query, (kind, blob))
        assert changed.rowcount > 0
    yield


def load(url: str, way: str) -> Any:
    """What a saver loads of the thread, sync or async."""

    async def aload() -> Any:
        async with open_checkpointer(url) as saver:
            return await saver.aget_tuple(CONFIG)

    if way == "async":
        return asyncio.run(aload())
    with open_checkpointer(url) as saver:
        return saver.get_tuple(CONFIG)


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("table", TABLES)
def test_a_tampered_row_executes_nothing(db_url: str, tmp_path: Path, table: str, way: str) -> None:
    """A row that names a function, in a value or in a pending write, loads as data."""
    proof = tmp_path / "executed"
    evil = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("os", "mknod", str(proof)))))
    JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(("msgpack", evil))
    assert proof.exists(), "the row is not evil enough to show anything"
    proof.unlink()
    with open_checkpointer(db_url) as saver:
        paused(saver)

    with tampered(db_url, table, "msgpack", evil):
        load(db_url, way)

    assert not proof.exists()


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("table", TABLES)
def test_a_pickle_is_refused(db_url: str, table: str, way: str) -> None:
    """A row that says it is a pickle is not unpickled."""
    with open_checkpointer(db_url) as saver:
        paused(saver)

    with (
        tampered(db_url, table, "pickle", b"cos\nsystem\n(S'exit 1'\ntR."),
        pytest.raises(NotImplementedError),
    ):
        load(db_url, way)


def test_a_constructor_in_json_is_data(db_url: str, tmp_path: Path) -> None:
    """LangChain's form for "call this with these" in a JSON row calls nothing."""
    proof = tmp_path / "executed"
    form = {"lc": 2, "type": "constructor", "id": ["os", "mknod"], "args": [str(proof)]}
    loose = JsonPlusSerializer(allowed_json_modules=True)
    loose.loads_typed(("json", json.dumps(form).encode()))
    assert proof.exists(), "the row is not evil enough to show anything"
    proof.unlink()
    with open_checkpointer(db_url) as saver:
        paused(saver)

    with tampered(db_url, "checkpoint_blobs", "json", json.dumps(form).encode()):
        found = load(db_url, "sync").checkpoint["channel_values"]["money"]

    assert found == form
    assert not proof.exists()


def test_a_class_of_the_users_comes_back_as_data(db_url: str) -> None:
    """Without leave, a model in the state is plain data after loading."""
    with open_checkpointer(db_url) as saver:
        found = paused(saver).get_state(CONFIG)

    assert found.values["money"] == {"amount": 1}
    assert found.interrupts[0].value == {"pay": {"amount": 2}}


def test_an_allowed_class_comes_back_as_itself(db_url: str) -> None:
    """With `allow=`, it is the model again."""
    with open_checkpointer(db_url, allow=[Money]) as saver:
        found = paused(saver).get_state(CONFIG)

    assert found.values["money"] == Money(amount=1)
    assert found.interrupts[0].value == {"pay": Money(amount=2)}


def test_a_clone_with_a_longer_list_still_writes_reviews(db_url: str) -> None:
    """LangGraph copies a saver to widen its list: the copy shares the pool, and pauses open reviews."""
    with open_checkpointer(db_url) as saver, psycopg.connect(db_url) as conn:
        clone: Any = saver.with_allowlist([(Money.__module__, "Money")])
        assert clone is not saver
        found = paused(clone).get_state(CONFIG)

        assert found.values["money"] == Money(amount=1)
        assert conn.execute("SELECT status FROM hitl.reviews").fetchall() == [("pending",)]


def test_under_langgraphs_own_strict_mode(db_url: str) -> None:
    """With LANGGRAPH_STRICT_MSGPACK set, a graph's schema widens the list, and pauses open reviews."""
    code = """
import sys
from tests.contract.test_strict_loading import CONFIG, Money, open_checkpointer, paused
with open_checkpointer(sys.argv[1]) as saver:
    graph = paused(saver)
    assert graph.checkpointer is not saver, "LangGraph has made no copy"
    assert graph.get_state(CONFIG).values["money"] == Money(amount=1)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "LANGGRAPH_STRICT_MSGPACK": "true"}

    subprocess.run([sys.executable, "-c", code, db_url], env=env, check=True, timeout=60)

    with psycopg.connect(db_url) as conn:
        assert conn.execute("SELECT status FROM hitl.reviews").fetchall() == [("pending",)]
