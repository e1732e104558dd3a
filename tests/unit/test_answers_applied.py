"""What comes of a decision: its outcome, the final version and the patch."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given

from hitl_graph.answers import apply_decision, json_patch, same_json
from hitl_graph.decisions import Approve, AskInfo, Choose, Decision, Edit, Reject, Respond, TakeOver
from hitl_graph.reviews import Option
from tests.unit.answer_reviews import ANY, JSON_VALUES, PROPOSAL, review


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        (Approve(), "approved"),
        (Edit({"body": "new"}), "approved"),
        (Choose("refund"), "approved"),
        (Reject(), "rejected"),
        (Respond("x"), "responded"),
        (AskInfo("x"), "asked"),
        (TakeOver(), "taken_over"),
    ],
    ids=lambda part: getattr(part, "type", part),
)
def test_each_kind_has_its_outcome(decision: Decision, outcome: str) -> None:
    """The outcome is one word per kind, and only an approval has a final version."""
    applied = apply_decision(review(), decision)
    assert applied.outcome == outcome and (applied.final is not None) == (outcome == "approved")


def test_approval_leaves_the_proposal_as_it_was_shown() -> None:
    """What is approved is byte for byte what was proposed, with nothing in the patch."""
    applied = apply_decision(review(), Approve())
    assert applied.final == PROPOSAL and applied.patch == ()


def test_an_edit_replaces_whole_fields() -> None:
    """A changed field is replaced, and the others stand."""
    applied = apply_decision(review(), Edit({"address": {"city": "Ulm"}}))
    assert applied.final == {**PROPOSAL, "address": {"city": "Ulm"}}


def test_the_request_is_not_touched_by_applying() -> None:
    """`proposed` is immutable: the final version shares nothing with it."""
    request = review()
    final = apply_decision(request, Edit({"body": "new"})).final
    assert final is not None
    final["lines"][0]["amount"] = 99
    assert request.proposal == PROPOSAL


@pytest.mark.parametrize(
    ("judgement", "changed"),
    [
        ({}, {}),
        ({"option_field": "body"}, {"body": "refund"}),
        ({"option_field": "no such field"}, {}),
        ({"option_field": ["body"]}, {}),
    ],
    ids=repr,
)
def test_a_choice_is_written_where_the_judgement_says(
    judgement: dict[str, Any], changed: dict[str, Any]
) -> None:
    """The chosen value lands in `option_field`, if the proposal has that field."""
    applied = apply_decision(review(judgement=judgement), Choose("refund"))
    assert applied.final == {**PROPOSAL, **changed}


def test_a_choice_takes_the_type_of_its_field() -> None:
    """An option's value is text; in a field of numbers it becomes the number."""
    request = review(options=(Option("10"), Option("20")), judgement={"option_field": "amount"})
    assert apply_decision(request, Choose("20")).final == {**PROPOSAL, "amount": 20}


def test_the_patch_names_what_changed_inside_a_field() -> None:
    """The patch goes down to the changed part, in RFC 6902."""
    lines = [{"sku": "a", "amount": 1}, {"sku": "b", "amount": 5}]
    assert apply_decision(review(), Edit({"lines": lines})).patch == (
        {"op": "replace", "path": "/lines/1/amount", "value": 5},
    )


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a/b": 1, "c~d": 1}, {"a/b": 2}, [("replace", "/a~1b"), ("remove", "/c~0d")]),
        ({"n": 1}, {"n": True}, [("replace", "/n")]),
        ({"n": 1}, {"n": 1.0}, []),
        ({"n": None}, {}, [("remove", "/n")]),
        ({}, {"n": None}, [("add", "/n")]),
        ([1, 2, 3], [1], [("remove", "/2"), ("remove", "/1")]),
        ([1], [1, 2, 3], [("add", "/1"), ("add", "/2")]),
        ({"a": [1]}, {"a": {"0": 1}}, [("replace", "/a")]),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, [("replace", "/a"), ("replace", "/b")]),
    ],
    ids=repr,
)
def test_a_patch_has_the_operations(before: Any, after: Any, patch: list[tuple[str, str]]) -> None:
    """Pointers are escaped, 1 is not true, and paths are sorted."""
    assert [(step["op"], step["path"]) for step in json_patch(before, after)] == patch


@ANY
@given(before=JSON_VALUES, after=JSON_VALUES)
def test_a_patch_applied_gives_the_final_version(before: Any, after: Any) -> None:
    """Another implementation of RFC 6902 gets from the proposal to the final version by our patch."""
    patch = list(json_patch(before, after))
    assert same_json(jsonpatch.apply_patch(before, copy.deepcopy(patch)), after)


@ANY
@given(before=JSON_VALUES, after=JSON_VALUES)
def test_a_patch_does_not_depend_on_the_order_of_keys(before: Any, after: Any) -> None:
    """A proposal that a database has reordered gives the same patch."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    one, other = json_patch(before, after), json_patch(turned(before), turned(after))
    assert [json.dumps(step, sort_keys=True) for step in one] == [
        json.dumps(step, sort_keys=True) for step in other
    ]
