"""What update_state() does to a paused thread, as the checkpointer sees it."""

from __future__ import annotations

from typing import Any

import pytest

from .graphs import in_every_durability, questions, single_gate, thread
from .recording import Recorder


def paused() -> tuple[Any, Any, Recorder]:
    """draft → gate → send, paused at the gate, with an empty record."""
    saver = Recorder()
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    saver.forget()
    return graph, config, saver


def test_the_question_vanishes_while_the_gate_is_still_next() -> None:
    """After update_state() nothing is asked until somebody runs the thread."""
    graph, config, _ = paused()
    graph.update_state(config, {"text": "edited"})
    assert (graph.get_state(config).interrupts, graph.get_state(config).next) == ((), ("gate",))


def test_the_next_run_asks_under_a_new_id() -> None:
    """The edited state is asked about anew."""
    graph, config, _ = paused()
    before = questions(graph, config)
    graph.update_state(config, {"text": "edited"})
    graph.invoke(None, config)
    assert questions(graph, config)["ok?"] != before["ok?"]


@pytest.mark.parametrize("as_node", [None, "draft", "gate", "__start__"])
def test_the_checkpoint_has_source_update(as_node: str | None) -> None:
    """Whoever the update is made as, put() says "update", with the paused checkpoint as parent."""
    graph, config, saver = paused()
    paused_at = graph.get_state(config).config["configurable"]["checkpoint_id"]
    graph.update_state(config, {"text": "edited"}, as_node=as_node)
    [put] = saver.puts()
    assert (put.source, put.parent) == ("update", paused_at)


@pytest.mark.parametrize("as_node", [None, "draft", "gate", "__start__"])
def test_the_input_channel_is_not_raised(as_node: str | None) -> None:
    """An edit is no new input, not even one made as __start__."""
    graph, config, saver = paused()
    before = graph.checkpointer.get_tuple(config).checkpoint["channel_versions"]["__start__"]
    graph.update_state(config, {"text": "edited"}, as_node=as_node)
    assert saver.puts()[0].start_version == before


def test_as_input_it_is_new_input() -> None:
    """as_node="__input__" gives source "input" and raises the input channel."""
    graph, config, saver = paused()
    before = graph.checkpointer.get_tuple(config).checkpoint["channel_versions"]["__start__"]
    graph.update_state(config, {"text": "edited"}, as_node="__input__")
    assert saver.puts()[0].source == "input"
    assert saver.puts()[0].start_version != before


def test_as_the_paused_node_it_writes_under_the_paused_tasks_own_id() -> None:
    """It looks like the gate's answer; only the path tells that it is an edit."""
    graph, config, saver = paused()
    task = graph.get_state(config).tasks[0].id
    graph.update_state(config, {"text": "edited"}, as_node="gate")
    [call] = saver.put_writes_calls()
    assert (call.task, call.path) == (task, "~__interrupt__, 0000000000")
    assert call.channels == ("text", "branch:to:send")


def test_as_the_paused_node_it_walks_past_the_gate() -> None:
    """The thread continues behind the gate although nobody has answered."""
    graph, config, _ = paused()
    graph.update_state(config, {"text": "edited"}, as_node="gate")
    assert graph.invoke(None, config)["log"] == ["draft", "send"]


def test_the_writes_come_before_the_checkpoint() -> None:
    """put_writes on the paused checkpoint, then put(source="update")."""
    graph, config, saver = paused()
    graph.update_state(config, {"text": "edited"})
    assert [type(call).__name__ for call in saver.calls] == ["PutWrites", "Put"]


@in_every_durability
def test_an_exit_thread_is_updated_the_same_way(durability: Any) -> None:
    """update_state() is not subject to the durability of the run."""
    saver = Recorder()
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability=durability)
    saver.forget()
    graph.update_state(config, {"text": "edited"})
    assert [put.source for put in saver.puts()] == ["update"]
