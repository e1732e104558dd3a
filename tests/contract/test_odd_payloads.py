"""What LangGraph can store is not lost for our sake: odd questions, answers, errors and names are kept."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from hitl_graph import Desk, open_checkpointer
from hitl_graph.checkpointers import ReviewSaver

from .driver import Mode, Run
from .graphs import State, asks, chain, gate
from .ledger import Ledger

SYNC = Mode(is_async=False, durability="sync")
ODD = {
    "nul": {"text": "a\x00b"},
    "nul in a key": {"a\x00b": 1},
    "surrogate": {"text": "a\ud83d"},
    "nan": {"score": math.nan, "limit": math.inf},
    "big integer": {"id": 2**63},
    "bytes": {"raw": b"\x00\xff"},
    "keys": {1: "one", None: "none", (1, 2): "pair"},
    "objects": {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "set": {1, 2}, "type": "x"},
    "nothing": None,
    "empty": "",
    "hidden": "\u202egnihton",
    "list": [1, [2, [3]], None],
    "json text": '{"action_request": {"action": "go", "args": {}}, "config": {}}',
    "broken agent inbox": [{"action_request": {"action": "go"}, "config": {"allow_accept": True}}],
    "long": "x" * 1_000_000,
    "deep": {"v": [[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]},
}


POSING = {
    "three words of ours": {"v": 1, "gate": "x", "digest": "y"},
    "wrong in all fields": {
        "v": 1,
        "gate": "x",
        "digest": "y",
        "owner": "z",
        "action": {"name": 1},
        "sla": {"hours": "a"},
    },
}


@pytest.fixture
def saver(db_url: str) -> Iterator[ReviewSaver]:
    """A sync saver on a fresh database."""
    with open_checkpointer(db_url) as saver:
        yield saver


@pytest.fixture
def ledger(db_url: str) -> Iterator[Ledger]:
    """What that database holds."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        yield Ledger(conn)


def asking(value: Any, schema: Any = None) -> Any:
    """A graph that asks with this value."""
    return chain(("gate", lambda state: {"log": [interrupt(value, response_schema=schema)]}))


@pytest.mark.parametrize("name", ODD)
def test_an_odd_question_is_asked(db_url: str, saver: ReviewSaver, ledger: Ledger, name: str) -> None:
    """Paused as LangGraph pauses, listed by the desk, answered, and closed."""
    run = Run(asking(ODD[name]).compile(checkpointer=saver), SYNC, ledger)

    paused = run.graph.invoke({}, run.config())
    with Desk(db_url) as desk:
        [case] = desk.pending()
        assert [case.id] == [one.id for one in paused["__interrupt__"]]
        assert case.to_json()["question"]
        assert isinstance(case.allowed, tuple)
        assert isinstance(case.proposal, dict)
    run.graph.invoke(Command(resume={case.id: "yes"}), run.config())

    assert run.statuses() == ["applied"]


@pytest.mark.parametrize("name", POSING)
def test_a_question_that_poses_as_ours_is_asked(saver: ReviewSaver, ledger: Ledger, name: str) -> None:
    """It has a row of its own, as any value of somebody else's."""
    run = Run(asking(POSING[name]).compile(checkpointer=saver), SYNC, ledger)

    run.graph.invoke({}, run.config())

    [row] = ledger.reviews(run.thread_id)
    assert (row["status"], row["gate"], row["payload"]) == ("pending", None, POSING[name])


@pytest.mark.parametrize("name", ["nul", "nul in a key", "surrogate", "nan", "bytes", "keys", "objects"])
def test_an_odd_answer_is_taken(saver: ReviewSaver, ledger: Ledger, name: str) -> None:
    """What the node accepted is kept with the review, as far as JSON can say it."""
    run = Run(asking("how?").compile(checkpointer=saver), SYNC, ledger)
    run.graph.invoke({}, run.config())

    run.graph.invoke(Command(resume={run.first()[0]: ODD[name]}), run.config())

    [row] = ledger.reviews(run.thread_id)
    assert row["status"] == "applied"
    assert row["decision"] is not None


@pytest.mark.parametrize("name", ["a\x00b", "\u202eana", 7, {"name": "ana"}])
def test_an_odd_name_is_kept(saver: ReviewSaver, ledger: Ledger, name: Any) -> None:
    """Who answered and which workflow it was come from the caller's metadata, whatever stands there."""
    run = Run(asking("how?").compile(checkpointer=saver), SYNC, ledger)
    config = {**run.config(), "metadata": {"hitl_by": name, "workflow": name}}
    run.graph.invoke({}, config)

    run.graph.invoke(Command(resume={run.first()[0]: "yes"}), config)

    [row] = ledger.reviews(run.thread_id)
    assert row["workflow"]
    assert row["by"] == row["workflow"]


class Unspeakable(Exception):
    """An error that cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "error", [ValueError("a\x00b"), ValueError("a\ud83d"), Unspeakable()], ids=["nul", "surrogate", "mute"]
)
def test_an_odd_error_is_kept(saver: ReviewSaver, ledger: Ledger, error: Exception) -> None:
    """A node that raises after the answer: the case has failed, whatever the error says."""

    def review(state: State) -> None:
        interrupt("ok?")
        raise error

    run = Run(chain(("gate", review)).compile(checkpointer=saver), SYNC, ledger)
    run.graph.invoke({}, run.config())

    with pytest.raises(type(error)):
        run.graph.invoke(Command(resume={run.first()[0]: "yes"}), run.config())

    [row] = ledger.reviews(run.thread_id)
    assert row["status"] == "failed"
    assert row["error"]


def test_an_odd_schema_is_kept(db_url: str, saver: ReviewSaver, ledger: Ledger) -> None:
    """A form for the answer with a default that is no JSON."""
    schema = {"type": "string", "default": math.nan, "description": "a\x00b"}
    run = Run(asking("how?", schema).compile(checkpointer=saver), SYNC, ledger)

    run.graph.invoke({}, run.config())

    [row] = ledger.reviews(run.thread_id)
    assert row["response_schema"]["type"] == "string"


def test_a_time_limit_beyond_every_calendar(saver: ReviewSaver, ledger: Ledger) -> None:
    """An SLA of more hours than the calendar has is a long one, and not an error."""
    request = gate().judge({"email": {"to": "a@example.com"}}).request
    value = {**request.to_json(), "sla": {"hours": 1e12}}
    run = Run(asking(value).compile(checkpointer=saver), SYNC, ledger)

    run.graph.invoke({}, run.config())

    [row] = ledger.reviews(run.thread_id)
    assert row["due_at"].year > 2200


def test_a_node_with_a_comma_is_named(saver: ReviewSaver, ledger: Ledger) -> None:
    """The node's name is LangGraph's, commas and all."""
    builder: Any = StateGraph(State)
    builder.add_node("check, twice", asks("ok?"))
    builder.add_edge(START, "check, twice")
    run = Run(builder.compile(checkpointer=saver), SYNC, ledger)

    run.graph.invoke({}, run.config())

    [row] = ledger.reviews(run.thread_id)
    assert row["node"] == "check, twice"


def test_a_checkpoint_that_cannot_be_stored_leaves_no_review(saver: ReviewSaver, ledger: Ledger) -> None:
    """NUL in a text of the state: Postgres refuses the checkpoint, and nobody is asked about it."""
    builder = chain(("draft", lambda state: {"text": "a\x00b"}), ("gate", asks("ok?")))
    run = Run(builder.compile(checkpointer=saver), SYNC, ledger)

    with pytest.raises(psycopg.errors.UntranslatableCharacter):
        run.graph.invoke({}, run.config(), durability="async")

    assert run.open() == {}
