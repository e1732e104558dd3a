"""LangChain's own HumanInTheLoopMiddleware on our saver: listed by the desk, answered in its own shape."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.types import Command

from hitl_graph import Approve, Case, Choose, Edit, Reject, Respond
from hitl_graph.errors import AnswerError
from hitl_graph.testing import ScriptedModel
from hitl_graph.wire import Shape
from tests.clients.graphs import Orders
from tests.clients.pages import AgentChatUI
from tests.support.graphs import thread

RULES: dict[str, Any] = {"send": True, "delete": {"allowed_decisions": ["approve", "reject", "respond"]}}
SENT = {"to": "ana@example.com", "copies": 1}


@dataclasses.dataclass
class Agent:
    """An agent that has called `send` and `delete` in one turn, and what its tools did."""

    graph: Any
    desk: Any
    config: dict[str, Any]
    ran: list[tuple[str, dict[str, Any]]]

    @property
    def cases(self) -> dict[str, Case]:
        """The open cases by the tool that they name first."""
        page = self.desk.pending(thread_id=self.config["configurable"]["thread_id"])
        return {str(case.action): case for case in page}

    def decide(self, case: Case, decision: Any) -> None:
        """Decide at the desk."""
        self.desk.decide(case.id, decision, by="ana", digest=case.digest)

    def resume(self) -> list[ToolMessage]:
        """Go on; what the model is told of its calls."""
        [done] = self.desk.resume(self.graph, thread_ids=[self.config["configurable"]["thread_id"]])
        assert done.error is None
        return [message for message in done.values["messages"] if isinstance(message, ToolMessage)]


@pytest.fixture
def paused(orders: Orders) -> Callable[[Any], Agent]:
    """Run the agent up to its two questions."""

    def run(mode: Any) -> Agent:
        ran: list[tuple[str, dict[str, Any]]] = []

        @tool
        def send(to: str, copies: int) -> str:
            """Send."""
            ran.append(("send", {"to": to, "copies": copies}))
            return "sent"

        @tool
        def delete(path: str) -> str:
            """Delete."""
            ran.append(("delete", {"path": path}))
            return "deleted"

        calls = [
            {"id": "c1", "name": "send", "args": dict(SENT)},
            {"id": "c2", "name": "delete", "args": {"path": "/"}},
        ]
        model = ScriptedModel([AIMessage("", tool_calls=calls), "Done."])
        guard: Any = HumanInTheLoopMiddleware(RULES, interrupt_mode=mode)
        graph: Any = create_agent(model, [send, delete], middleware=[guard], checkpointer=orders.checkpointer)
        config = thread(str(uuid.uuid4()))
        graph.invoke({"messages": [("user", "Go on.")]}, config)
        return Agent(graph, orders.desk, config, ran)

    return run


# Batched: one question about all calls


def test_a_batch_is_one_case_that_shows_every_call(paused: Callable[[Any], Agent]) -> None:
    """The desk lists it with both calls, their arguments and what may be decided about each."""
    [case] = paused("batched").cases.values()

    assert (case.shape, case.question) == (Shape.LANGCHAIN_BATCH, "send, delete")
    assert case.foreign is not None and case.allowed == ("approve", "reject", "respond")
    assert case.foreign.proposals == (
        {"name": "send", "args": SENT, "allowed": ["approve", "edit", "reject", "respond"]},
        {"name": "delete", "args": {"path": "/"}, "allowed": ["approve", "reject", "respond"]},
    )


def test_a_batch_takes_one_decision_for_each_call(paused: Callable[[Any], Agent]) -> None:
    """An edit, whose text becomes the number that stood there, and a rejection with its reason."""
    agent = paused("batched")
    [case] = agent.cases.values()

    agent.decide(case, [Edit({"copies": "2"}), Reject(note="Never.")])
    told = agent.resume()

    assert agent.ran == [("send", {**SENT, "copies": 2})]
    assert any("Never." in str(message.content) for message in told)
    after = agent.desk.show(case.id)
    assert (after.status, after.decision_type, after.by) == ("applied", "each", "ana")
    assert [one["type"] for one in after.decision["decisions"]] == ["edit", "reject"]


def test_a_batch_takes_a_response_in_place_of_a_result(paused: Callable[[Any], Agent]) -> None:
    """The person answers for the tool."""
    agent = paused("batched")
    [case] = agent.cases.values()

    agent.decide(case, [Approve(), Respond("It is gone already.")])
    told = agent.resume()

    assert agent.ran == [("send", SENT)]
    assert "It is gone already." in [message.content for message in told]


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        (Approve(), "decisions"),
        ([Approve()], "decisions"),
        ([Approve()] * 3, "decisions"),
        ([], "decisions"),
        ([Approve(), Edit({"path": "/tmp"})], "decisions[1].type"),
        ([Choose("send"), Approve()], "decisions[0].type"),
        ([Edit({"copies": 2}, tool="delete"), Approve()], "decisions[0].tool"),
        ([Approve(), "reject"], "decisions[1]"),
        ([Edit({"copies": float("nan")}), Approve()], "decisions[0].changes.copies"),
    ],
    ids=str,
)
def test_a_wrong_decision_about_a_batch_is_refused(
    paused: Callable[[Any], Agent], decision: Any, field: str
) -> None:
    """Before anything is kept: the middleware itself would raise after it, and the thread with it."""
    agent = paused("batched")
    [case] = agent.cases.values()
    with pytest.raises(AnswerError) as caught:
        agent.decide(case, decision)

    assert caught.value.field == field and agent.desk.show(case.id).status == "pending"
    agent.decide(case, [Approve(), Approve()])
    agent.resume()
    assert len(agent.ran) == 2


def test_our_own_case_takes_no_list(orders: Orders) -> None:
    """One gate asks about one act."""
    order = orders.asked(Shape.NATIVE)
    with pytest.raises(AnswerError, match="answer: is no decision but a list"):
        orders.desk.decide(order.case.id, [Approve()], by="ana", digest=order.case.digest)

    assert order.case.status == "pending"


def test_agent_chat_ui_answers_a_batch_beside_the_desk(paused: Callable[[Any], Agent]) -> None:
    """Its "Submit all" resumes the thread itself; the row says that it was answered elsewhere."""
    agent = paused("batched")
    [case] = agent.cases.values()
    page = AgentChatUI(case.payload)
    page.cards[0].type("to", "ben@example.com")
    page.cards[1].reject("Never.")

    agent.graph.invoke(Command(resume=page.submit()), agent.config)

    assert agent.ran == [("send", {"to": "ben@example.com", "copies": 1})]
    after = agent.desk.show(case.id)
    assert (after.status, after.decision_type) == ("applied", "elsewhere")


# Per call: one question for each


def test_each_call_is_a_case_of_its_own(paused: Callable[[Any], Agent]) -> None:
    """With what its schema allows about it."""
    cases = paused("per_call").cases

    assert {name: case.allowed for name, case in cases.items()} == {
        "send": ("approve", "edit", "reject", "respond"),
        "delete": ("approve", "reject", "respond"),
    }
    assert {case.shape for case in cases.values()} == {Shape.LANGCHAIN_CALL}
    assert cases["send"].proposal == SENT


def test_calls_are_decided_one_by_one_and_matched_by_id(paused: Callable[[Any], Agent]) -> None:
    """Decided in the other order, with text for the number: each lands on its own call."""
    agent = paused("per_call")
    cases = agent.cases

    agent.decide(cases["delete"], Reject(note="Never."))
    agent.decide(cases["send"], Edit({"copies": "2"}))
    told = agent.resume()

    assert agent.ran == [("send", {**SENT, "copies": 2})]
    assert "Never." in str(next(message for message in told if message.tool_call_id == "c2").content)
    assert {agent.desk.show(case.id).status for case in cases.values()} == {"applied"}


def test_one_call_may_wait_while_the_other_is_decided(paused: Callable[[Any], Agent]) -> None:
    """The undecided one stays open, under the same id."""
    agent = paused("per_call")
    cases = agent.cases

    agent.decide(cases["send"], Approve())
    agent.resume()

    assert agent.ran == [("send", SENT)]
    assert {name: case.id for name, case in agent.cases.items()} == {"delete": cases["delete"].id}
    agent.decide(cases["delete"], Respond("Kept."))
    told = agent.resume()
    assert "Kept." in [message.content for message in told] and agent.ran == [("send", SENT)]


@pytest.mark.parametrize(
    ("name", "decision", "field"),
    [
        ("send", Edit({"copies": "many"}), "changes.copies"),
        ("send", Edit({"copies": None}), "changes.copies"),
        ("send", Edit({"bcc": "eve@example.com"}), "changes.bcc"),
        ("send", Edit({"path": "/"}, tool="delete"), "tool"),
        ("send", Choose("x"), "type"),
        ("send", [Approve(), Approve()], "decisions"),
        ("delete", Edit({"path": "/tmp"}), "type"),
        ("delete", {"type": "approve"}, "answer"),
    ],
    ids=str,
)
def test_a_wrong_decision_about_a_call_is_refused(
    paused: Callable[[Any], Agent], name: str, decision: Any, field: str
) -> None:
    """By the tool's own schema, which the question publishes; the case stays as it was."""
    agent = paused("per_call")
    case = agent.cases[name]
    with pytest.raises(AnswerError) as caught:
        agent.decide(case, decision)

    assert caught.value.field == field
    assert agent.desk.show(case.id).status == "pending" and agent.ran == []
