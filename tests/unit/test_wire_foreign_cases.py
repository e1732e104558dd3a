"""Interrupts of other origin are recognised, read and shown."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from hitl_graph.decisions import Approve
from hitl_graph.wire import Shape, answer_foreign, native_request, read_foreign, recognise
from tests.unit.wire_samples import BATCH, CALL, HUMAN, TWO, call_schema

SHAPES: dict[str, tuple[Any, Shape]] = {
    "batch": (BATCH, Shape.LANGCHAIN_BATCH),
    "batch without configs": (
        {"action_requests": [{"name": "send", "arguments": {}}]},
        Shape.LANGCHAIN_BATCH,
    ),
    "batch as text": (json.dumps(BATCH), Shape.LANGCHAIN_BATCH),
    "empty batch": ({"action_requests": [], "review_configs": []}, Shape.RAW),
    "batch of text": ({"action_requests": ["send"]}, Shape.RAW),
    "call": (CALL, Shape.LANGCHAIN_CALL),
    "other type": ({**CALL, "type": "tool"}, Shape.RAW),
    "human interrupt": (HUMAN, Shape.AGENT_INBOX),
    "list of one": ([HUMAN], Shape.AGENT_INBOX),
    "list of two": ([HUMAN, HUMAN], Shape.AGENT_INBOX),
    "as text": (json.dumps([HUMAN]), Shape.AGENT_INBOX),
    "half a human interrupt": ({"action_request": {"action": "send"}}, Shape.RAW),
    "list of something else": ([HUMAN, 1], Shape.RAW),
    "a question": ("How old are you?", Shape.RAW),
    "broken text": ('{"action_request":', Shape.RAW),
    "a number": (3, Shape.RAW),
    "null": (None, Shape.RAW),
    "an object": ({"question": "How old?"}, Shape.RAW),
    "a Python object": (object(), Shape.RAW),
    "a later version of ours": ({"v": 2, "gate": "g", "digest": "d"}, Shape.RAW),
    "ours without a digest": ({"v": 1, "gate": "g", "digest": ""}, Shape.RAW),
}


@pytest.mark.parametrize(("payload", "shape"), SHAPES.values(), ids=SHAPES.keys())
def test_an_interrupt_is_recognised(payload: Any, shape: Shape) -> None:
    """Each asker's payload has its shape, and what is none of them is raw."""
    assert recognise(payload) is shape


@pytest.mark.parametrize("payload", [None, "text", HUMAN, [HUMAN], {"hitl": {"v": 1}}, {"hitl": 3}], ids=str)
def test_a_foreign_payload_holds_no_request_of_ours(payload: Any) -> None:
    """Only a request of ours is taken for one."""
    assert native_request(payload) is None


@pytest.mark.parametrize(
    ("payload", "schema", "title", "description", "allowed"),
    [
        (BATCH, None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        (TWO, None, "send, delete", json.dumps(TWO), ("reject",)),
        (CALL, None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        (CALL, call_schema("approve", "reject"), "send", "Sends it.", ("approve", "reject")),
        (CALL, call_schema("edit"), "send", "Sends it.", ("edit",)),
        (HUMAN, None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        ([HUMAN], None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        (
            "How old are you?\nIn years.",
            None,
            "How old are you?",
            "How old are you?\nIn years.",
            ("approve", "edit", "reject", "respond"),
        ),
        ({"question": "How old?"}, None, "How old?", "How old?", ("approve", "edit", "reject", "respond")),
        ({"n": 1}, None, '{"n": 1}', '{"n": 1}', ("approve", "edit", "reject", "respond")),
        ("Age?", {"type": "integer"}, "Age?", "Age?", ("respond",)),
        ("Go on?", {"type": "boolean"}, "Go on?", "Go on?", ("approve", "reject", "respond")),
        ("Fill in.", {"type": "object"}, "Fill in.", "Fill in.", ("edit", "respond")),
        ("", None, "ask", "", ("approve", "edit", "reject", "respond")),
    ],
    ids=str,
)
def test_a_foreign_case_is_read(
    payload: Any, schema: Any, title: str, description: str, allowed: tuple[str, ...]
) -> None:
    """A case of other origin has a title, a text and the decisions that its asker takes."""
    case = read_foreign(payload, "ask", schema)
    assert (case.title, case.description, set(case.allowed)) == (title, description, set(allowed))


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("allow_accept", "approve"),
        ("allow_edit", "edit"),
        ("allow_respond", "respond"),
        ("allow_ignore", "reject"),
    ],
)
def test_the_flags_of_a_human_interrupt_are_what_is_allowed(flag: str, kind: str) -> None:
    """One flag set, one decision allowed."""
    case = read_foreign({**HUMAN, "config": {flag: True}})
    assert case.allowed == (kind,)


def test_each_act_of_a_batch_has_its_own_arguments_and_decisions() -> None:
    """Configurations are found by the act's name, not by position."""
    assert read_foreign(TWO).proposals == (
        {"name": "send", "args": {"n": 1}, "allowed": ["approve", "reject"]},
        {"name": "delete", "args": {"path": "/"}, "allowed": ["reject"]},
    )


@pytest.mark.parametrize(
    "bad", [float("nan"), 2**60, "\ud800", object(), b"x"], ids=["nan", "int", "text", "object", "bytes"]
)
def test_a_case_with_values_that_are_no_json_is_listed(bad: Any) -> None:
    """It is shown, it can be approved, and it cannot be edited, for the rest would be sent back changed."""
    case = read_foreign([{**HUMAN, "action_request": {"action": "send", "args": {"n": bad, "to": "ana"}}}])
    json.dumps(dataclasses.asdict(case)).encode()
    assert case.proposals[0]["args"]["to"] == "ana" and "edit" not in case.allowed
    assert answer_foreign(case, Approve()) == [{"type": "accept", "args": None}]
