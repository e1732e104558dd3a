"""What people reported of tools that ask, each by its number in LangGraph's issues."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send
from pydantic import ValidationError

from hitl_graph import HitlState
from hitl_graph.decisions import Approve, Reject
from hitl_graph.functional import areview, review
from tests.functional.flows import TICKET, Flow
from tests.unit.factories import (
    EMAIL,
    plain,
    review_gate,
)
from tests.upstream.running import CONFIG


class Messages(HitlState, total=False):
    """The state of a graph with tools."""

    messages: Annotated[list[AnyMessage], operator.add]


def calls(*recipients: str) -> dict[str, Any]:
    """The model's turn: a mail to each."""
    made: Any = [
        {"name": "send_mail", "args": {"to": to}, "id": to, "type": "tool_call"} for to in recipients
    ]
    return {"messages": [AIMessage("", tool_calls=made)]}


def tool_graph(send_mail: Any, *, by_send: bool, **node: Any) -> Any:
    """model → tools: all calls in one task, or each in one of its own."""
    builder = StateGraph(Messages)
    builder.add_node("model", lambda state: {})
    builder.add_node("tools", ToolNode([send_mail], **node))
    builder.add_edge(START, "model")
    if by_send:
        builder.add_conditional_edges(
            "model",
            lambda state: [Send("tools", [call]) for call in state["messages"][-1].tool_calls],
            ["tools"],
        )
    else:
        builder.add_edge("model", "tools")
    return builder.compile(checkpointer=InMemorySaver())


def results(out: dict[str, Any]) -> dict[str, str]:
    """What each call came to, by its id."""
    return {one.tool_call_id: one.content for one in out["messages"] if isinstance(one, ToolMessage)}


@tool
async def send_mail(to: str) -> str:
    """Sends a mail, when it may."""
    reviewed = await areview(review_gate(), {**EMAIL, "to": to}, context=TICKET)
    return f"{reviewed.outcome}: {reviewed.final['to'] if reviewed.approved else to}"


async def test_langgraph_6626_parallel_tools_ask_under_different_ids() -> None:
    """Reported: interrupts of parallel tools have one id, so only one can be answered. Each call has its own."""
    graph = tool_graph(send_mail, by_send=True)
    questions = (await graph.ainvoke(calls("0@x", "1@x", "2@x"), CONFIG))["__interrupt__"]
    assert len({one.id for one in questions}) == 3
    answers = {
        one.id: plain(Reject() if one.value["proposal"]["to"] == "1@x" else Approve()) for one in questions
    }
    out = await graph.ainvoke(Command(resume=answers), CONFIG)
    assert results(out) == {"0@x": "approved: 0@x", "1@x": "rejected: 1@x", "2@x": "approved: 2@x"}


@pytest.mark.parametrize("order", [("0@x", "1@x"), ("1@x", "0@x")], ids=str)
async def test_langgraph_6533_an_answer_goes_to_the_tool_that_asked(order: tuple[str, str]) -> None:
    """Reported: answers land on the wrong tool when the tools' timing changes. Each call here is its own task."""
    graph = tool_graph(send_mail, by_send=True)
    out = await graph.ainvoke(calls("0@x", "1@x"), CONFIG)
    ids = {one.value["proposal"]["to"]: one.id for one in out["__interrupt__"]}
    decisions = {"0@x": Approve(), "1@x": Reject()}
    for to in order:
        out = await graph.ainvoke(Command(resume={ids[to]: plain(decisions[to])}), CONFIG)
    assert results(out) == {"0@x": "approved: 0@x", "1@x": "rejected: 1@x"}


async def test_langgraph_6533_in_one_task_it_is_refused_rather_than_misrouted() -> None:
    """Reported: the same, all calls in one ToolNode. Ours notices that another mail stands there, and says so."""
    first = asyncio.Event()
    done: list[tuple[str, str]] = []

    @tool("send_mail")
    async def slow(to: str) -> str:
        """Sends a mail; at the first run the second call is faster."""
        if to == "0@x":
            await first.wait()
        else:
            asyncio.get_running_loop().call_soon(first.set)
        reviewed = await areview(review_gate(), {**EMAIL, "to": to}, context=TICKET)
        done.append((to, reviewed.require()["to"]))
        return "sent"

    graph = tool_graph(slow, by_send=False)
    [asked] = (await graph.ainvoke(calls("0@x", "1@x"), CONFIG))["__interrupt__"]
    assert asked.value["proposal"]["to"] == "1@x"  # the faster one; at the replay the other one comes first

    with pytest.raises(ValidationError, match="is not what it was when this review was first reached"):
        await graph.ainvoke(Command(resume={asked.id: plain(Approve())}), CONFIG)

    assert done == []


def passes_on(request: Any, execute: Any) -> Any:
    """The reporters' wrapper: it only calls the tool."""
    return execute(request)


async def apasses_on(request: Any, execute: Any) -> Any:
    """The same, async."""
    return await execute(request)


@tool("send_mail")
def sync_send_mail(to: str) -> str:
    """Sends a mail, when it may."""
    reviewed = review(review_gate(), {**EMAIL, "to": to}, context=TICKET)
    return f"{reviewed.outcome}: {to}"


each_or_all = pytest.mark.parametrize("by_send", [True, False], ids=["each by itself", "in one task"])


@each_or_all
def test_langgraph_8394_a_tools_wrapper_does_not_swallow_the_pause(by_send: bool) -> None:
    """Reported: `wrap_tool_call` makes a tool's error of the interrupt. Ours pauses, and the answer is taken."""
    graph = tool_graph(sync_send_mail, by_send=by_send, wrap_tool_call=passes_on, handle_tool_errors=True)
    thread = Flow(graph)
    out = thread.run(calls("0@x"))
    assert thread.case["proposal"]["to"] == "0@x" and results(out) == {}
    assert results(thread.answer(Approve())) == {"0@x": "approved: 0@x"}


@each_or_all
async def test_langgraph_8217_nor_does_an_async_one(by_send: bool) -> None:
    """Reported: `awrap_tool_call` makes a tool message of the pause, and the graph never suspends. It does here."""
    graph = tool_graph(send_mail, by_send=by_send, awrap_tool_call=apasses_on, handle_tool_errors=True)
    out = await graph.ainvoke(calls("0@x"), CONFIG)
    [question] = out["__interrupt__"]
    assert results(out) == {}
    out = await graph.ainvoke(Command(resume={question.id: plain(Approve())}), CONFIG)
    assert results(out) == {"0@x": "approved: 0@x"}
