"""What a review takes for an answer, and what it refuses with the field at fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_graph.answers import MAX_ANSWER_BYTES, MAX_ANSWER_DEPTH, apply_decision, check_decision, same_json
from hitl_graph.decisions import (
    DECISIONS,
    Approve,
    AskInfo,
    Choose,
    Decision,
    Edit,
    Reject,
    Respond,
    TakeOver,
    decision_to_json,
)
from hitl_graph.errors import AnswerError
from hitl_graph.reviews import ReviewRequest
from hitl_graph.schemas import fault
from tests.unit.answer_reviews import ANY, JSON_VALUES, PROPOSAL, SCHEMA, refusal, review


@pytest.mark.parametrize(
    "decision",
    [
        Approve(note="fine"),
        Edit({"body": "Wait a day."}, reason="tone"),
        Reject(reason="wrong"),
        Choose("refund"),
        Respond("Ask the bank."),
        AskInfo("Which card?"),
        TakeOver(),
    ],
    ids=lambda decision: decision.type,
)
def test_each_kind_passes_unchanged_where_it_is_allowed(decision: Decision) -> None:
    """A decision that the review takes comes back equal."""
    assert check_decision(review(), decision) == decision


@pytest.mark.parametrize("kind", DECISIONS)
def test_a_kind_that_is_not_allowed_is_refused_with_those_that_are(kind: str) -> None:
    """The error names `type` and lists what may be decided."""
    decision = {
        "edit": Edit({"body": "other"}),
        "choose": Choose("refund"),
        "respond": Respond("x"),
        "ask_info": AskInfo("x"),
        "approve": Approve(),
        "reject": Reject(),
        "take_over": TakeOver(),
    }[kind]
    others = tuple(word for word in DECISIONS if word != kind)

    error = refusal(review(allowed=others), decision)

    assert error.field == "type" and " or ".join(others) in error.problem


def test_the_error_says_which_review() -> None:
    """`where` names the gate, so that an error in a log can be found."""
    assert refusal(review(allowed=("reject",)), Approve()).where == "review of gate 'reply'"


def test_an_unknown_option_is_refused_with_the_options() -> None:
    """A choice outside the list names `option` and lists the values."""
    error = refusal(review(), Choose("pay"))
    assert error.field == "option" and "refund or wait" in error.problem


def test_a_choice_without_options_is_refused() -> None:
    """A review without options takes no choice, even if the kind is allowed."""
    assert refusal(review(options=()), Choose("refund")).field == "option"


BAD_EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"bcc": "x@example.com"}, "changes.bcc"),
    "unknown field inside": ({"address": {"city": "Bonn", "planet": "Mars"}}, "changes.address.planet"),
    "unknown field in a row": ({"lines": [{"sku": "a", "amount": 1, "free": True}]}, "changes.lines[0].free"),
    "wrong type": ({"body": 3}, "changes.body"),
    "wrong type inside": (
        {"lines": [{"sku": "a", "amount": 1}, {"sku": "b", "amount": "x"}]},
        "changes.lines[1].amount",
    ),
    "above the maximum": ({"lines": [{"sku": "a", "amount": 101}]}, "changes.lines[0].amount"),
    "missing inside": ({"lines": [{"sku": "a"}]}, "changes.lines[0].amount"),
    "too many entries": ({"lines": [{"sku": "a", "amount": 1}] * 4}, "changes.lines"),
    "below the minimum": ({"amount": -1}, "changes.amount"),
    "bool for a number": ({"amount": True}, "changes.amount"),
    "null": ({"body": None}, "changes.body"),
    "too short": ({"body": "no"}, "changes.body"),
    "too long": ({"body": "x" * 2001}, "changes.body"),
    "pattern": ({"address": {"city": "Bonn", "zip": "D-53"}}, "changes.address.zip"),
    "no email": ({"to": "ana at example"}, "changes.to"),
    "no date": ({"due": "soon"}, "changes.due"),
    "not in the enum": ({"kind": "loan"}, "changes.kind"),
    "NaN": ({"rate": float("nan")}, "changes.rate"),
    "infinity": ({"rate": float("-inf")}, "changes.rate"),
    "NaN deep inside": ({"lines": [{"sku": "a", "amount": float("nan")}]}, "changes.lines[0].amount"),
    "integer over 2^53": ({"amount": 2**53 + 1}, "changes.amount"),
    "lone surrogate": ({"body": "broken \ud800 text"}, "changes.body"),
    "NUL": ({"body": "broken \x00 text"}, "changes.body"),
    "no JSON": ({"body": object()}, "changes.body"),
    "bytes": ({"body": b"abc"}, "changes.body"),
    "10 MB": ({"body": "x" * 10_000_000}, "changes"),
    "10 MB in small parts": ({"body": ["x"] * 5_000_000}, "changes"),
    "too deep": ({"body": json.loads("[" * 100 + "]" * 100)}, "changes"),
}


@pytest.mark.parametrize(("changes", "field"), BAD_EDITS.values(), ids=BAD_EDITS.keys())
def test_a_bad_edit_is_refused_with_the_field(changes: dict[str, Any], field: str) -> None:
    """Each bad edit names the dotted path of the field that is at fault."""
    assert refusal(review(), Edit(changes)).field == field


@pytest.mark.parametrize(("changes", "field"), BAD_EDITS.values(), ids=BAD_EDITS.keys())
def test_a_bad_edit_leaves_the_review_answerable(changes: dict[str, Any], field: str) -> None:
    """After a refusal nothing of the request has changed, and the same review takes a good answer."""
    request = review()
    refusal(request, Edit(changes))
    assert request == review() and check_decision(request, Approve()) == Approve()


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        (Approve(note="a\ud800"), "note"),
        (Approve(note="a\x00b"), "note"),
        (Reject(reason="a\x00b"), "reason"),
        (Respond("a\x00b"), "message"),
        (AskInfo("a\x00b"), "question"),
        (Choose("a\x00b"), "option"),
        (Approve(note="x" * (MAX_ANSWER_BYTES + 1)), "note"),
        (Respond(" \n "), "message"),
        (AskInfo("  "), "question"),
        (Edit({"body\x00": "text"}), "changes (a key)"),
        (Edit({"body": {1: "x"}}), "changes.body"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_every_text_of_a_decision_is_checked(decision: Decision, field: str) -> None:
    """NUL, surrogates, blanks and size are refused in each field, not in edits alone."""
    assert refusal(review(), decision).field == field


@pytest.mark.parametrize("value", [None, {}, [], "approve", True, 1, {"type": "approve"}, Approve], ids=repr)
def test_what_is_no_decision_is_refused(value: Any) -> None:
    """`check_decision` takes decisions alone; anything else is an AnswerError, not a crash."""
    assert refusal(review(), value).field == "answer"


def test_size_is_measured_in_canonical_bytes() -> None:
    """A text that is short in characters and too long in UTF-8 is refused."""
    euro = "\u20ac" * (MAX_ANSWER_BYTES // 3 + 1)
    assert refusal(review(edit_schema=None), Edit({"body": euro})).field == "changes"


def test_the_largest_answer_that_fits_is_taken() -> None:
    """Just below the limit nothing is refused."""
    body = "x" * (MAX_ANSWER_BYTES - 200)
    decided = check_decision(review(edit_schema=None), Edit({"body": body}))
    assert isinstance(decided, Edit) and decided.changes == {"body": body}


def test_a_value_that_holds_itself_is_refused() -> None:
    """A cycle is found without recursion."""
    loop: list[Any] = []
    loop.append(loop)
    assert f"{MAX_ANSWER_DEPTH} levels" in refusal(review(), Edit({"body": loop})).problem


def test_a_problem_never_quotes_the_value() -> None:
    """An edit may hold what must not reach a log."""
    error = refusal(review(), Edit({"to": "my secret"}))
    assert "secret" not in str(error)


def test_a_name_that_came_with_the_answer_is_made_printable() -> None:
    """An unknown field cannot put escape codes or a page of text into an error."""
    error = refusal(review(), Edit({"\x1b[31m" + "x" * 500: 1}))
    assert "\x1b" not in str(error) and len(error.field) <= 120


def test_a_small_value_that_unfolds_into_a_huge_one_is_refused() -> None:
    """Lists that share their parts are measured as the JSON that they would be, and not by walking it all."""
    shared: list[Any] = ["text"]
    for _ in range(MAX_ANSWER_DEPTH - 4):
        shared = [shared, shared]
    assert "too large" in refusal(review(), Edit({"body": shared})).problem


@ANY
@given(changes=st.dictionaries(st.sampled_from([*PROPOSAL, "bcc"]), JSON_VALUES, min_size=1))
def test_an_edit_that_passes_gives_a_valid_proposal(changes: dict[str, Any]) -> None:
    """Whatever is edited, the final version satisfies the schema or the edit was refused."""
    request = review()
    try:
        decided = check_decision(request, Edit(changes))
    except AnswerError:
        return
    assert fault(apply_decision(request, decided).final, SCHEMA) is None


@ANY
@given(changes=st.dictionaries(st.sampled_from([*PROPOSAL, "bcc"]), JSON_VALUES, min_size=1))
def test_checking_twice_is_checking_once(changes: dict[str, Any]) -> None:
    """A stored decision passes again, unchanged: the desk checks it, and the gate checks it again."""
    for request in (review(), review(edit_schema=None)):
        try:
            once = check_decision(request, Edit(changes))
        except AnswerError:
            continue
        again = check_decision(ReviewRequest.from_json(json.loads(json.dumps(request.to_json()))), once)
        assert same_json(decision_to_json(again), decision_to_json(once))
