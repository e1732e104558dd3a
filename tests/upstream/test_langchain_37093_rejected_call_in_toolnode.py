"""langchain 37093: a rejected call must not run in LangGraph's `ToolNode`.

LangChain keeps the rejected call in the model's message, and a `ToolNode` of one's own runs every call of it.
"""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from hitl_graph import Approve, Edit, Reject
from hitl_graph.agents import GateMiddleware, gated
from tests.support.agent_threads import AgentThread, agent_gate, answered, tools_for
from tests.support.fake_model import call

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def by_hand(ran: list[str]) -> Any:
    """A graph of one's own: a model's message, then a `ToolNode` with one gated tool."""
    send: BaseTool = tools_for(ran)[0]
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda _: {"messages": [call("send_email", to="ana")]})
    builder.add_node("tools", ToolNode([gated(send, agent_gate())]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    builder.add_edge("tools", END)
    return builder.compile(checkpointer=InMemorySaver())


def after(decision: Any) -> tuple[list[str], list[AnyMessage]]:
    """What ran, and the history, once a paused call was answered."""
    ran: list[str] = []
    graph = by_hand(ran)
    paused = graph.invoke({"messages": [("user", "Write to Ana.")]}, CONFIG)
    [question] = paused["__interrupt__"]
    assert ran == []
    messages = graph.invoke(Command(resume=answered({question.id: decision})), CONFIG)["messages"]
    return ran, messages


def test_langchain_37093_a_rejected_call_does_not_run_in_a_toolnode() -> None:
    """The gate belongs to the tool, so no node can run it past its gate."""
    ran, messages = after(Reject(reason="tone"))

    assert ran == []
    [told] = [m for m in messages if isinstance(m, ToolMessage)]
    assert (told.tool_call_id, told.status) == ("c1", "error")
    assert "rejected" in str(told.content)


@pytest.mark.parametrize(
    ("decision", "runs"),
    [(Approve(), ["send_email(ana, )"]), (Edit({"body": "Hello"}), ["send_email(ana, Hello)"])],
    ids=["approve", "edit"],
)
def test_langchain_37093_what_was_let_through_runs_in_a_toolnode(decision: Any, runs: list[str]) -> None:
    """Once, as it was let through."""
    ran, _ = after(decision)

    assert ran == runs


def test_langchain_37093_the_rejected_call_and_its_answer_stay_paired() -> None:
    """Taking the call out of the model's message would leave an answer to no call, which providers refuse."""
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), call("send_email", to="ana"), "Ended.")
    thread.start()

    thread.answer(Reject())

    proposed = next(m for m in thread.messages if isinstance(m, AIMessage))
    assert [one["id"] for one in proposed.tool_calls] == [thread.told("c1").tool_call_id]
    assert (thread.ran, thread.messages[-1].content) == ([], "Ended.")
