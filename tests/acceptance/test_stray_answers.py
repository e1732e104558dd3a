"""An answer without an id is for the question that was asked. Where none was asked, it lets nothing through."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from hitl_graph import Desk, open_checkpointer
from tests.support.graphs import lines, mail_graph, thread

UNSEEN = {"email": {"to": "mallory@example.com", "body": "Never seen by anybody"}}


def start(sink: Path) -> dict[str, Any]:
    return {"ticket": "Where is my card?", "sink": str(sink)}


@pytest.mark.parametrize(
    "answer", ["approve", {"type": "approve"}, [{"type": "accept", "args": None}]], ids=str
)
def test_a_bare_yes_does_not_approve_what_was_put_there_since(
    db_url: str, tmp_path: Path, answer: Any
) -> None:
    """The state was edited while the thread was paused: the edited mail is asked about, and not sent."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(start(sink), thread("t1"))
        graph.update_state(thread("t1"), UNSEEN, as_node="draft")
        assert list(desk.pending()) == []

        graph.invoke(Command(resume=answer), thread("t1"))

        [case] = desk.pending()
        assert case.proposal == UNSEEN["email"]
        assert lines(sink) == []


def test_the_same_in_an_async_graph(db_url: str, tmp_path: Path) -> None:
    """The saver is asked from the thread that the node runs in."""
    sink = tmp_path / "sink"

    async def run() -> int:
        async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
            graph = mail_graph().compile(checkpointer=checkpointer)
            await graph.ainvoke(start(sink), thread("t1"))
            await graph.aupdate_state(thread("t1"), UNSEEN, as_node="draft")
            await graph.ainvoke(Command(resume="approve"), thread("t1"))
            return len(await desk.pending())

    assert asyncio.run(run()) == 1
    assert lines(sink) == []


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_bare_yes_to_the_question_that_stands_is_taken(
    db_url: str, tmp_path: Path, durability: Any
) -> None:
    """Nothing changed since: it is the answer, as ever."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(start(sink), thread("t1"), durability=durability)

        graph.invoke(Command(resume="approve"), thread("t1"), durability=durability)

    assert len(lines(sink)) == 1


def test_it_holds_with_a_saver_that_is_not_ours(tmp_path: Path) -> None:
    """A stock saver keeps the bare answer: it is not taken then, and not by the next run either."""
    sink = tmp_path / "sink"
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    graph.invoke(start(sink), thread("t1"))
    graph.update_state(thread("t1"), UNSEEN, as_node="draft")

    graph.invoke(Command(resume="approve"), thread("t1"))
    graph.invoke(None, thread("t1"))

    [asked] = graph.get_state(thread("t1")).interrupts
    assert asked.value["proposal"] == UNSEEN["email"]
    assert lines(sink) == []
    graph.invoke(Command(resume={asked.id: {"type": "reject"}}), thread("t1"))
    assert lines(sink) == []
