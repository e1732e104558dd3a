"""An edit may call another tool, where the case allows it: checked whole, coerced, and never anything else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hitl_graph.answers import apply_decision, check_decision
from hitl_graph.decisions import Edit, decision_from_json
from hitl_graph.errors import AnswerError
from hitl_graph.gates import Ask
from hitl_graph.nodes.response import answer_schema
from hitl_graph.reviews import ReviewRequest, ToolCall
from hitl_graph.wire import Shape, payload_for, read_answer
from tests.unit.factories import EMAIL, review_gate

DRAFT = {
    "type": "object",
    "properties": {"body": {"type": "string"}, "copies": {"type": "integer"}},
    "required": ["body"],
}


def request() -> ReviewRequest:
    """A case of a plain graph."""
    verdict = review_gate().judge({"email": EMAIL, "ticket": {"body": "Where is my card?"}})
    assert isinstance(verdict, Ask)
    return verdict.request


def tool_case(**changes: Any) -> ReviewRequest:
    """A case about a call of `send_email`, which may become one of `save_draft`."""
    fields: dict[str, Any] = {
        "tool_call": ToolCall("call_1", "send_email"),
        "other_tools": {"save_draft": DRAFT},
    }
    return dataclasses.replace(request(), **{**fields, **changes}).sealed()


def test_another_tool_is_called_with_all_of_its_arguments() -> None:
    """The proposal's own arguments are not mixed in, and text becomes the type that the tool wants."""
    case = tool_case()

    decision = check_decision(case, Edit({"body": "Hi", "copies": "2"}, tool="save_draft"))

    assert apply_decision(case, decision).final == {"body": "Hi", "copies": 2}


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (Edit({"body": "Hi"}, tool="delete_account"), "tool"),
        (Edit({}, tool="save_draft"), "changes.body"),
        (Edit({"body": "Hi", "to": "x@example.com"}, tool="save_draft"), "changes.to"),
        (Edit({"body": "Hi", "copies": "many"}, tool="save_draft"), "changes.copies"),
        (Edit({}, tool="send_email"), "changes"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.tool}{value.changes}",
)
def test_what_the_other_tool_does_not_take_is_refused(edit: Edit, field: str) -> None:
    """An edit reaches no tool that the case does not name, and none with arguments that are not its own."""
    with pytest.raises(AnswerError) as refused:
        check_decision(tool_case(), edit)

    assert refused.value.field == field


def test_a_case_about_no_tool_call_takes_no_tool() -> None:
    """A gate in a plain graph has one act."""
    with pytest.raises(AnswerError) as refused:
        check_decision(request(), Edit({"body": "Hi"}, tool="save_draft"))

    assert refused.value.field == "tool"


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "edit", "tool": "save_draft", "changes": {"body": "Hi"}},
        {"decisions": [{"type": "edit", "edited_action": {"name": "save_draft", "args": {"body": "Hi"}}}]},
        {"type": "edit", "edited_action": {"name": "save_draft", "args": {"body": "Hi"}}},
        [{"type": "edit", "args": {"action": "save_draft", "args": {"body": "Hi"}}}],
    ],
    ids=["native", "batch", "call", "inbox"],
)
def test_every_client_can_name_the_other_tool(answer: Any) -> None:
    """The shapes in which clients send an edited action say its name."""
    decision = read_answer(answer, tool_case()).decision

    assert decision == Edit({"body": "Hi"}, tool="save_draft")


@pytest.mark.parametrize(
    "answer",
    [
        {"decisions": [{"type": "edit", "edited_action": {"name": "rm", "args": {"body": "Hi"}}}]},
        [{"type": "edit", "args": {"action": "rm", "args": {"body": "Hi"}}}],
        {"type": "edit", "tool": "rm", "changes": {"body": "Hi"}},
    ],
    ids=["batch", "inbox", "native"],
)
def test_a_tool_that_the_case_does_not_name_is_out_of_reach(answer: Any) -> None:
    """No shape is a way around."""
    with pytest.raises(AnswerError):
        read_answer(answer, tool_case())


@pytest.mark.parametrize("shape", [Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
def test_older_clients_are_shown_the_tools_name(shape: Shape) -> None:
    """What the agent calls is what they render."""
    payload: Any = payload_for(tool_case(), shape)

    inbox = isinstance(payload, list)
    shown = payload[0]["action_request"]["action"] if inbox else payload["action_requests"][0]["name"]
    assert shown == "send_email"


def test_the_published_form_offers_the_tools_that_may_be_named() -> None:
    """A client that draws the form from the schema can offer them."""
    forms = {form["title"]: form for form in answer_schema(tool_case())["oneOf"]}

    assert forms["edit"]["properties"]["tool"]["enum"] == ["send_email", "save_draft"]


def test_an_empty_edit_says_what_is_missing() -> None:
    """By hand and from JSON, in our own words."""
    with pytest.raises(AnswerError) as refused:
        decision_from_json({"type": "edit", "changes": {}})

    assert refused.value.field == "changes"
    assert "name a field" in refused.value.problem
