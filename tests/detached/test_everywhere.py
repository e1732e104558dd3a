"""Detached gates in async graphs, with any saver, in a fan-out, under a worker, and as the boundary sees them."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from pydantic import BaseModel

from hitl_graph import Approve, Desk, Edit, Evidence, effect, open_checkpointer
from hitl_graph.errors import BoundaryError, DefinitionError
from hitl_graph.nodes import add_detached_gate, boundary_map, check_boundary
from hitl_graph.nodes.state import keep_each, merge
from hitl_graph.workers import Worker
from tests.detached.flows import begin, detached_graph
from tests.intervention.acting import named
from tests.support.graphs import SEND, State, draft, lines, reply_gate, send, thread


async def test_an_async_graph_goes_on_by_itself(db_url: str, tmp_path: Path) -> None:
    """R37: the same with an async saver, on one loop."""
    sink = tmp_path / "sink"
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke(begin(sink), thread("t"))
        [case] = await desk.pending()
        await desk.decide(case.id, Edit({"body": "Tomorrow."}), by="ana", digest=case.digest)

        done = await desk.resume(graph)

        assert [one.thread_id for one in done] == [case.thread_id, "t"]
        assert lines(sink) == [f"{case.id} Tomorrow."]


async def test_a_worker_takes_the_graph_to_its_end(db_url: str, tmp_path: Path) -> None:
    """R37, I6: nobody calls resume: the job for the graph's thread is put when the run of its case ends."""
    sink = tmp_path / "sink"
    async with Worker({"mail": detached_graph()}, db_url, poll_s=0.05, tick_s=60.0) as worker:
        await worker.desk.start("mail", begin(sink), thread_id="t", by="ben")
        await worker.idle()
        [case] = await worker.desk.pending()

        await worker.desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        await worker.idle()

        assert lines(sink) == [f"{case.id} Draft 1"]


async def test_a_worker_that_comes_later_finds_a_thread_that_waits_no_more(
    db_url: str, tmp_path: Path
) -> None:
    """I6: the case was told by hand and nobody put a job: the sweep finds the thread."""
    sink = tmp_path / "sink"
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke(begin(sink), named("t", "mail"))
        [case] = await desk.pending()
        answer = Command(resume={case.id: {"type": "approve", "by": "ana"}})
        await graph.ainvoke(answer, named(case.thread_id, "mail"))

    async with Worker({"mail": detached_graph()}, db_url, poll_s=0.05, tick_s=0.05) as worker:
        await worker.idle()

    assert len(lines(sink)) == 1


def test_with_a_saver_that_keeps_no_reviews_the_graph_is_run_once_more_by_hand(tmp_path: Path) -> None:
    """The case's thread is answered by its interrupt's id, with the graph itself; then the graph goes on."""
    sink = tmp_path / "sink"
    graph = detached_graph().compile(checkpointer=InMemorySaver())
    [wait] = graph.invoke(begin(sink), thread("t"))["__interrupt__"]
    case = thread(wait.value["thread_id"])
    [asked] = graph.get_state(case).interrupts

    graph.invoke(Command(resume={asked.id: {"type": "edit", "changes": {"body": "Tomorrow."}}}), case)
    out = graph.invoke(None, thread("t"))

    assert out["email"]["body"] == "Tomorrow."
    assert lines(sink) == [f"{asked.id} Tomorrow."]


class Batch(State):
    """Several mails at once."""

    names: list[str]
    log: Annotated[list[str], operator.add]


def test_in_a_fan_out_each_item_has_a_case_of_its_own(db_url: str, tmp_path: Path) -> None:
    """R37: three items, three cases, and each is sent as it was decided."""

    def items(state: Batch) -> list[Send]:
        mails = [{"to": name, "body": "Hi"} for name in state["names"]]
        return [Send("reply.ask", {"email": mail, "sink": state["sink"]}) for mail in mails]

    builder = StateGraph(Batch)
    builder.add_node("plan", lambda s: {})
    builder.add_node("send", effect(send, action=SEND))
    gate = reply_gate(evidence=lambda s: [Evidence("To", s["email"]["to"])])
    add_detached_gate(builder, gate, then="reply.join", approved="send", rejected=END)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", items, ["reply.ask"])
    builder.add_edge("send", END)
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke(
            {"names": ["a@example.com", "b@example.com", "c@example.com"], "sink": str(sink)}, thread("t")
        )
        for case in desk.pending():
            edit = Edit({"body": f"Hi {case.proposal['to']}"})
            desk.decide(case.id, edit, by="ana", digest=case.digest)

        desk.resume(graph)

        assert sorted(line.partition(" ")[2] for line in lines(sink)) == [
            "Hi a@example.com",
            "Hi b@example.com",
            "Hi c@example.com",
        ]


def test_the_boundary_holds_behind_the_join() -> None:
    """Only the join's approved way lets the act happen."""
    check_boundary(detached_graph())

    early = StateGraph(State)
    early.add_node("draft", draft)
    early.add_node("send", effect(send, action=SEND))
    add_detached_gate(early, reply_gate(), then="send", approved="send", rejected=END)
    early.add_edge(START, "draft")
    early.add_edge("draft", "reply.ask")
    early.add_edge("send", "reply.join")
    with pytest.raises(BoundaryError, match=r"reply\.ask"):
        check_boundary(early)


def test_the_boundary_map_names_the_gate_where_it_waits() -> None:
    """R50: who is asked, and where each decision leads."""
    entry = next(node for node in boundary_map(detached_graph()).nodes if node.name == "reply.join")

    assert (entry.role, entry.owner) == ("gate", "support-leads")
    assert entry.decisions["reject"] == "draft"


@pytest.mark.parametrize(
    ("leads", "field"),
    [({"then": ""}, "then"), ({"rejected": None}, "rejected"), ({"approved": ""}, "approved")],
)
def test_a_way_that_is_missing_is_said_when_the_graph_is_built(leads: dict[str, Any], field: str) -> None:
    """And nothing is added to the graph."""
    builder = StateGraph(State)
    with pytest.raises(DefinitionError) as refusal:
        add_detached_gate(builder, reply_gate(), **{"then": "a", "approved": "b", "rejected": "c", **leads})

    assert refusal.value.field == field
    assert not builder.nodes


def test_a_join_that_nothing_was_asked_for_says_so(tmp_path: Path) -> None:
    """Wired past the question: an error that names the node to lead through, and nothing acts."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=SEND))
    add_detached_gate(builder, reply_gate(), then="reply.join", approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply.join")
    builder.add_edge("send", END)
    graph = builder.compile(checkpointer=InMemorySaver())

    with pytest.raises(DefinitionError, match=r"reply\.ask"):
        graph.invoke(begin(tmp_path / "sink"), thread("t"))

    assert lines(tmp_path / "sink") == []


def test_in_a_subgraph_it_is_refused_before_anybody_is_asked(db_url: str, tmp_path: Path) -> None:
    """The outer graph could not go on with the case's thread."""
    outer = StateGraph(State)
    outer.add_node("inner", detached_graph().compile())
    outer.add_edge(START, "inner")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = outer.compile(checkpointer=checkpointer)

        with pytest.raises(DefinitionError, match="subgraph"):
            graph.invoke(begin(tmp_path / "sink"), thread("t"))

        assert list(desk.cases()) == []


class Model(BaseModel):
    """The same state as objects."""

    ticket: str = ""
    email: dict[str, Any] | None = None
    sink: str = ""
    reviews: Annotated[list[dict[str, Any]], keep_each] = []
    judgements: Annotated[dict[str, dict[str, Any]], merge] = {}
    effects: Annotated[list[dict[str, Any]], keep_each] = []


def test_a_state_of_objects_is_asked_about_as_well(db_url: str, tmp_path: Path) -> None:
    """A pydantic state is given to the case's thread as it is."""
    builder = StateGraph(Model)
    builder.add_node("draft", lambda s: {"email": {"to": "ana@example.com", "body": "Soon."}})
    builder.add_node("send", effect(lambda s: send(s.model_dump(), "k"), action=SEND))
    gate = reply_gate(evidence=lambda s: [Evidence("Customer message", s.ticket)])
    add_detached_gate(builder, gate, then="reply.join", approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply.ask")
    builder.add_edge("send", END)
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke(begin(sink), thread("t"))
        [case] = desk.pending()
        desk.decide(case.id, Edit({"body": "Tomorrow."}), by="ana", digest=case.digest)

        desk.resume(graph)

        assert lines(sink) == ["k Tomorrow."]
