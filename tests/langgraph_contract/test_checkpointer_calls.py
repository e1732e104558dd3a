"""What the checkpointer is told for each event, in sync durability: the rows a mirror can stand on."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from .graphs import (
    answers,
    chain,
    failing_after_answer,
    fan_out,
    looping_gate,
    nested_gate,
    parallel_gates,
    questions,
    single_gate,
    thread,
)
from .recording import NULL_TASK, Put, PutWrites, Recorder


@tool
def act(what: str) -> str:
    """A tool that asks first."""
    return f"{what}: {interrupt(what)}"


def two_tool_calls() -> Any:
    """model → tools by a plain edge, with two calls in one message."""
    calls = [{"name": "act", "args": {"what": name}, "id": name} for name in ("x", "y")]
    b = StateGraph(MessagesState)
    b.add_node("model", lambda state: {"messages": [AIMessage("", tool_calls=calls)]})
    b.add_node("tools", ToolNode([act]))
    b.add_edge(START, "model")
    b.add_edge("model", "tools")
    return b


def paused(b: Any) -> tuple[Any, Any, Recorder]:
    """A compiled graph, paused, with an empty record."""
    saver = Recorder()
    graph, config = b.compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability="sync")
    saver.forget()
    return graph, config, saver


def test_a_pause_is_one_write_on_the_current_checkpoint() -> None:
    """interrupt() → put_writes(task, __interrupt__) beside the newest checkpoint."""
    saver = Recorder()
    single_gate().compile(checkpointer=saver).invoke({}, thread(), durability="sync")
    [pause] = [call for call in saver.put_writes_calls() if call.asked]
    assert pause.channels == ("__interrupt__",)
    assert pause.checkpoint == saver.puts()[-1].id


def test_a_scalar_answer_is_written_early_without_a_task() -> None:
    """Command(resume=v) stores the answer under the null task before the node runs."""
    graph, config, saver = paused(single_gate())
    graph.invoke(Command(resume="yes"), config)
    first = saver.put_writes_calls()[0]
    assert (first.task, first.writes) == (NULL_TASK, (("__resume__", "yes"),))


def test_an_answer_by_map_is_written_only_with_the_nodes_outputs() -> None:
    """Command(resume={id: v}) stores nothing before the task ends; then answer and outputs in one call."""
    graph, config, saver = paused(single_gate())
    graph.invoke(answers(graph, config, {"ok?": "yes"}), config)
    first = saver.put_writes_calls()[0]
    assert first.task != NULL_TASK
    assert first.channels == ("__resume__", "log", "branch:to:send")
    assert first.value("__resume__") == ["yes"]


def test_the_checkpoint_after_an_answer_is_a_loop_child_of_the_paused_one() -> None:
    """The superstep that the answer ends is saved with source "loop" and the paused checkpoint as parent."""
    graph, config, saver = paused(single_gate())
    paused_id = graph.get_state(config).config["configurable"]["checkpoint_id"]
    graph.invoke(answers(graph, config, {"ok?": "yes"}), config)
    assert (saver.puts()[0].parent, saver.puts()[0].source) == (paused_id, "loop")


def test_the_child_checkpoint_may_be_stored_before_the_answer() -> None:
    """Even in sync durability put() does not wait for the put_writes() of the step it closes."""
    child_is_saved = threading.Event()
    waited: list[bool] = []

    def hold_the_answer(call: PutWrites) -> None:
        if "__resume__" in call.channels:
            waited.append(child_is_saved.wait(timeout=10))

    def note_the_child(call: Put) -> None:
        if len(saver.puts()) == 4:
            child_is_saved.set()

    saver = Recorder(before_put=note_the_child, before_put_writes=hold_the_answer)
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability="sync")
    graph.invoke(answers(graph, config, {"ok?": "yes"}), config, durability="sync")
    assert waited == [True]


def test_answering_one_parallel_gate_upserts_the_other_and_saves_no_checkpoint() -> None:
    """One answer row, one repeated question, no put until the superstep can end."""
    graph, config, saver = paused(parallel_gates())
    open_before = questions(graph, config)
    graph.invoke(answers(graph, config, {"a?": "yes"}), config)
    by_node = {call.path: call for call in saver.put_writes_calls()}
    assert by_node["~__pregel_pull, a"].value("__resume__") == ["yes"]
    assert by_node["~__pregel_pull, b"].asked == {"b?": open_before["b?"]}
    assert saver.puts() == []


def test_a_fan_out_task_is_named_by_its_position_and_not_by_its_node() -> None:
    """The task path of a Send carries the index only: a mirror must take the node from the payload."""
    saver = Recorder()
    fan_out().compile(checkpointer=saver).invoke({}, thread())
    paths = {call.path for call in saver.put_writes_calls() if call.asked}
    assert paths == {f"~__pregel_push, 000000000{i}, 0000000000" for i in range(3)}


def test_answering_one_of_a_fan_out_writes_all_three_tasks() -> None:
    """The answered one has outputs, the other two repeat their questions."""
    graph, config, saver = paused(fan_out())
    graph.invoke(answers(graph, config, {"1?": "yes"}), config)
    calls = saver.put_writes_calls()
    assert sorted(q for call in calls for q in call.asked) == ["0?", "2?"]
    [answered] = [call for call in calls if "log" in call.channels]
    assert answered.path == "~__pregel_push, 0000000001, 0000000000"


def test_a_subgraph_pause_is_written_in_both_namespaces_under_one_id() -> None:
    """Nested namespace and root task: the root row alone is enough for a mirror."""
    saver = Recorder()
    nested_gate().compile(checkpointer=saver).invoke({}, thread())
    nested, root = [call for call in saver.calls if isinstance(call, PutWrites) and call.asked]
    assert (bool(nested.ns), bool(root.ns)) == (True, False)
    assert nested.asked == root.asked


def test_a_subgraph_answer_leaves_no_resume_in_the_root_row() -> None:
    """The root task's row holds outputs only: outputs, not __resume__, mean answered."""
    graph, config, saver = paused(nested_gate())
    graph.invoke(answers(graph, config, {"inner?": "yes"}), config)
    [root_answer] = [call for call in saver.put_writes_calls() if call.path == "~__pregel_pull, sub"]
    assert "__resume__" not in root_answer.channels
    assert "log" in root_answer.channels


def test_the_second_question_of_a_task_replaces_the_first_in_its_newest_write() -> None:
    """A task's newest __interrupt__ write is its full open set; the answer stands beside it."""
    b = chain(("gate", lambda state: {"log": [interrupt("one?"), interrupt("two?")]}))
    graph, config, saver = paused(b)
    graph.invoke(answers(graph, config, {"one?": "1"}), config)
    [call] = saver.put_writes_calls()
    assert call.channels == ("__interrupt__", "__resume__")
    assert (set(call.asked), call.value("__resume__")) == ({"two?"}, ["1"])


def test_a_loop_saves_answer_then_checkpoints_then_the_new_question() -> None:
    """reject → draft → gate: two checkpoints, and the new question beside the newest."""
    graph, config, saver = paused(looping_gate())
    graph.invoke(answers(graph, config, {"ok?": "reject"}), config)
    assert [put.source for put in saver.puts()] == ["loop", "loop"]
    [asked] = [call for call in saver.put_writes_calls() if call.asked]
    assert asked.checkpoint == saver.puts()[-1].id


def test_a_node_error_after_the_answer_stores_answer_and_error_under_the_task() -> None:
    """__resume__ and __error__ in one call, no outputs: decided, and failed."""
    graph, config, saver = paused(failing_after_answer())
    with pytest.raises(ValueError, match="bad answer"):
        graph.invoke(answers(graph, config, {"ok?": "bad"}), config)
    [call] = saver.put_writes_calls()
    assert call.channels == ("__resume__", "__error__")


def test_new_input_is_a_checkpoint_with_source_input() -> None:
    """In sync durability the first put after new input says so."""
    graph, config, saver = paused(single_gate())
    graph.invoke({"text": "more"}, config)
    assert saver.puts()[0].source == "input"


def test_running_without_input_repeats_the_question_and_saves_no_checkpoint() -> None:
    """invoke(None) on a paused thread is one upsert."""
    graph, config, saver = paused(single_gate())
    graph.invoke(None, config)
    assert [type(call) for call in saver.calls] == [PutWrites]
    assert set(saver.put_writes_calls()[0].asked) == {"ok?"}


def test_time_travel_saves_a_fork_before_it_asks() -> None:
    """invoke(None, old checkpoint) → put(source="fork", parent=old), then the question beside the fork."""
    graph, config, saver = paused(single_gate())
    old = graph.get_state(config).config
    graph.invoke(None, old)
    [fork] = saver.puts()
    assert (fork.source, fork.parent) == ("fork", old["configurable"]["checkpoint_id"])
    assert saver.put_writes_calls()[0].checkpoint == fork.id


def test_tools_in_one_task_share_one_row() -> None:
    """Two tool calls in a ToolNode reached by an edge are one task: one question at a time."""
    graph, config, saver = paused(two_tool_calls())
    asked = questions(graph, config)
    graph.invoke(Command(resume={next(iter(asked.values())): "yes"}), config)
    [call] = saver.put_writes_calls()
    assert len(asked) == len(call.asked) == 1


def test_a_functional_task_writes_its_question_under_itself_and_its_caller() -> None:
    """@task in an @entrypoint: two rows of the root namespace with one id, the task's first."""
    saver = Recorder()

    @task
    def ask() -> Any:
        return interrupt("ok?")

    @entrypoint(checkpointer=saver)
    def flow(order: str) -> Any:
        return order, ask().result()

    flow.invoke("x", thread(), durability="sync")
    asked = [call for call in saver.put_writes_calls() if call.asked]
    assert [call.path.count("flow") for call in asked] == [1, 1]
    assert [call.path.startswith("~__pregel_push") for call in asked] == [True, False]
    assert asked[0].asked == asked[1].asked
    assert asked[0].task != asked[1].task


def test_the_path_is_passed_only_to_an_override_that_names_it() -> None:
    """LangGraph inspects the signature: put_writes(*args) silently gets no task path."""
    paths: list[str] = []

    class Careless(Recorder):
        def put_writes(self, *args: Any, **kwargs: Any) -> None:
            paths.append(kwargs.get("task_path", args[3] if len(args) > 3 else ""))
            super().put_writes(*args, **kwargs)

    single_gate().compile(checkpointer=Careless()).invoke({}, thread())
    assert set(paths) == {""}
