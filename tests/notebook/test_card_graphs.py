"""The card on other graphs: several cases, every decision, questions of other origin, failed steps, async nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from hitl_graph import (
    Evidence,
    HitlState,
    Option,
    Owner,
    ReviewBeforeSend,
    ReviewKind,
    add_gate,
    effect,
)
from hitl_graph.notebook import review_card
from tests.notebook.clicking import T1, answer, click, paused, problem, settled, shown
from tests.notebook.making import PAY
from tests.support.graphs import lines, mail_graph, two_gates_graph


def test_several_cases_are_decided_in_any_order(sink: Path) -> None:
    """Two gates at once: each is answered by its own id, and the join runs after both."""
    card = review_card(paused(sink, two_gates_graph()), "t1", by="ana")
    assert {one["gate"] for one in card.view["cases"]} == {"reply", "refund_review"}
    pay = shown(card, "refund_review")
    assert pay["confirm"] == {"field": "amount", "text": "5"}

    click(card, {"type": "approve"}, item=pay, confirmed="5")
    [left] = card.view["cases"]
    assert left["gate"] == "reply"
    click(card, {"type": "approve"})

    assert card.view["thread"]["standing"] == "finished"
    assert sorted(line.split(" ", 1)[1] for line in lines(sink)) == ["Hi", "pays 5"]
    assert card.session.graph.get_state(T1).values["ticket"].endswith("(done)")


class Routed(HitlState):
    """A label that a person chooses."""

    ticket: str
    label: str
    sink: str


def choice_graph() -> StateGraph[Any]:
    from hitl_graph import ActionClass

    gate = ReviewBeforeSend(
        name="triage",
        action=ActionClass("tag", reversible=True),
        proposal="label",
        question="Which category does this message belong to?",
        evidence=lambda s: [Evidence("Message", s["ticket"])],
        consequence="Tags the ticket.",
        owner=Owner("desk"),
        kind=ReviewKind.CHOOSE,
        options=(Option("card", "Card", "goes to the card team"), Option("loan", "Loan")),
        option_field="value",
        allowed=("choose", "ask_info", "take_over", "respond"),
    )
    builder = StateGraph(Routed)
    builder.add_node("guess", lambda _: {"label": "loan"})
    builder.add_node("tag", lambda _: {})
    add_gate(builder, gate, approved="tag", asked=END, taken_over=END, responded=END)
    builder.add_edge(START, "guess")
    builder.add_edge("guess", "triage")
    builder.add_edge("tag", END)
    return builder


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        ({"type": "choose", "option": "card"}, "approved"),
        ({"type": "ask_info", "question": "Which card?"}, "asked"),
        ({"type": "take_over", "reason": "angry"}, "taken_over"),
        ({"type": "respond", "message": "We call you."}, "responded"),
    ],
)
def test_every_decision_has_its_way(sink: Path, decision: dict[str, Any], outcome: str) -> None:
    """Choosing, asking, taking over, answering in words."""
    card = review_card(paused(sink, choice_graph()), "t1", by="ana")

    click(card, decision)

    assert card.view["records"][0]["outcome"] == outcome
    if outcome == "approved":
        assert card.session.graph.get_state(T1).values["label"] == "card"


def raw_graph(payload: Any) -> StateGraph[Any]:
    def ask(state: Routed) -> dict[str, Any]:
        return {"label": str(interrupt(payload))}

    builder = StateGraph(Routed)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder


@pytest.mark.parametrize(
    ("text", "label"),
    [('"thirty"', "thirty"), ("[1, 2]", "[1, 2]"), ('{"a": null}', "{'a': None}"), ("false", "False")],
)
def test_a_question_of_other_origin_takes_any_json(sink: Path, text: str, label: str) -> None:
    """`interrupt("How old are you?")` gets just what was typed."""
    card = review_card(paused(sink, raw_graph("How old are you?")), "t1", by="ana")
    assert shown(card)["question"] == "How old are you?"

    answer(card, text)

    assert card.session.graph.get_state(T1).values["label"] == label
    assert card.view["told"] == [{"question": "How old are you?", "answer": text, "by": "ana"}]


def test_text_that_is_no_json_is_refused_with_a_hint(sink: Path) -> None:
    """And the question still waits."""
    card = review_card(paused(sink, raw_graph("How old are you?")), "t1", by="ana")

    answer(card, "thirty")

    assert problem(card)[0] == "answer"
    assert '"yes" in quotes' in problem(card)[1]
    assert len(card.view["cases"]) == 1


def test_langchains_middleware_is_answered_in_its_own_shape(sink: Path) -> None:
    """One call is approved by a button; several get a template for all."""
    one = {"name": "pay", "args": {"amount": 5}}
    config = {"action_name": "pay", "allowed_decisions": ["approve", "reject"]}
    card = review_card(
        paused(sink, raw_graph({"action_requests": [one], "review_configs": [config]})), "t1", by="ana"
    )
    assert shown(card)["allowed"] == ["approve", "reject"]
    click(card, {"type": "reject", "note": "too much"})
    values = card.session.graph.get_state(T1).values
    assert values["label"] == "{'decisions': [{'type': 'reject', 'message': 'too much'}]}"

    both = review_card(
        paused(sink, raw_graph({"action_requests": [one, one], "review_configs": [config, config]})),
        "t1",
        by="ana",
    )
    assert shown(both)["allowed"] == []
    assert shown(both)["template"] == '{"decisions": [{"type": "approve"}, {"type": "approve"}]}'


def test_a_failed_step_that_asks_is_shown(sink: Path) -> None:
    """LangGraph's own state does not list what an error handler asks; the card does."""
    from hitl_graph import FailureEscalation, ask_on_failure

    gate = FailureEscalation(
        name="failed",
        action=PAY,
        proposal="label",
        question="The lookup failed: how should it go on?",
        evidence=lambda s: [Evidence("Message", s["ticket"])],
        consequence="The case goes on as chosen.",
        owner=Owner("desk"),
    )

    def lookup(state: Routed) -> dict[str, Any]:
        raise RuntimeError("no line")

    builder = StateGraph(Routed)
    builder.add_node("lookup", lookup, error_handler=ask_on_failure(gate, node="lookup", skip="after"))
    builder.add_node("after", lambda _: {"label": "skipped"})
    builder.add_edge(START, "lookup")
    builder.add_edge("lookup", "after")
    builder.add_edge("after", END)
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"ticket": "x", "label": "?", "sink": ""}, T1)
    card = review_card(graph, "t1", by="ana")

    click(card, {"type": "choose", "option": "skip"}, confirmed=shown(card)["confirm"]["text"])

    assert graph.get_state(T1).values["label"] == "skipped"


async def test_async_nodes_run_on_the_notebooks_own_loop(sink: Path) -> None:
    """A client that belongs to the loop can be used; the loop is never blocked."""
    seen: list[object] = []

    async def send(state: Any, key: str) -> None:
        await asyncio.sleep(0)
        seen.append(asyncio.get_running_loop())

    builder = mail_graph()
    builder.nodes.pop("send")
    from tests.support.graphs import SEND

    builder.add_node("send", effect(send, action=SEND))
    graph = builder.compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"ticket": "Where is it?", "sink": str(sink)}, T1)
    card = review_card(graph, "t1", by="ana")

    click(card, {"type": "approve"})
    assert card.view["phase"] == "ready"  # it has not run yet: the page's message returned at once
    await settled(card)

    assert seen == [asyncio.get_running_loop()]
    assert card.view["thread"]["standing"] == "finished"
