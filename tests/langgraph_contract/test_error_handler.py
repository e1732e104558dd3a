"""add_node(error_handler=…): a node's failure that asks a person, and what it looks like from outside."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from langgraph.errors import NodeError, is_invalid_resume
from langgraph.graph import START
from langgraph.types import Command, RetryPolicy, Send, interrupt
from pydantic import ValidationError

from .graphs import (
    Durability,
    State,
    answers,
    asks,
    builder,
    chain,
    in_every_durability,
    nested_gate,
    says,
    thread,
)
from .recording import Recorder

NOW_WHAT = "failed, now what?"


class BrokenError(Exception):
    """A failure with a field of its own."""

    code = 7


def fails(state: State) -> dict[str, Any]:
    raise BrokenError("boom")


def fails_until_edited(state: State) -> dict[str, Any]:
    if state.get("text") != "edited":
        raise BrokenError("boom")
    return {"log": ["worked"]}


def ask_a_person(state: State, error: NodeError) -> Any:
    """The handler under test: retry, edit, skip, or end here."""
    answer = interrupt(NOW_WHAT)
    if answer == "retry":
        return Command(goto=error.node)
    if answer == "edit":
        return Command(update={"text": "edited"}, goto=error.node)
    if answer == "skip":
        return Command(update={"log": ["skipped"]}, goto="after")
    return {"log": ["handled"]}


def handled(work: Any = fails, handler: Any = ask_a_person, **options: Any) -> Any:
    """work (with its handler) → after."""
    b = builder()
    b.add_node("work", work, error_handler=handler, **options)
    b.add_node("after", says("after"))
    b.add_edge(START, "work")
    b.add_edge("work", "after")
    return b


def only_id(result: dict[str, Any]) -> str:
    [asked] = result["__interrupt__"]
    return str(asked.id)


@in_every_durability
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_handler_may_ask_and_is_resumed_by_map(asynchronous: bool, durability: Durability) -> None:
    """The failed run ends as a pause, and the answer reaches the handler."""
    graph, config = handled().compile(checkpointer=Recorder()), thread()

    def run(step: Any) -> dict[str, Any]:
        if asynchronous:
            return dict(asyncio.run(graph.ainvoke(step, config, durability=durability)))
        return dict(graph.invoke(step, config, durability=durability))

    paused = run({})
    run(Command(resume={only_id(paused): "skip"}))
    assert graph.get_state(config).values["log"] == ["skipped", "after"]


def test_a_handlers_question_is_not_in_get_state() -> None:
    """Upstream gap: at the root only the error is shown, so a mirror must read the writes."""
    graph, config = handled().compile(checkpointer=Recorder()), thread()
    result = graph.invoke({}, config)
    state = graph.get_state(config)
    assert [i.value for i in result["__interrupt__"]] == [NOW_WHAT]
    assert (state.interrupts, state.tasks[0].interrupts, state.next) == ((), (), ("work",))


def test_a_handlers_question_in_a_subgraph_is_in_get_state_of_the_root() -> None:
    """There the root task mirrors it."""
    child = handled().compile()
    graph, config = chain(("sub", child)).compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    assert [i.value for i in graph.get_state(config).interrupts] == [NOW_WHAT]


@in_every_durability
def test_the_error_and_the_question_are_rows_of_two_tasks(durability: Durability) -> None:
    """__error__ and __error_source_node__ under the node, __interrupt__ under the handler, one checkpoint."""
    saver = Recorder()
    handled().compile(checkpointer=saver).invoke({}, thread(), durability=durability)
    failed, asked = saver.put_writes_calls()[-2:]
    assert (failed.path, failed.channels) == ("~__pregel_pull, work", ("__error__", "__error_source_node__"))
    assert asked.path == "~__pregel_pull, work, node_error_handler, 0000000000"
    assert set(asked.asked) == {NOW_WHAT}
    assert failed.checkpoint == asked.checkpoint


def test_on_resume_only_the_handler_runs_again() -> None:
    """The failed node is not repeated unless the handler goes to it."""
    ran: list[str] = []

    def work(state: State) -> dict[str, Any]:
        ran.append("work")
        raise BrokenError("boom")

    graph, config = handled(work).compile(checkpointer=Recorder()), thread()
    paused = graph.invoke({}, config)
    graph.invoke(Command(resume={only_id(paused): "end"}), config)
    assert ran == ["work"]


def test_the_error_is_an_exception_first_and_its_repr_after_a_pause() -> None:
    """Class and fields are lost when the handler runs again: a request built from it must use the repr."""
    seen: list[Any] = []

    def handler(state: State, error: NodeError) -> dict[str, Any]:
        seen.append(error.error)
        return {"log": [interrupt(NOW_WHAT)]}

    graph, config = handled(handler=handler).compile(checkpointer=Recorder()), thread()
    paused = graph.invoke({}, config)
    graph.invoke(Command(resume={only_id(paused): "end"}), config)
    assert isinstance(seen[0], BrokenError)
    assert seen[1] == repr(seen[0]) == "BrokenError('boom')"


def test_the_handler_gets_the_failed_nodes_input_and_name() -> None:
    """The state that the node saw, for a Send task its own argument."""
    seen: list[Any] = []

    def handler(state: State, error: NodeError) -> None:
        seen.append((state["text"], error.node))

    b = builder()
    b.add_node("item", fails, error_handler=handler)
    b.add_conditional_edges(START, lambda state: [Send("item", {"text": t}) for t in ("x", "y")], ["item"])
    b.compile(checkpointer=Recorder()).invoke({}, thread())
    assert sorted(seen) == [("x", "item"), ("y", "item")]


def test_each_failed_send_task_asks_for_itself() -> None:
    """Two failed items, two questions, answered one after the other."""
    b = builder()
    b.add_node("item", fails, error_handler=lambda state: {"log": [interrupt(state["text"])]})
    b.add_conditional_edges(START, lambda state: [Send("item", {"text": t}) for t in ("x", "y")], ["item"])
    graph, config = b.compile(checkpointer=Recorder()), thread()
    first = {i.value: i.id for i in graph.invoke({}, config)["__interrupt__"]}
    left = graph.invoke(Command(resume={first["x"]: "X"}), config)
    assert {i.value: i.id for i in left["__interrupt__"]} == {"y": first["y"]}


def test_edit_and_retry_runs_the_node_with_the_new_state() -> None:
    """Command(update=, goto=error.node) from the handler."""
    graph, config = handled(fails_until_edited).compile(checkpointer=Recorder()), thread()
    paused = graph.invoke({}, config)
    result = graph.invoke(Command(resume={only_id(paused): "edit"}), config)
    assert result["log"] == ["worked", "after"]


def test_a_second_failure_asks_under_a_new_id() -> None:
    """Retried, failed again: another checkpoint, another question."""
    graph, config = handled().compile(checkpointer=Recorder()), thread()
    first = graph.invoke({}, config)
    second = graph.invoke(Command(resume={only_id(first): "retry"}), config)
    assert only_id(second) != only_id(first)


def test_a_plain_return_does_not_follow_the_nodes_edges() -> None:
    """After a handler that returns state, the graph ends: to continue, the handler must goto."""
    graph, config = handled().compile(checkpointer=Recorder()), thread()
    paused = graph.invoke({}, config)
    assert graph.invoke(Command(resume={only_id(paused): "end"}), config)["log"] == ["handled"]
    assert graph.get_state(config).next == ()


def test_retries_come_first() -> None:
    """The handler is called when the retry policy has given up."""
    ran: list[str] = []

    def work(state: State) -> dict[str, Any]:
        ran.append("work")
        raise BrokenError("boom")

    policy = RetryPolicy(max_attempts=3, initial_interval=0, jitter=False, retry_on=BrokenError)
    handled(work, retry_policy=policy).compile(checkpointer=Recorder()).invoke({}, thread())
    assert ran == ["work"] * 3


@pytest.mark.parametrize("inner", [("gate", asks("ok?")), ("sub", nested_gate().compile())])
def test_a_pause_is_not_a_failure(inner: tuple[str, Any]) -> None:
    """Neither the node's own interrupt nor one in a subgraph calls the handler."""
    called: list[str] = []

    def handler(state: State, error: NodeError) -> None:
        called.append(error.node)

    b = builder()
    b.add_node(*inner, error_handler=handler)
    b.add_edge(START, inner[0])
    b.compile(checkpointer=Recorder()).invoke({}, thread())
    assert called == []


def test_a_default_handler_covers_every_node() -> None:
    """set_node_defaults(error_handler=…) catches a node that has none of its own."""
    b = chain(("work", fails), ("after", says("after")))
    b.set_node_defaults(error_handler=ask_a_person)
    result = b.compile(checkpointer=Recorder()).invoke({}, thread())
    assert [i.value for i in result["__interrupt__"]] == [NOW_WHAT]


# ---- an invalid answer at a gate counts as a failure of the gate node

ANSWER: Any = Literal["approve", "reject"]


def gate_under_default_handler(handler: Any) -> Any:
    b = chain(("gate", lambda state: {"log": [interrupt("ok?", response_schema=ANSWER)]}))
    b.set_node_defaults(error_handler=handler)
    return b


def test_a_default_handler_swallows_an_invalid_answer_and_kills_the_question() -> None:
    """The handler asks instead of the ValidationError; the gate's own id is ignored from then on."""
    graph, config = gate_under_default_handler(ask_a_person).compile(checkpointer=Recorder()), thread()
    asked = graph.invoke({}, config)
    after_bad = graph.invoke(Command(resume={only_id(asked): "maybe"}), config)
    after_good = graph.invoke(Command(resume={only_id(asked): "approve"}), config)
    assert [i.value for i in after_bad["__interrupt__"]] == [NOW_WHAT]
    assert [i.value for i in after_good["__interrupt__"]] == [NOW_WHAT]


def test_a_node_marked_as_error_handler_is_left_out_of_the_default() -> None:
    """builder.nodes[gate].is_error_handler = True: the answer raises, the question stays answerable."""
    b = gate_under_default_handler(ask_a_person)
    b.nodes["gate"].is_error_handler = True
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    with pytest.raises(ValidationError):
        graph.invoke(answers(graph, config, {"ok?": "maybe"}), config)
    assert graph.invoke(answers(graph, config, {"ok?": "approve"}), config)["log"] == ["approve"]


def test_a_handler_that_goes_back_to_the_gate_asks_again_under_a_new_id() -> None:
    """is_invalid_resume is true in the handler, and Command(goto=error.node) makes the gate ask again."""

    def handler(state: State, error: NodeError) -> Any:
        return Command(goto=error.node) if is_invalid_resume(error.error) else None

    graph, config = gate_under_default_handler(handler).compile(checkpointer=Recorder()), thread()
    asked = graph.invoke({}, config)
    again = graph.invoke(Command(resume={only_id(asked): "maybe"}), config)
    assert [i.value for i in again["__interrupt__"]] == ["ok?"]
    assert only_id(again) != only_id(asked)
