"""When rows become durable, and how a saver can read durability="exit", where it sees only the end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from langgraph.types import Command

from .graphs import (
    Durability,
    answers,
    failing_after_answer,
    fan_out,
    in_every_durability,
    looping_gate,
    nested_gate,
    parallel_gates,
    questions,
    single_gate,
    thread,
)
from .recording import PutWrites, Recorder


def paused_in_exit(b: Any) -> tuple[Any, Any, Recorder]:
    """A graph paused with durability="exit", with an empty record."""
    saver = Recorder()
    graph, config = b.compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability="exit")
    saver.forget()
    return graph, config, saver


@in_every_durability
def test_the_question_is_stored_when_invoke_returns(durability: Durability) -> None:
    """No window between the return of invoke() and the row."""
    saver = Recorder()
    graph, config = single_gate().compile(checkpointer=saver), thread()
    result = graph.invoke({}, config, durability=durability)
    stored = [v for _, channel, v in saver.pending(config) if channel == "__interrupt__"]
    assert [list(interrupts) for interrupts in stored] == [result["__interrupt__"]]


@in_every_durability
def test_the_question_is_stored_when_ainvoke_returns(durability: Durability) -> None:
    """The same for async graphs."""
    saver = Recorder()
    graph, config = single_gate().compile(checkpointer=saver), thread()
    asyncio.run(graph.ainvoke({}, config, durability=durability))
    assert "__interrupt__" in {channel for _, channel, _ in saver.pending(config)}


def test_the_streamed_question_may_come_before_its_row() -> None:
    """A client that follows the stream can see a question that is not stored yet."""
    seen = threading.Event()
    waited: list[bool] = []

    def hold(call: PutWrites) -> None:
        if call.asked:
            waited.append(seen.wait(timeout=10))

    graph = single_gate().compile(checkpointer=Recorder(before_put_writes=hold))
    for chunk in graph.stream({}, thread(), durability="sync"):
        if "__interrupt__" in chunk:
            seen.set()
    assert waited == [True]


def test_exit_saves_one_checkpoint_and_then_the_question() -> None:
    """A pause in exit: put(head), put_writes(question); no intermediate checkpoint."""
    saver = Recorder()
    graph = single_gate().compile(checkpointer=saver)
    graph.invoke({}, thread(), durability="exit")
    assert [type(call).__name__ for call in saver.calls] == ["Put", "PutWrites"]
    assert saver.puts()[0].source == "loop"


def test_exit_saves_a_full_answer_as_one_checkpoint_without_the_answer() -> None:
    """No put_writes at all: what was answered is visible only in the state."""
    graph, config, saver = paused_in_exit(single_gate())
    graph.invoke(answers(graph, config, {"ok?": "yes"}), config, durability="exit")
    assert [type(call).__name__ for call in saver.calls] == ["Put"]


@pytest.mark.parametrize("b", [parallel_gates, fan_out])
def test_exit_saves_a_partial_answer_on_the_paused_checkpoint(b: Any) -> None:
    """The answered task's row and the repeated questions, under the same checkpoint id, and no put."""
    graph, config, saver = paused_in_exit(b())
    paused_at = graph.get_state(config).config["configurable"]["checkpoint_id"]
    first = next(iter(questions(graph, config)))
    graph.invoke(answers(graph, config, {first: "yes"}), config, durability="exit")
    assert {call.checkpoint for call in saver.put_writes_calls()} == {paused_at}
    assert saver.puts() == []


def test_exit_saves_a_subgraphs_rows_before_the_roots() -> None:
    """Nested checkpoint and question first, then the root's."""
    saver = Recorder()
    nested_gate().compile(checkpointer=saver).invoke({}, thread(), durability="exit")
    assert [(type(c).__name__, bool(c.ns)) for c in saver.calls] == [
        ("Put", True),
        ("PutWrites", True),
        ("Put", False),
        ("PutWrites", False),
    ]


def test_exit_does_not_write_a_subgraph_that_ran_to_its_end() -> None:
    """Answering a nested gate leaves the nested namespace as it was."""
    graph, config, saver = paused_in_exit(nested_gate())
    graph.invoke(answers(graph, config, {"inner?": "yes"}), config, durability="exit")
    assert [call for call in saver.calls if call.ns] == []


def test_exit_stores_a_failed_answer_like_the_others() -> None:
    """A node error after the answer: __resume__ and __error__ under the task, at the end."""
    graph, config, saver = paused_in_exit(failing_after_answer())
    with pytest.raises(ValueError, match="bad answer"):
        graph.invoke(answers(graph, config, {"ok?": "bad"}), config, durability="exit")
    assert [call.channels for call in saver.put_writes_calls()] == [("__resume__", "__error__")]


def test_exit_calls_new_input_a_loop() -> None:
    """The source of the one checkpoint does not tell new input from an answer."""
    graph, config, saver = paused_in_exit(single_gate())
    graph.invoke({"text": "more"}, config, durability="exit")
    assert [put.source for put in saver.puts()] == ["loop"]


@in_every_durability
@pytest.mark.parametrize("b", [single_gate, looping_gate, nested_gate])
@pytest.mark.parametrize("how", ["map", "scalar"])
def test_an_answer_stamps_the_checkpoints_as_resumed(b: Any, how: str, durability: Durability) -> None:
    """versions_seen["__interrupt__"] holds the current version of the input channel."""
    saver = Recorder()
    graph, config = b().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability=durability)
    saver.forget()
    ids = questions(graph, config)
    answer = {next(iter(ids.values())): "yes"} if how == "map" else "yes"
    graph.invoke(Command(resume=answer), config, durability=durability)
    assert [put.resumed_after_last_input for put in saver.puts()] == [True] * len(saver.puts()) != []


@in_every_durability
def test_new_input_leaves_the_checkpoints_unstamped(durability: Durability) -> None:
    """New input on a paused thread: no checkpoint of that run counts as resumed."""
    saver = Recorder()
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability=durability)
    saver.forget()
    graph.invoke({"text": "more"}, config, durability=durability)
    assert [put.resumed_after_last_input for put in saver.puts()] == [False] * len(saver.puts()) != []


@in_every_durability
def test_new_input_after_an_answer_is_unstamped_again(durability: Durability) -> None:
    """The stamp of an earlier resume does not outlive new input."""
    saver = Recorder()
    graph, config = looping_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability=durability)
    graph.invoke(answers(graph, config, {"ok?": "reject"}), config, durability=durability)
    saver.forget()
    graph.invoke({"text": "more"}, config, durability=durability)
    assert not any(put.resumed_after_last_input for put in saver.puts())


@in_every_durability
def test_only_new_input_raises_the_input_channel(durability: Durability) -> None:
    """A resume leaves the version of __start__ as it was; new input raises it."""
    saver = Recorder()
    graph, config = looping_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability=durability)
    at_pause = saver.puts()[-1].start_version
    graph.invoke(answers(graph, config, {"ok?": "reject"}), config, durability=durability)
    after_answer = saver.puts()[-1].start_version
    graph.invoke({"text": "more"}, config, durability=durability)
    assert after_answer == at_pause
    assert saver.puts()[-1].start_version > after_answer
