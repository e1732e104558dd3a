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
from langgraph.types import Command, Send, interrupt
from pydantic import ValidationError

from hitl_graph import Evidence, HitlState
from hitl_graph.agents import gated
from hitl_graph.decisions import Approve, Reject
from hitl_graph.functional import areview, review
from tests.functional.flows import TICKET, Flow
from tests.support.agent_threads import agent_gate
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


@tool("send_mail")
async def asks_by_itself(to: str) -> str:
    """The reporter's tool: a plain interrupt."""
    return f"{interrupt(to)}: {to}"


@tool("send_mail")
async def sends(to: str) -> str:
    """Sends a mail: its gate asks."""
    return f"sent to {to}"


GATE = agent_gate(evidence=lambda state: [Evidence("Customer message", "Where is my card?")])


async def asked_in_one_node(one: Any) -> tuple[Any, list[Any]]:
    """The graph of the report, with three calls in one `ToolNode`, and what it asks."""
    graph = tool_graph(one, by_send=False)
    return graph, (await graph.ainvoke(calls("0@x", "1@x", "2@x"), CONFIG))["__interrupt__"]


async def test_langgraph_6626_plain_interrupts_of_one_tool_node_are_still_one() -> None:
    """Reported: of the interrupts of parallel tools one is seen, and all have one id. Stock does so to this day."""
    _, questions = await asked_in_one_node(asks_by_itself)
    assert len(questions) == 1


async def test_langgraph_6626_gated_tools_of_one_node_ask_under_different_ids() -> None:
    """Reported: the same. Of three gated calls in the same `ToolNode` each is asked about, under an id of its own."""
    _, questions = await asked_in_one_node(gated(sends, GATE))
    assert len({one.id for one in questions}) == len(questions) == 3


async def test_langgraph_6626_and_each_takes_its_own_answer() -> None:
    """Reported: only one of them can be answered. Here all are, in one run, and each call gets what was said to it."""
    graph, questions = await asked_in_one_node(gated(sends, GATE))
    answers = {
        one.id: plain(Reject() if one.value["proposal"]["to"] == "1@x" else Approve()) for one in questions
    }
    out = results(await graph.ainvoke(Command(resume=answers), CONFIG))
    assert (out["0@x"], out["2@x"]) == ("sent to 0@x", "sent to 2@x")
    assert "1@x" in out and "sent" not in out["1@x"]


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
    """Reported: `wrap_tool_call` makes a tool's error of the interrupt. Ours pauses, and the answer is taken.

    LangGraph has mended it since, and plain interrupts pause too: this keeps it so for a review inside such a tool.
    """
    graph = tool_graph(sync_send_mail, by_send=by_send, wrap_tool_call=passes_on, handle_tool_errors=True)
    thread = Flow(graph)
    out = thread.run(calls("0@x"))
    assert thread.case["proposal"]["to"] == "0@x" and results(out) == {}
    assert results(thread.answer(Approve())) == {"0@x": "approved: 0@x"}


@each_or_all
async def test_langgraph_8217_nor_does_an_async_one(by_send: bool) -> None:
    """Reported: `awrap_tool_call` makes a tool message of the pause, and the graph never suspends. It does here.

    LangGraph has mended this as well: it keeps the pause of a review so in an async tool.
    """
    graph = tool_graph(send_mail, by_send=by_send, awrap_tool_call=apasses_on, handle_tool_errors=True)
    out = await graph.ainvoke(calls("0@x"), CONFIG)
    [question] = out["__interrupt__"]
    assert results(out) == {}
    out = await graph.ainvoke(Command(resume={question.id: plain(Approve())}), CONFIG)
    assert results(out) == {"0@x": "approved: 0@x"}
