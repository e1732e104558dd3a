"""A run of somebody who has signed in to the server that runs it: the answer that it brings is theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import ValidationError

from hitl_graph import Desk, Evidence, open_checkpointer
from tests.support.graphs import State, lines, mail_graph

ANOTHER = "by: is not who is signed in, which is 'bea': leave it out"


def run_of(user: str | None, **metadata: str) -> Any:
    """The config of a run, as an Agent Server makes it of whom it has signed in."""
    signed_in = {} if user is None else {"langgraph_auth_user_id": user}
    return {"configurable": {"thread_id": "t", **signed_in}, "metadata": metadata}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return {"ticket": "Where is my card?", "sink": str(tmp_path / "sink")}


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_another_name_is_refused(given: dict[str, Any], decision: str) -> None:
    """Whatever is decided; the question stays open."""
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    [asked] = graph.invoke(given, run_of("bea"))["__interrupt__"]

    with pytest.raises(ValidationError, match=ANOTHER):
        graph.invoke(Command(resume={asked.id: {"type": decision, "by": "ceo"}}), run_of("bea"))

    assert [one.id for one in graph.get_state(run_of(None)).interrupts] == [asked.id]


def test_another_name_in_the_runs_metadata_is_refused(given: dict[str, Any]) -> None:
    """It says no more than the answer would."""
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    graph.invoke(given, run_of("bea"))

    with pytest.raises(ValidationError, match=ANOTHER):
        graph.invoke(Command(resume="approve"), run_of("bea", hitl_by="ceo"))


async def test_another_name_is_refused_in_an_async_graph(given: dict[str, Any], db_url: str) -> None:
    """With our saver too; and who has signed in may then answer."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke(given, run_of("bea"))
        [case] = await desk.pending()
        with pytest.raises(ValidationError, match=ANOTHER):
            await graph.ainvoke(Command(resume={case.id: {"type": "approve", "by": "ceo"}}), run_of("bea"))

        await graph.ainvoke(Command(resume={case.id: "approve"}), run_of("bea"))

        assert ((await desk.show(case.id)).by, len(lines(Path(given["sink"])))) == ("bea", 1)


def test_who_continues_a_thread_has_not_answered_it(given: dict[str, Any], db_url: str) -> None:
    """The gate took an answer and failed then: whoever lets the thread go on brings none of their own."""
    away = [True]

    def evidence(state: Any) -> list[Evidence]:
        if away and state["email"]["body"] == "On Monday.":
            away.clear()
            raise ConnectionError("the mailbox is away")
        return [Evidence("Customer message", state["ticket"])]

    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph(evidence=evidence).compile(checkpointer=checkpointer)
        [asked] = graph.invoke(given, run_of("bea"))["__interrupt__"]
        edit = {"type": "edit", "changes": {"body": "On Monday."}, "by": "bea"}
        with pytest.raises(ConnectionError):
            graph.invoke(Command(resume={asked.id: edit}), run_of("bea"))

        graph.invoke(None, run_of("ceo"))

        assert graph.get_state(run_of(None)).values["reviews"][-1]["by"] == "bea"


def test_a_plain_interrupt_is_answered_by_who_is_signed_in(given: dict[str, Any], db_url: str) -> None:
    """No gate reads that answer; the desk writes down whom the server knows, and not whom the answer names."""
    builder = StateGraph(State)
    builder.add_node("ask", lambda _: {"ticket": str(interrupt("Well?"))})
    builder.add_edge(START, "ask")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke(given, run_of("bea"))

        graph.invoke(Command(resume={"yes": True, "by": "ceo"}), run_of("bea"))

        assert [case.by for case in desk.cases(thread_id="t")] == ["bea"]
