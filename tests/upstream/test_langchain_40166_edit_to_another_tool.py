"""langchain 40166: an edit that names another tool must not pass by that tool's own policy.

The reporter let a reviewer edit a call of one tool into a call of another that has a gate of its own. LangChain's
middleware ran it without asking anybody about it.
"""

from typing import Any

import pytest
from pydantic import ValidationError

from hitl_graph import Approve, Edit, Reject
from hitl_graph.agents import GateMiddleware
from tests.support.agent_threads import AgentThread, agent_gate
from tests.support.fake_model import call

TO_DELETE = {"type": "edit", "edited_action": {"name": "delete_file", "args": {"path": "a.txt"}}}


def gates(**changes: Any) -> dict[Any, Any]:
    return {
        "send_email": agent_gate("mail"),
        "delete_file": agent_gate("files", allowed=("approve", "reject"), **changes),
    }


def paused(**more: Any) -> AgentThread:
    thread = AgentThread(GateMiddleware(gates(), **more), call("send_email", to="ana"), "Ended.")
    return thread.start()


@pytest.mark.parametrize(
    "answer",
    [
        Edit({"path": "a.txt"}, tool="delete_file"),
        TO_DELETE,
        {"decisions": [TO_DELETE]},
        [{"type": "edit", "args": {"action": "delete_file", "args": {"path": "a.txt"}}}],
    ],
    ids=["native", "per call", "batched", "agent inbox"],
)
def test_langchain_40166_a_tool_that_was_not_offered_cannot_be_reached_by_an_edit(answer: object) -> None:
    """In no shape of answer; nothing runs, and the case can still be answered."""
    thread = paused()

    with pytest.raises(ValidationError, match="tool|name|action"):
        thread.answer(answer)

    assert thread.ran == []
    thread.answer(Approve())
    assert thread.ran == ["send_email(ana, )"]


def test_langchain_40166_an_edit_to_a_gated_tool_is_a_review_of_that_tools_gate() -> None:
    """The first yes does not run it: its own gate asks, with its own decisions."""
    thread = paused(edit_to={"send_email": ["delete_file"]})

    thread.answer(TO_DELETE)

    assert thread.ran == []
    case = thread.cases["c1"]
    assert (case["gate"], case["tool_call"]["name"], case["proposal"]) == (
        "files",
        "delete_file",
        {"path": "a.txt"},
    )
    assert "edit" not in case["allowed"]


def test_langchain_40166_the_other_tool_runs_after_its_own_gates_yes() -> None:
    """Once, with the edited arguments; the tool that the model called does not."""
    thread = paused(edit_to={"send_email": ["delete_file"]})

    thread.answer(TO_DELETE)
    thread.answer(Approve())

    assert thread.ran == ["delete_file(a.txt)"]


def test_langchain_40166_the_other_gates_no_stops_it() -> None:
    """Then neither of the two tools runs."""
    thread = paused(edit_to={"send_email": ["delete_file"]})

    thread.answer(TO_DELETE)
    thread.answer(Reject())

    assert thread.ran == []


def test_langchain_40166_a_chain_of_edits_is_asked_at_each_gate() -> None:
    """A to B to C: the last tool runs only after its own gate has said yes."""
    gates: dict[Any, Any] = {
        "send_email": agent_gate("mail"),
        "save_draft": agent_gate("drafts"),
        "delete_file": agent_gate("files"),
    }
    edit_to = {"send_email": ["save_draft"], "save_draft": ["delete_file"]}
    thread = AgentThread(
        GateMiddleware(gates, edit_to=edit_to), call("send_email", to="ana"), "Ended."
    ).start()

    thread.answer(Edit({"to": "ana"}, tool="save_draft"))
    thread.answer(Edit({"path": "a.txt"}, tool="delete_file"))

    assert (thread.ran, thread.cases["c1"]["gate"]) == ([], "files")
    thread.answer(Approve())
    assert thread.ran == ["delete_file(a.txt)"]


def test_langchain_40166_both_decisions_are_on_record() -> None:
    """Who let the first gate pass and who the second, and what the call came to."""
    thread = paused(edit_to={"send_email": ["delete_file"]})

    thread.answer({**TO_DELETE, "by": "ana"})
    thread.answer({"type": "approve", "by": "bob"})

    records = thread.values["reviews"]
    assert [(one["gate"], one["decision"], one["by"], one["final_tool"]) for one in records] == [
        ("mail", "edit", "ana", "delete_file"),
        ("files", "approve", "bob", "delete_file"),
    ]
