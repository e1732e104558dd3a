"""Clients and an agent behind `GateMiddleware`: each call in the client's shape, its answer on that call."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph import ActionClass, Edit, Evidence, Owner, ReviewBeforeSend
from hitl_graph.agents import GateMiddleware
from hitl_graph.testing import ScriptedModel
from hitl_graph.wire import Shape
from tests.clients.graphs import Orders
from tests.clients.pages import AgentChatUI, AgentInbox
from tests.support.graphs import thread

SEND = ActionClass("send_mail", reversible=False, audience="customer")
CALL = {"to": "ana@example.com", "body": "On its way.", "copies": 1, "cc": None}


class Agent:
    """An agent that has called `send` so many times in one turn, with a gate before each call."""

    def __init__(self, orders: Orders, shape: Shape, calls: int = 1) -> None:
        self.sent: list[dict[str, Any]] = []
        self.desk, self.config = orders.desk, thread(str(uuid.uuid4()))

        @tool
        def send(to: str, body: str, copies: int, cc: str | None = None) -> str:
            """Send a mail."""
            self.sent.append({"to": to, "body": body, "copies": copies, "cc": cc})
            return "sent"

        gate = ReviewBeforeSend(
            name="send_review",
            action=SEND,
            proposal="args",
            question="Is this mail safe to send to the customer?",
            evidence=[Evidence("Customer message", "Where is my card?")],
            consequence="Sends a mail to {to}.",
            owner=Owner("support"),
        )
        turn = [{"id": f"c{i}", "name": "send", "args": {**CALL, "body": f"Mail {i}"}} for i in range(calls)]
        model = ScriptedModel([AIMessage("", tool_calls=turn), "Done."])
        guard = GateMiddleware({"send": gate}, shape=shape)
        graph: Any = create_agent(model, [send], middleware=[guard], checkpointer=orders.checkpointer)
        self.graph = graph
        self.graph.invoke({"messages": [("user", "Answer her.")]}, self.config)

    @property
    def interrupts(self) -> list[Any]:
        """What is open."""
        return list(self.graph.get_state(self.config).interrupts)

    @property
    def cases(self) -> list[Any]:
        """The desk's rows."""
        return list(self.desk.cases(thread_id=self.config["configurable"]["thread_id"]))

    def resume(self, answer: Any) -> None:
        """Answer as a client does."""
        self.graph.invoke(Command(resume=answer), self.config)


def test_agent_inbox_edits_a_tool_call(orders: Orders) -> None:
    """It shows the tool and its arguments; text becomes the tool's types, and the call runs as edited."""
    agent = Agent(orders, Shape.AGENT_INBOX)
    [asked] = agent.interrupts
    page = AgentInbox(asked.value)
    assert (page.action, page.form["copies"], page.form["cc"]) == ("send", 1, "null")

    agent.resume(page.reset().type("copies", "2").submit())

    assert agent.sent == [{**CALL, "body": "Mail 0", "copies": 2}]
    assert [case.status for case in agent.cases] == ["applied"]


def test_agent_chat_ui_rejects_a_tool_call(orders: Orders) -> None:
    """The call does not run, and the model is told why."""
    agent = Agent(orders, Shape.LANGCHAIN_BATCH)
    [asked] = agent.interrupts
    page = AgentChatUI(asked.value)
    page.cards[0].reject("Too curt.")

    agent.resume(page.submit())

    assert agent.sent == []
    told = agent.graph.get_state(agent.config).values["messages"]
    assert any("Too curt." in str(message.content) for message in told if message.type == "tool")


def test_a_wrong_edit_of_a_tool_call_is_told(orders: Orders) -> None:
    """By the tool's own schema; the call waits as before."""
    agent = Agent(orders, Shape.LANGCHAIN_BATCH)
    page = AgentChatUI(agent.interrupts[0].value)
    page.cards[0].type("copies", "many")
    with pytest.raises(ValidationError, match=r": changes\.copies: "):
        agent.resume(page.submit())

    assert agent.sent == [] and [case.status for case in agent.cases] == ["pending"]


@pytest.mark.parametrize("shape", [Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
def test_the_desk_decides_a_call_that_a_client_could_have(orders: Orders, shape: Shape) -> None:
    """Whatever shape it was asked in, the case at the desk is the same."""
    agent = Agent(orders, shape)
    [case] = agent.cases
    assert (case.gate, case.action, case.shape) == ("send_review", "send_mail", shape)
    assert case.request is not None and case.request.act == "send" and case.proposal["cc"] is None

    orders.desk.decide(case.id, Edit({"copies": "3"}), by="ana", digest=case.digest)
    [done] = orders.desk.resume(agent.graph, thread_ids=[case.thread_id])

    assert done.error is None and [mail["copies"] for mail in agent.sent] == [3]


def test_calls_of_one_turn_are_answered_by_their_ids(orders: Orders) -> None:
    """Two cases; a client that knows ids answers both at once, each in Agent Inbox's shape."""
    agent = Agent(orders, Shape.AGENT_INBOX, calls=2)
    first, second = agent.interrupts
    answers = {first.id: AgentInbox(first.value).submit(), second.id: AgentInbox(second.value).ignore()}

    agent.resume(answers)

    shown = {first.id: first.value[0]["action_request"]["args"]["body"]}
    assert [mail["body"] for mail in agent.sent] == [shown[first.id]]


def test_an_answer_without_an_id_is_refused_where_two_wait(orders: Orders) -> None:
    """Agent Inbox answers the first it sees without saying which: nothing is guessed, both stay open."""
    agent = Agent(orders, Shape.AGENT_INBOX, calls=2)
    page = AgentInbox(agent.interrupts[0].value)
    with pytest.raises(RuntimeError, match="interrupt id"):
        agent.resume(page.submit())

    assert agent.sent == [] and [case.status for case in agent.cases] == ["pending", "pending"]
