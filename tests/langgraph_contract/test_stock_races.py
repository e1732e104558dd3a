"""What goes wrong with the stock API when two act at once: a failure here means upstream has mended it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from .graphs import State, answers, builder, chain, thread
from .recording import Recorder


def gate_that_meets(parties: int) -> Any:
    """A gate whose answered runs wait for one another, so that all of them have read the paused thread."""
    meeting = threading.Barrier(parties, timeout=20)

    def gate(state: State) -> dict[str, Any]:
        answer = interrupt("ok?")
        meeting.wait()
        return {"text": answer}

    return gate


def at_once(*calls: Any) -> None:
    """Run the calls in threads and wait for all."""
    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result(timeout=30)


def test_8_threads_resume_one_interrupt_at_once_and_all_send() -> None:
    """8 sends, no error."""
    sent: list[str] = []
    b = chain(("gate", gate_that_meets(8)), ("send", lambda state: sent.append(state["text"])))
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    answer = answers(graph, config, {"ok?": "yes"})
    at_once(*[lambda: graph.invoke(answer, config)] * 8)
    assert sent == ["yes"] * 8


def test_of_two_workers_one_approves_one_rejects_and_both_outcomes_run() -> None:
    """Each run keeps its own answer in memory; the store does not arbitrate."""
    outcomes: list[str] = []
    b = chain(("gate", gate_that_meets(2)), ("act", lambda state: outcomes.append(state["text"])))
    saver, config = Recorder(), thread()
    workers = [b.compile(checkpointer=saver), b.compile(checkpointer=saver)]
    workers[0].invoke({}, config)
    approve = answers(workers[0], config, {"ok?": "approve"})
    reject = answers(workers[0], config, {"ok?": "reject"})
    at_once(lambda: workers[0].invoke(approve, config), lambda: workers[1].invoke(reject, config))
    assert sorted(outcomes) == ["approve", "reject"]


def two_reviewers_answer_two_gates_at_once() -> tuple[Any, Any, list[str]]:
    """Two runs that have both read the paused thread answer one parallel gate each."""
    meeting = threading.Barrier(2, timeout=20)
    joined: list[str] = []

    def gate(name: str) -> Any:
        def node(state: State) -> dict[str, Any]:
            answer = interrupt(f"{name}?")
            meeting.wait()
            return {"log": [(name, answer)]}

        return node

    b = builder()
    for name in ("a", "b"):
        b.add_node(name, gate(name))
        b.add_edge(START, name)
    b.add_node("join", lambda state: joined.append("join"))
    b.add_edge(["a", "b"], "join")
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    both = [answers(graph, config, {"a?": "yes"}), answers(graph, config, {"b?": "yes"})]
    at_once(*[lambda answer=answer: graph.invoke(answer, config) for answer in both])
    return graph, config, joined


def test_two_reviewers_of_two_parallel_gates_leave_the_thread_stuck() -> None:
    """next=(), no interrupts, the join never ran: it looks finished."""
    graph, config, joined = two_reviewers_answer_two_gates_at_once()
    state = graph.get_state(config)
    assert (state.next, state.interrupts, joined) == ((), (), [])


def test_a_stuck_thread_is_freed_by_running_it_without_input() -> None:
    """Only invoke(None) runs the join."""
    graph, config, joined = two_reviewers_answer_two_gates_at_once()
    graph.invoke(None, config)
    assert joined == ["join"]


def test_two_tools_in_one_tool_node_share_their_answers_by_order_of_arrival() -> None:
    """Tool y acts on the answer that a person gave to tool x's question; y's question was never shown."""
    order = ["x", "y"]
    asked = {"x": threading.Event(), "y": threading.Event()}
    acted: list[tuple[str, str]] = []

    @tool
    def act(what: str) -> str:
        """Act after asking."""
        if what == order[1]:
            asked[order[0]].wait(timeout=10)
        try:
            answer = interrupt(f"{what}?")
        finally:
            asked[what].set()
        acted.append((what, answer))
        return str(answer)

    calls = [{"name": "act", "args": {"what": name}, "id": name} for name in ("x", "y")]
    b = StateGraph(MessagesState)
    b.add_node("model", lambda state: {"messages": [AIMessage("", tool_calls=calls)]})
    b.add_node("tools", ToolNode([act]))
    b.add_edge(START, "model")
    b.add_edge("model", "tools")
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({"messages": []}, config)
    first = answers(graph, config, {"x?": "meant for x"})
    order.reverse()
    for event in asked.values():
        event.clear()
    graph.invoke(first, config)
    assert acted == [("y", "meant for x")]
