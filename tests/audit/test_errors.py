"""What a node raises may quote a draft: its text stands in the row, which can be erased, and not in the log."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from hitl_graph import Approve, Desk, add_gate, open_checkpointer
from hitl_graph.workers import Worker
from tests.audit.log import rows
from tests.audit.test_erase import SECRET, dump
from tests.support.graphs import State, draft, reply_gate, thread


class Boom(Exception):
    """Raised by a node."""


def failing() -> StateGraph[State]:
    """draft → reply (gate) → send, which raises with the draft in its text."""

    def send(_: State) -> None:
        raise Boom(SECRET)

    builder: StateGraph[State] = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", send)
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    return builder


def said(url: str) -> list[Any]:
    """What the log says of failures, and that it never holds the text."""
    found = rows(url, "SELECT type, data FROM hitl.events ORDER BY id")
    assert SECRET not in json.dumps([data for _, data in found])
    return [data["error"] for kind, data in found if "failed" in kind]


@pytest.mark.parametrize("bare", [False, True], ids=["desk", "bare"])
def test_a_thread_that_raises(db_url: str, tmp_path: Path, *, bare: bool) -> None:
    """The case and doctor show the text, the event the class; erased, it is gone."""
    with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        graph = (asking() if bare else failing()).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(tmp_path / "sink")}, thread("t1"))
        [case] = desk.pending()
        if bare:
            with contextlib.suppress(Boom):
                graph.invoke(Command(resume={case.id: {"type": "approve"}}), thread("t1"))
        else:
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            desk.resume(graph)
        shown, [finding] = desk.show(case.id), [one for one in desk.findings() if one.review_id == case.id]

        assert said(db_url) == ["Boom"]
        assert SECRET in str(shown.error)
        assert SECRET in finding.what
        desk.audit.erase("t1", by="dpo", reason="asked", force=True)
        assert SECRET not in dump(db_url)


def asking() -> StateGraph[State]:
    """A node that asks, and raises after its answer."""

    def ask(_: State) -> None:
        interrupt({"question": "Go on?"})
        raise Boom(SECRET)

    builder: StateGraph[State] = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    return builder


async def test_a_first_run_that_raises(db_url: str) -> None:
    """The start's row has the text, its event the class."""

    def first(_: State) -> None:
        raise Boom(SECRET)

    builder: StateGraph[State] = StateGraph(State)
    builder.add_node("first", first)
    builder.add_edge(START, "first")
    async with Worker({"mail": builder}, db_url, poll_s=0.05) as worker:
        await worker.desk.start("mail", {"ticket": "Hi"}, thread_id="t1", by="ana")
        await worker.idle()
        [start] = await worker.desk.starts.list()

        assert (said(db_url), SECRET in str(start.error)) == (["Boom"], True)
        await worker.desk.audit.erase("t1", by="dpo", reason="asked")
        assert SECRET not in dump(db_url)
