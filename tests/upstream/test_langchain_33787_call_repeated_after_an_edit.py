"""langchain 33787: after an edit the agent proposed its own, original call again.

The model was not told that a person had changed the call, so it took the user's wish for unfulfilled.
"""

import pytest
from langchain_core.messages import AIMessage

from hitl_graph import Edit
from hitl_graph.agents import GateMiddleware
from tests.support.agent_threads import AgentThread, Says, agent_gate
from tests.support.fake_model import call

ORIGINAL = {"name": "send_email", "args": {"to": "alice@example.com"}, "id": "c1"}


def edited(*then: Says) -> AgentThread:
    """The recipient is changed from alice to bob; then the model says the rest of its script."""
    script = call("send_email", to="alice@example.com")
    thread = AgentThread(GateMiddleware({"send_email": agent_gate(identity=())}), script, *then).start()
    thread.answer({"type": "edit", "changes": {"to": "bob@example.com"}, "by": "carol"})
    return thread


def test_langchain_33787_the_edited_call_runs_once() -> None:
    """With the person's arguments."""
    thread = edited("Sent.")

    assert thread.ran == ["send_email(bob@example.com, )"]


def test_langchain_33787_the_model_is_told_who_changed_it_and_what_ran() -> None:
    """Before the tool's result, in the answer to its own call."""
    told = str(edited("Sent.").told().content)

    notice, result = told.split("\n\n")
    assert "carol" in notice and "changed" in notice
    assert '"to": "bob@example.com"' in notice
    assert "not repeat" in notice
    assert result == "done: send_email(bob@example.com, )"


def test_langchain_33787_the_models_own_call_stands_as_it_wrote_it() -> None:
    """Its reasoning led to that call; a rewritten history would not fit it."""
    thread = edited("Sent.")

    assert thread.proposals == [ORIGINAL]


def test_langchain_33787_the_original_call_proposed_again_is_not_asked_about_again() -> None:
    """A model that will not listen is told so; no person has to say no for ever."""
    thread = edited(call("send_email", "c2", to="alice@example.com"), "Sent to Bob instead.")

    assert thread.open == []
    assert thread.ran == ["send_email(bob@example.com, )"]
    assert "replaced" in str(thread.told("c2").content)
    assert thread.messages[-1].content == "Sent to Bob instead."


def test_langchain_33787_the_same_call_in_another_turn_of_the_user_is_asked_about() -> None:
    """The user may ask for just that: then it is a new case."""
    thread = edited("Sent to Bob.", call("send_email", "c2", to="alice@example.com"))

    thread.run({"messages": [("user", "And to Alice as well, please.")]})

    assert list(thread.cases) == ["c2"]


@pytest.mark.parametrize("field", ["to", "body"])
def test_langchain_33787_any_other_call_is_asked_about_as_ever(field: str) -> None:
    """Only just the same call is known already."""
    args = {"to": "alice@example.com", field: "new"}
    again = AIMessage("", tool_calls=[{"name": "send_email", "args": args, "id": "c2"}])

    thread = edited(again)

    assert list(thread.cases) == ["c2"]


def test_langchain_33787_an_edit_that_changes_nothing_needs_no_notice() -> None:
    """It is an approval."""
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), call("send_email", to="ana"), "Sent.")
    thread.start()

    thread.answer(Edit({"to": "ana"}))

    assert thread.told().content == "done: send_email(ana, )"
