"""What lets an act happen, and how often: records and policies, two nodes, odd results, sync in async (I2, I3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph import (
    ActionClass,
    Approve,
    ConfidenceGate,
    Desk,
    Evidence,
    HitlState,
    Owner,
    Thresholds,
    add_gate,
    effect,
    gated,
    open_checkpointer,
)
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import DefinitionError, EffectHeld, EffectNotApproved
from hitl_graph.reviews import proposal_digest
from tests.support.graphs import SEND, State, draft, reply_gate, thread

TAG = ActionClass("tag", reversible=True)


class Tagged(HitlState):
    """A label that is given again and again, with the confidence of each round."""

    label: str
    scores: list[float]
    told: list[str]


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    """The desk of the test's database."""
    with Desk(db_url) as opened:
        yield opened


def mail_then(send: Any, *more: str) -> StateGraph[State]:
    """draft → reply (gate) → send, and further nodes that do the same act."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    for before, name in zip(("send", *more), more, strict=False):
        builder.add_node(name, effect(send, action=SEND))
        builder.add_edge(before, name)
    builder.add_edge(more[-1] if more else "send", END)
    return builder


def approve(graph: Any, desk: SyncDesk, name: str = "t1") -> Any:
    """The thread's only case, approved and handed over; what came of it."""
    [case] = desk.pending(thread_id=name)
    desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    [resumed] = desk.resume(graph)
    return resumed


def test_what_a_policy_lets_pass_later_is_done_as_well(db_url: str, desk: SyncDesk) -> None:
    """Asked once and approved, then let pass twice with the same content: three acts."""
    told: list[str] = []
    gate = ConfidenceGate(
        name="label_gate",
        action=TAG,
        proposal="label",
        score=lambda state: state["scores"][0],
        thresholds=Thresholds({"tag": {"*": 0.9}}),
        segment="label",
        question="Is this the right label for the message?",
        evidence=[Evidence("Message", "Hi")],
        consequence="Tags the message as {value}.",
        owner=Owner("support"),
    )
    builder = StateGraph(Tagged)
    builder.add_node("propose", lambda state: {"label": "spam", "scores": state["scores"]})
    builder.add_node("tag", effect(lambda state: told.append(state["label"]), action=TAG))
    builder.add_node("next", lambda state: {"scores": state["scores"][1:]})
    add_gate(builder, gate, approved="tag", rejected=END)
    builder.add_edge(START, "propose")
    builder.add_edge("propose", "label_gate")
    builder.add_edge("tag", "next")
    builder.add_conditional_edges("next", lambda state: "propose" if state["scores"] else END)
    with open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({"scores": [0.1, 0.99, 0.99]}, thread("t1"))

        resumed = approve(graph, desk)

    assert resumed.error is None
    assert told == ["spam"] * 3


def test_one_approval_lets_one_node_act(db_url: str, desk: SyncDesk) -> None:
    """A second node of the same act is told so, instead of being passed over in silence."""
    told: list[str] = []
    with open_checkpointer(db_url) as checkpointer:
        builder = mail_then(lambda state: told.append(state["email"]["body"]), "copy")
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi"}, thread("t1"))

        resumed = approve(graph, desk)

    assert told == ["Draft 1"]
    assert "node 'send' has acted on this approval" in resumed.error


def test_an_odd_result_does_not_poison_the_thread(db_url: str, desk: SyncDesk) -> None:
    """It is said once that a text is no update; the act is done, and a retry goes on."""
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_then(lambda _: "mail-id-17").compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi"}, thread("t1"))
        first = approve(graph, desk)
        [case] = desk.cases()

        desk.retry(case.id, by="ana")
        [second] = desk.resume(graph)

        assert "returned a str" in first.error
        assert second.error is None
        assert graph.get_state(thread("t1")).next == ()


def test_a_command_to_the_parent_finds_its_way_when_it_is_replayed(db_url: str, desk: SyncDesk) -> None:
    """What the ledger gives back leads where the act itself led."""

    def send(_: State) -> Command[str]:
        return Command(graph=Command.PARENT, update={"ticket": "sent"}, goto="after")

    outer = StateGraph(State)
    outer.add_node("mail", mail_then(send).compile(), destinations=("after",))
    outer.add_node("after", lambda state: {"ticket": f"{state['ticket']}, after"})
    outer.add_edge(START, "mail")
    with open_checkpointer(db_url) as checkpointer:
        graph = outer.compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi"}, thread("t1"))
        checkpointer.copy_thread("t1", "copy")
        for name in ("t1", "copy"):
            [case] = desk.pending(thread_id=name)
            desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id=name)

        desk.resume(graph)

        ends = [graph.get_state(thread(name)).values["ticket"] for name in ("t1", "copy")]
        assert ends == ["sent, after", "sent, after"]


async def test_a_sync_call_in_an_async_graph_is_held_too(db_url: str) -> None:
    """A node that invokes a graph with an effect by itself stands in the ledger, and under its holds."""
    told: list[str] = []
    inner = StateGraph(Tagged)
    inner.add_node("tag", effect(lambda s: told.append(s["label"]), action=TAG, owner=Owner("ops")))
    inner.add_edge(START, "tag")
    inner.add_edge("tag", END)
    compiled = inner.compile()
    outer = StateGraph(Tagged)
    outer.add_node("call", lambda state: compiled.invoke({"label": state["label"]}) and None)
    outer.add_edge(START, "call")
    outer.add_edge("call", END)
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = outer.compile(checkpointer=checkpointer)
        await graph.ainvoke({"label": "one"}, thread("t1"))
        await desk.holds.pause("action", "tag", by="ana", reason="look first")

        with pytest.raises(EffectHeld, match="look first"):
            await graph.ainvoke({"label": "two"}, thread("t2"))

        assert told == ["one"]
        assert len(await desk.effects.list()) == 1


async def test_a_sync_call_on_the_loop_itself_is_refused(db_url: str) -> None:
    """It would stop the loop that it waits for: nothing is done, and the error says what to do."""
    told: list[str] = []
    act = effect(lambda _: told.append("done"), action=TAG, owner=Owner("ops"))

    async def call(state: Tagged) -> None:
        act(state)

    builder = StateGraph(Tagged)
    builder.add_node("call", call)
    builder.add_edge(START, "call")
    builder.add_edge("call", END)
    async with open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)

        with pytest.raises(DefinitionError, match="await its ainvoke"):
            await graph.ainvoke({"label": "one"}, thread("t1"))

    assert told == []


def test_silence_approves_nothing_that_cannot_be_undone(db_url: str) -> None:
    """A record by the clock lets no irreversible act happen, however it came into the state."""
    record = {
        "review": "r", "gate": "reply", "action": "send_email", "proposal_key": "email", "outcome": "approved",
        "by": "system:sla", "proposed": {}, "final_digest": "",
    }  # fmt: skip
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_then(lambda _: None).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi"}, thread("t1"))
        email = graph.get_state(thread("t1")).values["email"]
        forged = {**record, "final_digest": proposal_digest("send_email", email)}
        config = graph.update_state(thread("t1"), {"reviews": [forged]}, as_node="draft")

        with pytest.raises(EffectNotApproved, match="never let through by silence"):
            graph.invoke(Command(goto="send"), config)


def test_acts_of_one_node_without_a_gate_are_each_done(db_url: str, desk: SyncDesk) -> None:
    """A node that calls two effects, one of them twice: three acts, and three rows."""
    told: list[str] = []
    label = effect(lambda state: told.append(f"label {state['label']}"), action=TAG, owner=Owner("ops"))
    note = ActionClass("note", reversible=True)
    noted = effect(lambda state: told.append(f"note {state['label']}"), action=note, owner=Owner("ops"))

    def work(state: Tagged) -> None:
        label(state)
        noted(state)
        label({**state, "label": "more"})

    builder = StateGraph(Tagged)
    builder.add_node("work", work)
    builder.add_edge(START, "work")
    builder.add_edge("work", END)
    with open_checkpointer(db_url) as checkpointer:
        builder.compile(checkpointer=checkpointer).invoke({"label": "one"}, thread("t1"))

    assert told == ["label one", "note one", "label more"]
    assert sorted(act.action for act in desk.effects.list()) == ["note", "tag", "tag"]


def test_a_gated_tool_called_by_plain_code_acts_on_its_approval(db_url: str, desk: SyncDesk) -> None:
    """A node that calls a gated tool with plain arguments: asked, approved, done once."""
    told: list[str] = []

    def mail(to: str) -> str:
        """Send a mail."""
        told.append(to)
        return f"sent to {to}"

    tool = gated(mail, reply_gate(proposal="args", schema=None, evidence=[Evidence("Message", "Hi")]))
    builder = StateGraph(State)
    builder.add_node("call", lambda _: {"ticket": tool.invoke({"to": "ana@example.com"})})
    builder.add_edge(START, "call")
    builder.add_edge("call", END)
    with open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi"}, thread("t1"))

        resumed = approve(graph, desk)

    assert resumed.error is None
    assert told == ["ana@example.com"]


def test_where_people_are_listed_only_the_desk_approves(db_url: str, desk: SyncDesk) -> None:
    """A bare answer that claims a reviewer's name lets nothing happen (I3, R56)."""
    told: list[str] = []
    desk.people.put("ana", groups=["support-leads"], by="ana")
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_then(lambda state: told.append(state["email"]["body"])).compile(
            checkpointer=checkpointer
        )
        graph.invoke({"ticket": "Hi"}, thread("t1"))

        with pytest.raises(EffectNotApproved, match="came past the desk"):
            graph.invoke(Command(resume={"type": "approve", "by": "ana"}), thread("t1"))

    assert told == []
