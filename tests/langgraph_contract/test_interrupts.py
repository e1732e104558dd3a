"""Which id an interrupt has, how long it keeps it, and where it can be read."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from langgraph.config import get_config
from langgraph.graph import START
from langgraph.types import Command, Interrupt, Send, interrupt

from .graphs import (
    Durability,
    State,
    answers,
    asks,
    chain,
    fan_out,
    in_every_durability,
    looping_gate,
    nested_gate,
    parallel_gates,
    questions,
    says,
    single_gate,
    thread,
)
from .recording import Recorder


def test_the_first_id_can_be_known_before_asking() -> None:
    """The id is a hash of the task's namespace, which the node can read before it calls interrupt()."""
    known: list[str] = []

    def gate(state: State) -> dict[str, Any]:
        known.append(Interrupt.from_ns("ok?", get_config()["configurable"]["checkpoint_ns"]).id)
        return {"log": [interrupt("ok?")]}

    graph = nested_gate(("inner", gate)).compile(checkpointer=Recorder())
    result = graph.invoke({}, thread())
    assert [i.id for i in result["__interrupt__"]] == known


def test_a_second_question_in_one_task_has_its_own_id() -> None:
    """The number of answers that the task already has is part of the id."""
    graph = chain(("gate", lambda state: {"log": [interrupt("one?"), interrupt("two?")]})).compile(
        checkpointer=Recorder()
    )
    config = thread()
    graph.invoke({}, config)
    first = questions(graph, config)
    graph.invoke(answers(graph, config, {"one?": "1"}), config)
    assert questions(graph, config).keys() == {"two?"}
    assert questions(graph, config)["two?"] != first["one?"]


@in_every_durability
def test_an_open_question_keeps_its_id_when_its_neighbour_is_answered(durability: Durability) -> None:
    """Answering one of two parallel gates re-asks the other under the same id."""
    graph = parallel_gates().compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config, durability=durability)
    before = questions(graph, config)
    graph.invoke(answers(graph, config, {"a?": "yes"}), config, durability=durability)
    assert questions(graph, config) == {"b?": before["b?"]}


@in_every_durability
def test_running_a_paused_thread_without_input_keeps_the_id(durability: Durability) -> None:
    """invoke(None) asks the same question again under the same id."""
    graph = single_gate().compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config, durability=durability)
    before = questions(graph, config)
    graph.invoke(None, config, durability=durability)
    assert questions(graph, config) == before


def test_a_loop_asks_under_a_new_id() -> None:
    """Rejected, drafted again, asked again: another checkpoint, so another id."""
    graph = looping_gate().compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config)
    before = questions(graph, config)
    graph.invoke(answers(graph, config, {"ok?": "reject"}), config)
    assert questions(graph, config)["ok?"] != before["ok?"]


def test_new_input_asks_under_a_new_id() -> None:
    """New input on a paused thread drops the question and asks it anew."""
    graph = single_gate().compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config)
    before = questions(graph, config)
    graph.invoke({"text": "more"}, config)
    assert questions(graph, config)["ok?"] != before["ok?"]


def test_time_travel_asks_under_a_new_id() -> None:
    """Replaying a paused checkpoint forks it: the fork's question has an id of its own."""
    graph = single_gate().compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config)
    paused_at = graph.get_state(config).config
    before = questions(graph, config)
    graph.invoke(None, paused_at)
    assert questions(graph, config)["ok?"] != before["ok?"]


def test_a_command_update_changes_the_payload_under_the_same_id() -> None:
    """The same interrupt id may show something else later: an approval must name what was shown."""
    graph = chain(("gate", lambda state: {"log": [interrupt(state["text"])]})).compile(
        checkpointer=Recorder()
    )
    config = thread()
    graph.invoke({"text": "first draft"}, config)
    shown = questions(graph, config)["first draft"]
    graph.invoke(Command(update={"text": "second draft"}), config)
    assert questions(graph, config) == {"second draft": shown}


def test_a_command_goto_send_reuses_an_open_id_for_another_item() -> None:
    """Command(goto=Send) on a paused fan-out puts another item under the first item's interrupt id."""
    graph = fan_out().compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config)
    before = questions(graph, config)
    graph.invoke(Command(goto=[Send("item", {"text": "other"})]), config)
    assert questions(graph, config)["other?"] == before["0?"]


def test_a_displaced_fan_out_question_stays_listed_and_is_never_run_again() -> None:
    """get_state() still lists the old items' questions; the answer to the new one ends the step."""
    graph = fan_out().compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config)
    graph.invoke(Command(goto=[Send("item", {"text": "other"})]), config)
    listed = set(questions(graph, config))
    graph.invoke(answers(graph, config, {"other?": "yes"}), config)
    assert listed == {"other?", "1?", "2?"}
    assert graph.get_state(config).values["log"] == ["plan", ["other", "yes"], "join"]


def test_the_result_carries_every_open_question() -> None:
    """invoke() returns all interrupts of the step under __interrupt__."""
    graph = fan_out().compile(checkpointer=Recorder())
    result = graph.invoke({}, thread())
    assert sorted(i.value for i in result["__interrupt__"]) == ["0?", "1?", "2?"]


def test_a_subgraph_question_is_listed_at_the_root_under_the_same_id() -> None:
    """get_state() of the root shows what a nested gate asks."""
    graph = nested_gate().compile(checkpointer=Recorder())
    config = thread()
    result = graph.invoke({}, config)
    assert questions(graph, config) == {i.value: i.id for i in result["__interrupt__"]}


def test_a_neighbour_that_fails_leaves_the_question_open() -> None:
    """The run raises, and the question that a parallel gate has asked stays open."""
    asked = threading.Event()

    def fails(state: State) -> dict[str, Any]:
        asked.wait(timeout=10)
        raise ValueError("boom")

    b = chain(("gate", asks("ok?")))
    b.add_node("work", fails)
    b.add_edge(START, "work")
    graph = b.compile(
        checkpointer=Recorder(before_put_writes=lambda call: asked.set() if call.asked else None)
    )
    config = thread()
    with pytest.raises(ValueError, match="boom"):
        graph.invoke({}, config)
    assert questions(graph, config).keys() == {"ok?"}


def test_goto_runs_another_node_beside_the_open_question() -> None:
    """Command(goto="send") on a paused thread executes `send` while the gate still waits."""
    sent: list[str] = []
    b = chain(("gate", asks("ok?")), ("send", lambda state: sent.append("sent")))
    graph = b.compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config)
    graph.invoke(Command(goto="send"), config)
    assert sent == ["sent"]
    assert questions(graph, config).keys() == {"ok?"}


def test_nodes_before_the_gate_do_not_run_again() -> None:
    """A resume starts at the paused node."""
    graph = chain(("draft", says("draft")), ("gate", asks("ok?"))).compile(checkpointer=Recorder())
    config = thread()
    graph.invoke({}, config)
    graph.invoke(answers(graph, config, {"ok?": "yes"}), config)
    assert graph.get_state(config).values["log"] == ["draft", ["ok?", "yes"]]
