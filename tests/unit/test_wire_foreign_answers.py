"""Interrupts of other origin are answered in their own shape, or the answer is refused."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_graph.decisions import Approve, AskInfo, Choose, Decision, Edit, Reject, Respond, TakeOver
from hitl_graph.errors import AnswerError
from hitl_graph.wire import Shape, answer_foreign, payload_for, read_answer, read_foreign
from tests.unit.wire_samples import BATCH, CALL, HUMAN, TWO, action, call_schema, inbox, review

EDITED = {"to": "ana", "n": 2}
ANSWERED: dict[str, tuple[Any, Any, Any, Any]] = {
    "batch approve": (BATCH, Approve(), None, {"decisions": [{"type": "approve"}]}),
    "batch edit": (
        BATCH,
        Edit({"n": 2}),
        None,
        {"decisions": [{"type": "edit", "edited_action": {"name": "send", "args": EDITED}}]},
    ),
    "batch edit with arguments": (
        {"action_requests": [{"name": "send", "arguments": {"n": 1}}]},
        Edit({"n": 2}),
        None,
        {"decisions": [{"type": "edit", "edited_action": {"name": "send", "arguments": {"n": 2}}}]},
    ),
    "batch reject": (BATCH, Reject(), None, {"decisions": [{"type": "reject"}]}),
    "batch reject, note": (
        BATCH,
        Reject(note="Rude."),
        None,
        {"decisions": [{"type": "reject", "message": "Rude."}]},
    ),
    "batch reject, reason": (
        BATCH,
        Reject(reason="tone"),
        None,
        {"decisions": [{"type": "reject", "message": "tone"}]},
    ),
    "batch respond": (BATCH, Respond("Hi."), None, {"decisions": [{"type": "respond", "message": "Hi."}]}),
    "batch of two": (
        TWO,
        [Approve(), Reject()],
        None,
        {"decisions": [{"type": "approve"}, {"type": "reject"}]},
    ),
    "call approve": (CALL, Approve(), None, {"type": "approve"}),
    "call edit": (
        CALL,
        Edit({"n": 2}),
        None,
        {"type": "edit", "edited_action": {"name": "send", "args": EDITED}},
    ),
    "call reject": (CALL, Reject(note="No."), None, {"type": "reject", "message": "No."}),
    "call respond": (CALL, Respond("Hi."), None, {"type": "respond", "message": "Hi."}),
    "call with a schema": (
        CALL,
        Edit({"n": 2}),
        call_schema("approve", "edit"),
        {"type": "edit", "edited_action": {"name": "send", "args": EDITED}},
    ),
    "human accept": (HUMAN, Approve(), None, [inbox("accept", action({"to": "ana", "n": 1}, "send"))]),
    "human edit": (HUMAN, Edit({"n": 2}), None, [inbox("edit", action(EDITED, "send"))]),
    "human respond": (HUMAN, Respond("Hi."), None, [inbox("response", "Hi.")]),
    "human ignore": (HUMAN, Reject(), None, [inbox("ignore")]),
    "human in a list": ([HUMAN], Reject(), None, [inbox("ignore")]),
    "two humans": (
        [HUMAN, HUMAN],
        [Reject(), Respond("Hi.")],
        None,
        [inbox("ignore"), inbox("response", "Hi.")],
    ),
    "raw respond": ("Age?", Respond("42"), None, "42"),
    "raw respond, number": ("Age?", Respond("42"), {"type": "integer"}, 42),
    "raw respond, object": ("Who?", Respond('{"name": "Ana"}'), {"type": "object"}, {"name": "Ana"}),
    "raw respond, text that looks like a number": ("Code?", Respond("42"), {"type": "string"}, "42"),
    "raw approve": ("Go on?", Approve(), None, True),
    "raw reject": ("Go on?", Reject(), None, False),
    "raw edit": ({"name": ""}, Edit({"name": "Ana"}), None, {"name": "Ana"}),
    "raw edit, schema": ("Who?", Edit({"age": 3}), {"properties": {"age": {"type": "integer"}}}, {"age": 3}),
    "null": (None, Respond("x"), None, "x"),
}


@pytest.mark.parametrize(("payload", "decision", "schema", "answer"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_foreign_interrupt_is_answered_in_its_own_shape(
    payload: Any, decision: Any, schema: Any, answer: Any
) -> None:
    """What the asker gets is what it would get from its own client."""
    assert answer_foreign(payload, decision, response_schema=schema) == answer


@pytest.mark.parametrize(("payload", "decision", "schema", "answer"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_case_that_was_read_is_answered_the_same(
    payload: Any, decision: Any, schema: Any, answer: Any
) -> None:
    """A case carries all that an answer needs: its payload need not be kept."""
    assert answer_foreign(read_foreign(payload, "ask", schema), decision) == answer


MISFITS: dict[str, tuple[Any, Any, Any, str]] = {
    "choose": (BATCH, Choose("a"), None, "type"),
    "ask": (HUMAN, AskInfo("?"), None, "type"),
    "take over": ("Age?", TakeOver(), None, "type"),
    "flag not set": ({**HUMAN, "config": {"allow_accept": True}}, Edit({"n": 2}), None, "type"),
    "flag false": ({**HUMAN, "config": {"allow_accept": False}}, Approve(), None, "type"),
    "decision not allowed": (TWO, [Approve(), Approve()], None, "decisions[1].type"),
    "one decision for two": (TWO, Reject(), None, "decisions"),
    "three decisions for two": (TWO, [Reject()] * 3, None, "decisions"),
    "no decisions": (BATCH, [], None, "decisions"),
    "two decisions for a question": ("Age?", [Respond("1"), Respond("2")], None, "decisions"),
    "call not allowed": (CALL, Approve(), call_schema("reject"), "type"),
    "call against its schema": (CALL, Edit({"n": "two"}), call_schema("approve", "edit"), "changes.n"),
    "raw against its schema": ("Age?", Respond("old"), {"type": "integer"}, "answer"),
    "raw against its schema, inside": (
        "Who?",
        Edit({"age": "old"}),
        {"properties": {"age": {"type": "integer"}}},
        "answer.age",
    ),
    "raw true where a number is wanted": ("Age?", Approve(), {"type": "integer"}, "type"),
    "broken schema": ("Age?", Respond("1"), {"type": "nothing"}, "answer"),
    "batch against its args_schema": (
        {
            "action_requests": [{"name": "send", "args": {"n": 1}}],
            "review_configs": [
                {
                    "action_name": "send",
                    "allowed_decisions": ["edit"],
                    "args_schema": {"properties": {"n": {"type": "integer"}}},
                }
            ],
        },
        Edit({"n": "two"}),
        None,
        "changes.n",
    ),
    "NaN": (HUMAN, Edit({"n": float("nan")}), None, "changes.n"),
    "NUL": ("Age?", Respond("\x00"), None, "message"),
    "no decision": (BATCH, None, None, "answer"),
    "a dict": (BATCH, {"type": "approve"}, None, "answer"),
}


@pytest.mark.parametrize(("payload", "decision", "schema", "field"), MISFITS.values(), ids=MISFITS.keys())
def test_a_decision_that_the_asker_does_not_take_is_refused(
    payload: Any, decision: Any, schema: Any, field: str
) -> None:
    """Flags, lengths and schemas of the asker are kept, and the error names the field."""
    with pytest.raises(AnswerError) as caught:
        answer_foreign(payload, decision, response_schema=schema)
    assert caught.value.field == field


def test_the_error_names_the_node_that_asked() -> None:
    """`where` says which interrupt would not take the answer."""
    with pytest.raises(AnswerError, match=r"^interrupt of node 'ask': type: "):
        answer_foreign(read_foreign("Age?", "ask"), TakeOver())


def test_text_of_a_batch_edit_is_turned_by_its_schema() -> None:
    """A command line gives text; the asker's schema says what it is."""
    schema = {"properties": {"n": {"type": "integer"}}}
    payload = {
        "action_requests": [{"name": "send", "args": {"n": 1}}],
        "review_configs": [{"action_name": "send", "allowed_decisions": ["edit"], "args_schema": schema}],
    }
    assert answer_foreign(payload, Edit({"n": "2"}))["decisions"][0]["edited_action"]["args"] == {"n": 2}


def test_our_own_case_is_answered_natively() -> None:
    """A native request that is met in the list of interrupts is answered as our own."""
    case = read_foreign(payload_for(review(), Shape.NATIVE))
    assert case.shape is Shape.NATIVE and answer_foreign(case, Approve()) == {"type": "approve"}


@pytest.mark.parametrize("shape", [Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
@pytest.mark.parametrize(
    "decision", [Approve(), Edit({"amount": 41}), Reject(), Respond("Hi.")], ids=lambda d: d.type
)
def test_what_we_answer_to_a_shape_is_what_we_read_of_it(shape: Shape, decision: Decision) -> None:
    """Writing an answer in a client's shape and reading it back gives the same decision."""
    request = review()
    answer = answer_foreign(payload_for(request, shape), decision)
    assert read_answer(answer, request).decision == decision
