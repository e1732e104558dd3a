"""A scripted reviewer serves agents and flows as it serves plain graphs."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint

from hitl_graph import Approve, Edit, GateMiddleware, Reject, review
from hitl_graph.testing import FakeClock, ScriptedModel, ScriptedReviewer

from .graphs import reply

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class Sent(list[str]):
    """What a tool has sent."""

    def send_email(self, to: str, body: str) -> str:
        """Send an email to a customer."""
        self.append(body)
        return "It is sent."


@pytest.fixture(params=["desk", "memory"])
def saver(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("hitl_checkpointer") if request.param == "desk" else InMemorySaver()


def test_tool_calls_are_answered_by_the_name_of_the_tool(saver: Any) -> None:
    """Several calls of one turn are cases of their own."""
    sent = Sent()
    calls = [{"send_email": {"to": f"{n}@example.com", "body": f"Mail {n}"}} for n in (1, 2)]
    model = ScriptedModel([calls, "Done."])
    gate = reply(proposal="args")
    agent: Any = create_agent(
        model, [sent.send_email], middleware=[GateMiddleware({"send_*": gate})], checkpointer=saver
    )
    agent.invoke({"messages": [("user", "Write to both.")]}, CONFIG)

    def decide(case: Any) -> Any:
        return Reject() if case.proposal["to"] == "1@example.com" else Edit({"body": "Hello"})

    values = ScriptedReviewer({"send_email": decide}).review(agent, "t")

    assert sent == ["Hello"]
    assert values["messages"][-1].text == "Done."


def test_a_flow_goes_on_with_the_decision(saver: Any) -> None:
    """`review` in an entrypoint gives what was decided."""

    @entrypoint(checkpointer=saver)
    def flow(body: str) -> Any:
        return review(reply(), {"to": "ann@example.com", "body": body}).final

    flow.invoke("It comes.", CONFIG)

    assert ScriptedReviewer({"reply": Edit({"body": "Hi"})}).review(flow, "t")["body"] == "Hi"


def test_the_records_of_a_flow_carry_the_clocks_time() -> None:
    """As a graph's do."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(body: str) -> Any:
        return review(reply(), {"to": "ann@example.com", "body": body}).record

    with FakeClock() as clock:
        flow.invoke("It comes.", CONFIG)
        record = ScriptedReviewer(Approve()).review(flow, "t")

    assert record["at"] == clock.now().isoformat()
