"""What a proposal is compared with, and what a yes to it takes. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_graph.reviews import Evidence, ReviewKind
from hitl_graph.risk import ActionClass
from hitl_graph.views.case_view import friction
from hitl_graph.views.comparing import compared, merge_rows
from tests.notebook.making import PAY, a_request

TAG = ActionClass("tag", reversible=True)
OLD = {"to": "a@example.com", "body": "It is late."}


def test_the_draft_before_comes_first() -> None:
    found = compared(
        a_request(previous={"proposed": OLD, "decision": "reject", "by": "ben", "reason": "tone"})
    )
    assert found is not None
    assert (found.title, found.said) == ("The draft before this one (reject by ben)", ("tone",))
    assert [name for name, _ in found.fields] == ["body"]


def test_a_record_with_all_its_fields_is_what_it_replaces() -> None:
    found = compared(a_request(evidence=(Evidence("Now", {**OLD, "since": "2024"}),)))
    assert found is not None
    assert (found.title, [name for name, _ in found.fields]) == ("Now", ["body"])


def test_a_record_of_something_else_is_compared_with_nothing() -> None:
    assert compared(a_request(evidence=(Evidence("Order", {"to": "a@example.com"}),))) is None


def test_one_record_alone_is_no_merge() -> None:
    assert merge_rows(a_request(kind=ReviewKind.MERGE, evidence=(Evidence("One", OLD),))) == ((), ())


@pytest.mark.parametrize(
    ("action", "warnings", "one_key", "evidence", "confirm"),
    [
        (TAG, (), True, 0, None),
        (TAG, ("beware",), False, 0, None),
        (PAY, (), False, 1, {"field": "to", "text": "a@example.com"}),
    ],
)
def test_friction_grows_with_the_risk(
    action: ActionClass, warnings: tuple[str, ...], one_key: bool, evidence: int, confirm: Any
) -> None:
    request = a_request(action=action.sheet(), warnings=warnings)
    asks = friction(request, request.proposal)
    assert (asks.one_key, asks.evidence, asks.confirm) == (one_key, evidence, confirm)


def test_a_no_takes_nothing() -> None:
    assert friction(a_request(action=PAY.sheet()), None).confirm is None
