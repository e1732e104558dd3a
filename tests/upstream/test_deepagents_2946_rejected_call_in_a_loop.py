"""deepagents 2946 (and 2947): a rejection must not lead to the same question for ever.

The model took the rejection for a tool that had failed, and called it again; the reviewer was asked again, and so on.
"""

from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from hitl_graph import Reject
from hitl_graph.agents import GateMiddleware
from tests.support.agent_threads import AgentThread, Mode, agent_gate
from tests.support.deep_agents import DeepThread, delegate
from tests.support.fake_model import call

STUBBORN = [call("send_email", f"c{number}", to="ana") for number in range(1, 9)]
"""A model that proposes one and the same call whatever it is told."""


def stubborn(mode: Mode = "sync", **more: Any) -> AgentThread:
    gate = GateMiddleware({"send_email": agent_gate()}, **more)
    return AgentThread(gate, *STUBBORN, mode=mode).start()


def test_deepagents_2946_the_model_is_told_that_a_person_said_no() -> None:
    """In words that no model can take for a failure of the tool."""
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), call("send_email", to="ana"), "Ended.")
    thread.start()

    thread.answer({"type": "reject", "reason": "tone", "note": "Far too harsh.", "by": "carol"})

    told = str(thread.told().content)
    assert all(words in told for words in ("carol", "rejected", "not run", "tone", "Far too harsh."))
    assert "Do not propose the same call again" in told


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_deepagents_2946_the_same_call_again_is_not_asked_about_again(mode: Mode) -> None:
    """The one rejection stands: no second question, no act."""
    thread = stubborn(mode)

    thread.answer(Reject())

    assert (thread.open, thread.ran) == ([], [])
    assert [record["decision"] for record in thread.values["reviews"]] == ["reject"]


def test_deepagents_2946_an_agent_that_only_repeats_itself_is_stopped() -> None:
    """It says so in its last message, instead of asking the model without end."""
    thread = stubborn()

    thread.answer(Reject())

    assert len(thread.model.sent) == 4  # the call, and three more of the same
    assert thread.messages[-1].type == "ai"
    assert "refused" in str(thread.messages[-1].content)


@pytest.mark.parametrize(("allowed", "asked"), [(0, 2), (1, 3), (5, 7)])
def test_deepagents_2946_how_often_it_may_repeat_itself_can_be_said(allowed: int, asked: int) -> None:
    """`max_repeats` counts the repeats after the rejection."""
    thread = stubborn(max_repeats=allowed)

    thread.answer(Reject())

    assert len(thread.model.sent) == asked


def test_deepagents_2946_a_better_proposal_is_asked_about() -> None:
    """A rejection is about that call, not about the tool."""
    better = call("send_email", "c2", to="ana", body="Dear Ana")
    thread = AgentThread(
        GateMiddleware({"send_email": agent_gate()}), call("send_email", to="ana"), better, "Ended."
    ).start()

    thread.answer(Reject())

    assert list(thread.cases) == ["c2"]
    assert thread.cases["c2"]["previous"]["decision"] == "reject"


def test_deepagents_2946_the_user_may_ask_for_it_once_more() -> None:
    """After a new message of theirs the same call is a new case."""
    thread = AgentThread(
        GateMiddleware({"send_email": agent_gate()}),
        call("send_email", to="ana"),
        "I did not send it.",
        call("send_email", "c2", to="ana"),
    ).start()
    thread.answer(Reject())

    thread.run({"messages": [("user", "Please do send it.")]})

    assert list(thread.cases) == ["c2"]


def test_deepagents_2946_a_deep_agent_with_a_stubborn_model_ends() -> None:
    """With `create_deep_agent`, as reported."""

    def again(messages: list[BaseMessage]) -> Any:
        return STUBBORN[sum(message.type == "ai" for message in messages)]

    thread = DeepThread([again] * 8, [], gate_the_supervisor=True).start()

    thread.answer(Reject())

    assert (thread.open, thread.ran) == ([], [])


def test_deepagents_2946_a_subagent_with_a_stubborn_model_ends_and_the_supervisor_goes_on() -> None:
    """It is stopped alone, and the supervisor hears of it."""
    thread = DeepThread([delegate(), "I could not send it."], list(STUBBORN)).start()

    thread.answer(Reject())

    assert (thread.open, thread.ran) == ([], [])
    assert "refused" in str(thread.told("t1").content)
    assert thread.messages[-1].content == "I could not send it."
