"""Gate nodes in graphs that are called from nodes and tasks, and in map-reduce (R12, R37)."""

from __future__ import annotations

import operator
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from hitl_graph import Desk, HitlState, add_gate, effect, open_checkpointer
from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.functional import gather
from tests.functional.flows import Flow
from tests.unit.factories import (
    EMAIL,
    SEND,
    Counter,
    Mode,
    Outbox,
    State,
    Thread,
    drafts,
    in_both_modes,
    mail_graph,
    measured,
    review_gate,
)

TICKET: dict[str, Any] = {"ticket": "Where is my card?", "email": dict(EMAIL)}


def node_calling(*graphs: Any) -> StateGraph[Any, Any, Any, Any]:
    """One node that calls these graphs one after the other, and hands their records up."""

    def call(state: Any) -> dict[str, Any]:
        ends = [graph.invoke({"ticket": state["ticket"], "email": state["email"]}) for graph in graphs]
        return {"reviews": [record for end in ends for record in end["reviews"]]}

    async def acall(state: Any) -> dict[str, Any]:
        ends = [await graph.ainvoke({"ticket": state["ticket"], "email": state["email"]}) for graph in graphs]
        return {"reviews": [record for end in ends for record in end["reviews"]]}

    builder = StateGraph(State)
    builder.add_node("call", RunnableLambda(call, acall))
    builder.add_edge(START, "call")
    return builder


@in_both_modes
@pytest.mark.parametrize("compiled", [{}, {"checkpointer": True}], ids=["inherited", "of its own"])
def test_a_gate_in_a_graph_that_a_node_calls(mode: Mode, compiled: dict[str, Any]) -> None:
    """It asks, loops back to the draft, and acts once, on the second draft."""
    outbox = Outbox()
    inner = mail_graph(outbox=outbox, draft=drafts()).compile(**compiled)
    thread = Thread(node_calling(inner), mode).start()
    thread.answer(Reject())
    assert thread.case["proposal"]["body"] == "Draft 2"
    thread.answer(Edit({"body": "Better."}))
    assert [mail["body"] for _, mail in outbox] == ["Better."] and thread.next == ()
    assert [r["outcome"] for r in thread.values["reviews"]] == ["rejected", "approved"]


@in_both_modes
def test_two_graphs_that_one_node_calls(mode: Mode) -> None:
    """Each asks in its turn, under its own id; the first one's answer is not the second's, nor its act done again."""
    outbox = Outbox()
    graphs = [mail_graph(review_gate(name=name), outbox=outbox).compile() for name in ("one", "two")]
    thread = Thread(node_calling(*graphs), mode).start()
    seen = []
    while thread.open:
        seen.append((thread.case["gate"], thread.open[0].id))
        thread.answer(Approve())
    assert [gate for gate, _ in seen] == ["one", "two"] and [key for key, _ in outbox] == [
        id_ for _, id_ in seen
    ]


@in_both_modes
def test_a_gate_that_measures_in_a_graph_that_a_node_calls(mode: Mode) -> None:
    """I4: the calling node runs again after the answer; the measurement does not."""
    score = Counter(0.1, 0.99)
    gate = measured(score, unattended="The score is calibrated.")
    thread = Thread(node_calling(mail_graph(gate).compile()), mode).start()
    thread.answer(Approve())
    assert score.calls == 1 and thread.record["outcome"] == "approved"


@in_both_modes
def test_with_durability_exit_langgraph_forgets_the_first_of_two(mode: Mode) -> None:
    """A fact to know: what one node calls first is not saved while the second waits.

    So it is asked again, under the id that it had, and an act that is done again brings the key that it had.
    """
    outbox = Outbox()
    graphs = [mail_graph(review_gate(name=name), outbox=outbox).compile() for name in ("one", "two")]
    thread = Flow(node_calling(*graphs).compile(checkpointer=InMemorySaver()), mode, "exit")
    thread.run(TICKET)
    asked = []
    for _ in range(3):
        asked.append((thread.case["gate"], thread.open[0].id))
        thread.answer(Approve())
    assert [gate for gate, _ in asked] == ["one", "two", "one"] and asked[0] == asked[2]
    assert {key for key, _ in outbox} <= {id_ for _, id_ in asked}


@in_both_modes
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_gates_in_graphs_that_tasks_call(mode: Mode, durability: str) -> None:
    """Each task its own graph: both are seen, and answered by their ids."""
    outbox = Outbox()
    inner = mail_graph(outbox=outbox).compile()

    @task
    def one(to: str) -> str:
        return str(inner.invoke({**TICKET, "email": {**EMAIL, "to": to}})["reviews"][-1]["outcome"])

    @entrypoint(checkpointer=InMemorySaver())
    def flow(people: list[str]) -> list[str]:
        return gather([one(to) for to in people])

    thread = Flow(flow, mode, durability)
    thread.run(["0@x", "1@x"])
    ids = {one.value["proposal"]["to"]: one.id for one in thread.open}
    thread.answer(Approve(), to=ids["1@x"])
    assert outbox == [(ids["1@x"], {**EMAIL, "to": "1@x"})]
    assert thread.answer(Approve(), to=ids["0@x"]) == ["approved", "approved"] and len(outbox) == 2


class Summary(HitlState, total=False):
    """A fan-out whose items are counted when all are through."""

    ticket: str
    email: Annotated[dict[str, Any], lambda before, after: after]
    sent: Annotated[list[str], operator.add]
    report: str


def map_reduce() -> StateGraph[Any, Any, Any, Any]:
    """One gate for each item, an act for each approved one, and one report."""

    def send(state: Any, key: str) -> dict[str, Any]:
        return {"sent": [state["email"]["to"]]}

    def report(state: Any) -> dict[str, Any]:
        outcomes = sorted(record["outcome"] for record in state["reviews"])
        return {"report": f"{sorted(state.get('sent', []))} {outcomes}"}

    builder = StateGraph(Summary)
    builder.add_node("send", effect(send, action=SEND))
    builder.add_node("report", report, defer=True)
    add_gate(builder, review_gate(), approved="send", rejected="report")
    builder.add_conditional_edges(
        START,
        lambda state: [
            Send("reply", {"ticket": f"Message {n}", "email": {**EMAIL, "to": f"{n}@x"}}) for n in range(3)
        ],
        ["reply"],
    )
    builder.add_edge("send", "report")
    builder.add_edge("report", END)
    return builder


@in_both_modes
def test_map_reduce_with_a_gate_for_each_item(mode: Mode) -> None:
    """R37: the report waits for every item, sent or rejected, and runs once."""
    thread = Thread(map_reduce(), mode)
    thread.run({"ticket": "x"})
    ids = {one.value["proposal"]["to"]: one.id for one in thread.open}
    thread.answer(Approve(), to=ids["2@x"])
    thread.answer(Reject(), to=ids["0@x"])
    assert "report" not in thread.values
    thread.answer(Approve(), to=ids["1@x"])
    assert thread.values["report"] == "['1@x', '2@x'] ['approved', 'approved', 'rejected']"


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_called_graphs_gate_is_a_case_at_the_desk(db_url: str, durability: Any) -> None:
    """I5: one row for each question, whatever level asks it; answered in the order in which they come."""
    outbox = Outbox()
    graphs = [mail_graph(review_gate(name=name), outbox=outbox).compile() for name in ("one", "two")]
    config: Any = {"configurable": {"thread_id": "t"}}
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = node_calling(*graphs).compile(checkpointer=checkpointer)
        graph.invoke(TICKET, config, durability=durability)
        gates = []
        for _ in graphs:
            [case] = desk.pending()
            gates.append(case.gate)
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            desk.resume(graph, durability=durability)
        assert gates == ["one", "two"] and len(outbox) == 2 and desk.pending() == []
        assert [case.status.value for case in desk.cases()] == ["applied", "applied"]
