"""What goes wrong with the stock API, row by row: a failure here means upstream has mended it."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.types import Command, interrupt

from .graphs import State, answers, asks, chain, failing_after_answer, questions, says, single_gate, thread
from .recording import Recorder


def test_approve_then_reject_on_the_same_checkpoint_sends_twice() -> None:
    """The reject is replayed as approve."""
    sent: list[str] = []
    b = chain(
        ("gate", lambda state: {"text": interrupt("ok?")}), ("send", lambda state: sent.append(state["text"]))
    )
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config, durability="sync")
    paused_at = graph.get_state(config).config
    [question_id] = questions(graph, config).values()
    for answer in ("approve", "reject"):
        graph.invoke(Command(resume={question_id: answer}), paused_at, durability="sync")
    assert sent == ["approve", "approve"]


def test_a_double_click_with_a_scalar_approves_the_next_gate() -> None:
    """The second click answers a question that its sender has never seen."""
    graph, config = (
        chain(("one", asks("one?")), ("two", asks("two?"))).compile(checkpointer=Recorder()),
        thread(),
    )
    graph.invoke({}, config)
    for _click in range(2):
        graph.invoke(Command(resume="approve"), config)
    assert graph.get_state(config).values["log"] == [["one?", "approve"], ["two?", "approve"]]


def test_a_stale_approve_after_update_state_executes_an_unseen_version() -> None:
    """The interrupt vanished with the edit; the old click approves what nobody was shown."""
    sent: list[str] = []
    b = chain(
        ("gate", lambda state: {"log": [interrupt(state["text"])]}),
        ("send", lambda s: sent.append(s["text"])),
    )
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({"text": "shown"}, config)
    graph.update_state(config, {"text": "never shown"})
    graph.invoke(Command(resume="approve"), config)
    assert sent == ["never shown"]


def test_an_unknown_interrupt_id_is_silently_ignored() -> None:
    """No error, and the thread is as before."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    before = questions(graph, config)
    graph.invoke(Command(resume={"0" * 32: "approve"}), config)
    assert questions(graph, config) == before


def test_a_dict_with_a_key_that_is_no_interrupt_id_is_taken_as_the_answer() -> None:
    """The whole dict reaches the node."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    graph.invoke(Command(resume={"not-an-id": "approve"}), config)
    assert graph.get_state(config).values["log"][1] == ["ok?", {"not-an-id": "approve"}]


def test_resume_none_is_an_unbound_local_error() -> None:
    """Command(resume=None) is not even refused cleanly."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    with pytest.raises(UnboundLocalError):
        graph.invoke(Command(resume=None), config)


def test_resume_with_an_empty_dict_is_not_a_resume() -> None:
    """Command(resume={}) asks again."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    graph.invoke(Command(resume={}), config)
    assert questions(graph, config).keys() == {"ok?"}


def test_a_resume_on_a_thread_that_never_ran_starts_the_graph() -> None:
    """The draft is made, and the answer is lost."""
    graph, config = single_gate().compile(checkpointer=Recorder()), thread()
    graph.invoke(Command(resume="approve"), config)
    assert graph.get_state(config).values["log"] == ["draft"]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_bad_answer_that_makes_the_node_raise_replays_for_ever(durability: Any) -> None:
    """A poisoned thread: the good answer never reaches the node."""
    graph, config = failing_after_answer().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config, durability=durability)
    for answer in ("bad", "good"):
        with pytest.raises(ValueError, match="bad answer"):
            graph.invoke(answers(graph, config, {"ok?": answer}), config, durability=durability)


def test_a_different_second_answer_after_a_failure_is_dropped() -> None:
    """The node failed for a reason of its own; the stored approve wins over the later reject."""
    outages = [ConnectionError("mail server is down")]

    def gate(state: State) -> dict[str, Any]:
        answer = interrupt("ok?")
        if outages:
            raise outages.pop()
        return {"log": [answer]}

    graph, config = chain(("gate", gate)).compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    approve, reject = (answers(graph, config, {"ok?": answer}) for answer in ("approve", "reject"))
    with pytest.raises(ConnectionError):
        graph.invoke(approve, config)
    assert graph.invoke(reject, config)["log"] == ["approve"]


def test_of_two_interrupts_in_one_node_the_second_gets_the_first_answer() -> None:
    """After a scalar answer, invoke(None) answers the second question with it."""
    b = chain(("gate", lambda state: {"log": [interrupt("one?"), interrupt("two?")]}))
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    graph.invoke(Command(resume="for one"), config)
    assert graph.invoke(None, config)["log"] == ["for one", "for one"]


def test_a_node_that_drafts_and_asks_drafts_twice() -> None:
    """Draft 1 is approved, draft 2 is sent."""
    drafts = iter(["draft 1", "draft 2"])
    shown: list[str] = []

    def draft_and_ask(state: State) -> dict[str, Any]:
        draft = next(drafts)
        shown.append(interrupt(draft))
        return {"text": draft}

    graph, config = chain(("gate", draft_and_ask)).compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    assert questions(graph, config).keys() == {"draft 1"}
    assert graph.invoke(answers(graph, config, {"draft 1": "approve"}), config)["text"] == "draft 2"


def test_a_router_that_raises_after_the_answer_loses_the_rest_of_the_graph() -> None:
    """next=(): nothing ever runs again."""

    def broken_router(state: State) -> str:
        raise ValueError("no route")

    b = chain(("gate", asks("ok?")))
    b.add_node("send", says("send"))
    b.add_conditional_edges("gate", broken_router, ["send"])
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    with pytest.raises(ValueError, match="no route"):
        graph.invoke(answers(graph, config, {"ok?": "yes"}), config)
    assert graph.get_state(config).next == ()
    assert graph.invoke(None, config)["log"] == [["ok?", "yes"]]


def test_routing_inside_the_gate_recovers_where_a_router_does_not() -> None:
    """A gate that raises while it routes is run again by invoke(None)."""
    failures = [ValueError("no route")]

    def gate(state: State) -> Command[str]:
        interrupt("ok?")
        if failures:
            raise failures.pop()
        return Command(goto="send")

    b = chain(("gate", gate))
    b.add_node("send", says("send"))
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    with pytest.raises(ValueError, match="no route"):
        graph.invoke(answers(graph, config, {"ok?": "yes"}), config)
    assert graph.invoke(None, config)["log"] == ["send"]


def test_catching_exception_around_an_interrupt_swallows_the_pause() -> None:
    """The graph runs to its end without asking anybody."""

    def careful(state: State) -> dict[str, Any]:
        try:
            return {"log": [interrupt("ok?")]}
        except Exception:
            return {"log": ["went on"]}

    graph, config = chain(("gate", careful)).compile(checkpointer=Recorder()), thread()
    assert graph.invoke({}, config)["log"] == ["went on"]
    assert graph.get_state(config).next == ()


def test_without_a_checkpointer_a_graph_pauses_with_nothing_saved() -> None:
    """The result has __interrupt__, and nothing can ever resume it."""
    graph = single_gate().compile()
    assert graph.invoke({})["__interrupt__"]
    with pytest.raises(RuntimeError, match="without checkpointer"):
        graph.invoke(Command(resume="approve"))


def test_a_crash_after_the_effect_and_before_the_checkpoint_repeats_the_effect() -> None:
    """What is stored at the moment of the effect runs it again."""
    sent: list[str] = []
    left_behind: list[Recorder] = []
    saver = Recorder()

    def send(state: State) -> None:
        sent.append("sent")
        left_behind.append(saver.as_another_process_would_find_it())

    b = chain(("gate", asks("ok?")), ("send", send))
    graph, config = b.compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability="sync")
    graph.invoke(answers(graph, config, {"ok?": "yes"}), config, durability="sync")
    b.compile(checkpointer=left_behind[0]).invoke(None, config)
    assert sent == ["sent", "sent"]
