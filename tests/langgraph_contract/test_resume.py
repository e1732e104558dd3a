"""How answers reach the gates: by map, by scalar, strictly, at an old checkpoint, and unstored."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.errors import UnknownInterruptError
from langgraph.types import Command, interrupt

from .graphs import (
    Durability,
    answers,
    asks,
    chain,
    failing_after_answer,
    in_every_durability,
    nested_gate,
    parallel_gates,
    questions,
    single_gate,
    thread,
)
from .recording import NULL_TASK, PutWrites, Recorder


def is_early_answer(call: PutWrites) -> bool:
    """The write that a scalar resume makes before any node runs."""
    return call.task == NULL_TASK and call.channels == ("__resume__",)


def two_questions() -> Any:
    """One node with two interrupts."""
    return chain(("gate", lambda state: {"log": [interrupt("one?"), interrupt("two?")]}))


def two_nested_gates() -> Any:
    """Two gates, one after the other, in one subgraph."""
    return nested_gate(("first", asks("one?")), ("second", asks("two?")))


# ---- strict resume: the private switch that refuses what is not pending


@pytest.mark.parametrize(
    ("resume", "reason"), [({}, "empty_map"), ({"0" * 32: "yes"}, "not_pending"), ("yes", "ambiguous")]
)
def test_a_strict_resume_refuses_what_does_not_match(resume: Any, reason: str) -> None:
    """configurable["__pregel_strict_resume"]: an empty map, an unknown id or an ambiguous scalar raises."""
    graph, config = parallel_gates().compile(checkpointer=Recorder()), thread(__pregel_strict_resume=True)
    graph.invoke({}, config)
    with pytest.raises(UnknownInterruptError) as refused:
        graph.invoke(Command(resume=resume), config)
    assert refused.value.reason == reason


def test_a_refused_strict_resume_writes_nothing() -> None:
    """The checkpointer is not called at all."""
    saver = Recorder()
    graph, config = single_gate().compile(checkpointer=saver), thread(__pregel_strict_resume=True)
    graph.invoke({}, config)
    saver.forget()
    with pytest.raises(UnknownInterruptError):
        graph.invoke(Command(resume={"0" * 32: "yes"}), config)
    assert saver.calls == []


def test_a_strict_resume_refuses_the_same_answer_twice() -> None:
    """A sequential duplicate is caught."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread(__pregel_strict_resume=True)
    graph.invoke({}, config)
    answer = answers(graph, config, {"ok?": "yes"})
    graph.invoke(answer, config)
    with pytest.raises(UnknownInterruptError):
        graph.invoke(answer, config)


def test_a_scalar_is_refused_while_two_questions_are_open() -> None:
    """Without strict mode it is a RuntimeError, and nothing is answered."""
    graph, config = parallel_gates().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    with pytest.raises(RuntimeError, match="multiple pending interrupts"):
        graph.invoke(Command(resume="yes"), config)
    assert questions(graph, config).keys() == {"a?", "b?"}


def test_one_map_answers_several_gates() -> None:
    """All decided answers of a thread go in one resume."""
    graph, config = parallel_gates().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    graph.invoke(answers(graph, config, {"a?": 1, "b?": 2}), config)
    assert graph.get_state(config).values["log"] == [["a?", 1], ["b?", 2], "join"]


def test_a_map_may_answer_with_none() -> None:
    """None is an answer when it comes under an id."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    graph.invoke(answers(graph, config, {"ok?": None}), config)
    assert graph.get_state(config).values["log"] == ["draft", ["ok?", None], "send"]


@in_every_durability
def test_the_head_may_be_addressed_by_its_checkpoint_id(durability: Durability) -> None:
    """Studio sends the checkpoint id along: at the head it is an ordinary resume."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config, durability=durability)
    answer = answers(graph, config, {"ok?": "yes"})
    graph.invoke(answer, graph.get_state(config).config, durability=durability)
    assert graph.get_state(config).values["log"] == ["draft", ["ok?", "yes"], "send"]


@pytest.mark.parametrize(
    ("durability", "applied"), [("sync", "first"), ("async", "first"), ("exit", "second")]
)
def test_at_an_old_checkpoint_the_stored_answer_wins_if_there_is_one(durability: Any, applied: str) -> None:
    """sync and async replay it; exit has stored none, so the new one counts. Both run again."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config, durability=durability)
    paused_at = graph.get_state(config).config
    [question_id] = questions(graph, config).values()
    graph.invoke(Command(resume={question_id: "first"}), config, durability=durability)
    graph.invoke(Command(resume={question_id: "second"}), paused_at, durability=durability)
    assert graph.get_state(config).values["log"] == ["draft", ["ok?", applied], "send"]


# ---- dropping the early write of a scalar answer


@in_every_durability
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("b", "given"),
    [
        (single_gate, ["yes"]),
        (nested_gate, ["yes"]),
        (two_questions, ["1", "2"]),
        (two_nested_gates, ["1", "2"]),
    ],
)
def test_the_early_write_is_never_read_back(
    b: Any, given: list[str], asynchronous: bool, durability: Durability
) -> None:
    """A saver that drops it gives the same run: LangGraph keeps the answer in memory."""
    logs = []
    for drop in (is_early_answer, lambda call: False):
        graph, config = b().compile(checkpointer=Recorder(drop=drop)), thread()
        for step in ({}, *(Command(resume=answer) for answer in given)):
            if asynchronous:
                asyncio.run(graph.ainvoke(step, config, durability=durability))
            else:
                graph.invoke(step, config, durability=durability)
        logs.append(graph.get_state(config).values["log"])
        assert graph.get_state(config).next == ()
    assert logs[0] == logs[1]


@pytest.mark.parametrize("b", [two_questions, two_nested_gates])
def test_with_the_early_write_dropped_the_next_question_stays_open(b: Any) -> None:
    """invoke(None) after the first of two scalar answers asks the second question again."""
    graph, config = b().compile(checkpointer=Recorder(drop=is_early_answer)), thread()
    graph.invoke({}, config)
    graph.invoke(Command(resume="first"), config)
    graph.invoke(None, config)
    assert questions(graph, config).keys() == {"two?"}


def test_with_the_early_write_dropped_a_crash_leaves_the_question_open() -> None:
    """Killed between the scalar answer and the node's end: the thread is as before the answer."""
    found: list[Recorder] = []
    saver = Recorder(drop=is_early_answer)

    def gate(state: Any) -> dict[str, Any]:
        answer = interrupt("ok?")
        found.append(saver.as_another_process_would_find_it())
        return {"log": [answer]}

    graph, config = chain(("gate", gate)).compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    graph.invoke(Command(resume="yes"), config)
    after_crash = chain(("gate", asks("ok?"))).compile(checkpointer=found[0])
    after_crash.invoke(None, config)
    assert questions(after_crash, config).keys() == {"ok?"}


def test_exit_keeps_the_unread_answer_of_a_failed_run() -> None:
    """After a poisoned answer, exit stores the next scalar too: drop it in every durability."""
    saver = Recorder()
    graph, config = failing_after_answer().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability="exit")
    for answer in ("bad", "good"):
        with pytest.raises(ValueError, match="bad answer"):
            graph.invoke(Command(resume=answer), config, durability="exit")
    assert (NULL_TASK, "__resume__", "good") in saver.pending(config)


def test_an_update_beside_a_scalar_answer_comes_first_in_the_same_write() -> None:
    """Command(resume=, update=): __resume__ is last, so a saver may strip it and keep the rest."""
    saver = Recorder()
    graph, config = single_gate().compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    saver.forget()
    graph.invoke(Command(resume="yes", update={"text": "edited"}), config)
    assert saver.put_writes_calls()[0].writes == (("text", "edited"), ("__resume__", "yes"))
