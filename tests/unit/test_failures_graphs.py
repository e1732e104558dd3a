"""Failures everywhere in a graph, and that a pause is none (R2, R37)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from langgraph.errors import GraphBubbleUp, NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt
from pydantic import ValidationError

from hitl_graph.decisions import Approve, Choose, Edit, Reject
from hitl_graph.nodes import add_gate, ask_on_failure, effect
from tests.unit.factories import (
    EMAIL,
    SEND,
    Counter,
    Mode,
    Outbox,
    State,
    Thread,
    confidence_gate,
    failure_gate,
    in_both_modes,
    plain,
    review_gate,
)
from tests.unit.failing import Failing, failed, guarded

# A pause is no failure


@in_both_modes
def test_an_interrupt_of_the_node_is_not_swallowed(mode: Mode) -> None:
    """R2: the node's own question reaches the person, and its answer reaches the node."""

    def node(state: Any) -> dict[str, Any]:
        return {"log": [interrupt("How old are you?")]}

    thread = failed(guarded(node), mode)
    [question] = thread.open
    assert question.value == "How old are you?"
    thread.run(Command(resume={question.id: "7"}))
    assert thread.values["log"] == ["7", "after"]


@in_both_modes
def test_a_gate_in_a_guarded_subgraph_is_not_swallowed(mode: Mode) -> None:
    """R2: a subgraph that pauses has not failed."""
    inner = StateGraph(State)
    add_gate(inner, review_gate(), approved=END, rejected=END)
    inner.add_edge(START, "reply")
    thread = failed(guarded(inner.compile()), mode)
    assert thread.case["gate"] == "reply"
    thread.answer(Approve())
    assert thread.values["log"] == ["after"]


@in_both_modes
def test_a_refused_answer_in_a_guarded_subgraph_is_no_failure(mode: Mode) -> None:
    """R2: the gate inside asks on; nobody is asked whether to retry."""
    inner = StateGraph(State)
    add_gate(inner, review_gate(), approved=END, rejected=END)
    inner.add_edge(START, "reply")
    thread = failed(guarded(inner.compile()), mode)
    with contextlib.suppress(ValidationError):
        thread.answer({"type": "nope"})
    thread.run(None)
    assert thread.case["gate"] == "reply"
    thread.answer(Approve())
    assert thread.values["log"] == ["after"] and len(thread.values["reviews"]) == 1


def test_a_jump_to_the_parent_is_not_swallowed() -> None:
    """R2: a Command to the parent graph is control flow, which LangGraph raises."""
    inner = StateGraph(State)
    inner.add_node("leave", lambda state: Command(graph=Command.PARENT, goto="after"))
    inner.add_edge(START, "leave")
    thread = failed(guarded(inner.compile()), "sync")
    assert thread.open == [] and "after" in thread.values["log"]


async def test_a_cancelled_run_is_not_asked_about() -> None:
    """R2: whoever cancels the run gets their cancellation, and the node is run again later."""
    started = asyncio.Event()

    async def node(state: Any) -> dict[str, Any]:
        started.set()
        await asyncio.Event().wait()
        return {}

    thread = Thread(guarded(node), "async")
    run = asyncio.create_task(thread.graph.ainvoke({"ticket": "x", "email": EMAIL}, thread.config))
    await started.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert thread.next == ("work",) and not asked(thread)


@pytest.mark.parametrize("error", [GraphBubbleUp(), KeyboardInterrupt()], ids=repr)
def test_what_is_no_failure_is_not_asked_about(error: BaseException) -> None:
    """R2: a bubbling control signal and Ctrl-C go through."""

    def node(state: Any) -> Any:
        raise error

    thread = Thread(guarded(node), "sync")
    with contextlib.suppress(type(error)):
        thread.start()
    assert thread.graph.get_state(thread.config).tasks[0].interrupts == ()
    assert not asked(thread)


def asked(thread: Thread) -> list[Any]:
    """The questions in the checkpoint, those of handlers too."""
    saved = thread.graph.checkpointer.get_tuple(thread.config)
    return [value for _, channel, value in saved.pending_writes if channel == "__interrupt__"]


@in_both_modes
def test_a_question_of_a_handler_is_in_the_checkpoint(mode: Mode) -> None:
    """The check above can fail: a real failure leaves a question there."""
    assert len(asked(failed(guarded(Failing()), mode))) == 1


@in_both_modes
def test_it_asks_after_the_retry_policy_is_exhausted(mode: Mode) -> None:
    """R2: a person is not asked about what heals by itself."""
    node = Failing(3)
    retry = RetryPolicy(max_attempts=3, initial_interval=0.001, jitter=False, retry_on=RuntimeError)
    thread = failed(guarded(node, retry_policy=retry), mode)
    assert len(node.calls) == 3 and thread.case["why"][0]["code"] == "node_failed"


@in_both_modes
def test_what_heals_by_itself_is_not_asked_about(mode: Mode) -> None:
    """R2: two failures, three attempts."""
    retry = RetryPolicy(max_attempts=3, initial_interval=0.001, jitter=False, retry_on=RuntimeError)
    thread = failed(guarded(Failing(2), retry_policy=retry), mode)
    assert thread.open == [] and thread.values["log"] == ["worked", "after"]


# Everywhere in a graph


@in_both_modes
def test_in_a_subgraph(mode: Mode) -> None:
    """R2: asked through the parent, and the parent goes on."""
    builder = StateGraph(State)
    builder.add_node("sub", guarded(Failing()).compile())
    thread = failed(builder.add_edge(START, "sub"), mode)
    thread.answer(Choose("retry"))
    assert thread.values["log"] == ["worked", "after"]


@in_both_modes
def test_on_a_subgraph(mode: Mode) -> None:
    """R2: something inside failed; the whole subgraph is retried."""
    inner = StateGraph(State)
    inner.add_node("lookup", Failing())
    inner.add_edge(START, "lookup")
    thread = failed(guarded(inner.compile()), mode)
    thread.answer(Choose("retry"))
    assert thread.values["log"] == ["worked", "after"]


def fanned(node: Any) -> StateGraph[Any, Any, Any, Any]:
    """Three items, each through the guarded node by itself."""
    builder = guarded(node)
    builder.edges.discard((START, "work"))
    builder.add_node("split", lambda state: {})
    builder.add_edge(START, "split")
    items = [Send("work", {"ticket": "x", "email": {**EMAIL, "to": f"{n}@x"}}) for n in range(3)]
    builder.add_conditional_edges("split", lambda state: items, ["work"])
    builder.edges.discard(("work", "after"))
    builder.add_edge("after", END)
    return builder


class FailingFor(Failing):
    """Fails once for each of some recipients; it works for all others."""

    def __init__(self, *recipients: str) -> None:
        super().__init__()
        self.left = set(recipients)

    def __call__(self, state: Any) -> dict[str, Any]:
        """Fail, or work."""
        self.calls.append(state["email"])
        to = state["email"]["to"]
        if to in self.left:
            self.left.discard(to)
            raise self.error
        return {}


@in_both_modes
def test_one_item_of_a_fan_out(mode: Mode) -> None:
    """R2, R37: the item that failed is asked about with its own content, and retried with its own state."""
    node = FailingFor("1@x")
    thread = failed(fanned(node), mode)
    assert thread.case["proposal"]["to"] == "1@x"
    thread.answer(Edit({"body": "Better."}))
    assert node.calls[-1] == {**EMAIL, "to": "1@x", "body": "Better."} and len(node.calls) == 4


@in_both_modes
def test_every_item_of_a_fan_out(mode: Mode) -> None:
    """R37: one question for each, answered one by one."""
    thread = failed(fanned(FailingFor("0@x", "1@x", "2@x")), mode)
    assert sorted(q.value["proposal"]["to"] for q in thread.open) == ["0@x", "1@x", "2@x"]
    while thread.open:
        thread.answer(Choose("retry"), to=thread.open[0].id)
    assert len(thread.values["reviews"]) == 3 and thread.next == ()


@in_both_modes
def test_beside_a_gate_that_waits(mode: Mode) -> None:
    """R37: a failure and a review of one thread, each answered by its own id."""
    outbox = Outbox()
    builder = guarded(Failing())
    builder.add_node("send", effect(outbox.send, action=SEND))
    add_gate(builder, review_gate(), approved="send", rejected=END)
    builder.add_edge(START, "reply")
    thread = failed(builder, mode)
    ids = {q.value["gate"]: q.id for q in thread.open}
    thread.run(Command(resume={ids["failed"]: plain(Choose("retry"))}))
    thread.run(Command(resume={ids["reply"]: plain(Approve())}))
    assert len(outbox) == 1 and thread.values["log"] == ["worked", "after"]


@in_both_modes
@pytest.mark.parametrize("measures", [False, True])
def test_beside_gates_under_a_default_handler(mode: Mode, measures: bool) -> None:
    """R2: the user's own default handler does not take refused answers for failures."""
    calls: list[str] = []

    def default(state: State, error: NodeError) -> Command[Any]:
        calls.append(error.node)
        return Command(goto=END)

    builder = guarded(Failing())
    gate = confidence_gate(score=Counter(0.1)) if measures else review_gate()
    add_gate(builder, gate, approved=END, rejected=END)
    builder.edges = {(a, gate.name if a == "work" else b) for a, b in builder.edges}
    builder.set_node_defaults(error_handler=default)
    thread = failed(builder, mode, label="card", segment="card")
    for decision in (Choose("retry"), Reject()):
        with pytest.raises(ValidationError):
            thread.answer({"type": "nope"})
        thread.answer(decision)
    assert calls == [] and [r["outcome"] for r in thread.values["reviews"]][-1] == "rejected"


@in_both_modes
def test_as_the_default_of_a_whole_graph(mode: Mode) -> None:
    """R2: with `set_node_defaults`; a gate's refused answer stays one, and the gate is answered."""
    builder = StateGraph(State)
    builder.add_node("work", Failing())
    add_gate(builder, review_gate(), approved=END, rejected=END)
    builder.add_edge(START, "work").add_edge("work", "reply")
    builder.set_node_defaults(error_handler=ask_on_failure(failure_gate(), node="work", skip="reply"))
    thread = failed(builder, mode)
    thread.answer(Choose("retry"))
    with pytest.raises(ValidationError):
        thread.answer({"type": "nope"})
    thread.answer(Approve())
    assert thread.record["outcome"] == "approved" and thread.next == ()


@in_both_modes
def test_a_very_long_error_is_cut(mode: Mode) -> None:
    """A proxy's page of HTML in the message must not become a case of megabytes."""

    def node(state: Any) -> None:
        raise ConnectionError("x" * 1_000_000)

    case = failed(guarded(node), mode).case

    assert len(str(case)) < 20_000
    assert "characters in all" in case["why"][0]["text"]
