"""Reasons and causes as codes that a team sets (R19)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Approve, AskInfo, Cause, Edit, Reject
from hitl_graph.errors import AnswerError
from tests.desk.opening import Opened, opened


def test_without_codes_any_reason_goes(refund: Opened) -> None:
    """And none as well."""
    assert refund.decide(Reject(reason="whatever")).decision == {"type": "reject", "reason": "whatever"}


def test_with_codes_a_reason_must_be_one_of_them(refund: Opened) -> None:
    """The error lists them; nothing is saved."""
    for code in ("fraud", "policy"):
        refund.desk.codes.put(kind="reason", code=code)

    with pytest.raises(AnswerError, match="'tone' is unknown: name one of fraud, policy") as refused:
        refund.decide(Reject(reason="tone"))
    assert refused.value.field == "reason"

    assert refund.case.status == "pending"
    assert refund.decide(Reject(reason="fraud")).status == "decided"


@pytest.mark.parametrize("decision", [Reject(), Edit({"amount": 4}), AskInfo("Which?")], ids=lambda d: d.type)
def test_with_codes_a_correction_must_name_one(refund: Opened, decision: Any) -> None:
    """Who says that something was not right says what."""
    refund.desk.codes.put(kind="reason", code="fraud")

    with pytest.raises(AnswerError, match="reason: is missing: name one of fraud"):
        refund.decide(decision)


def test_an_approval_needs_no_reason(refund: Opened) -> None:
    """One key for what was right; a reason that is named must be known all the same."""
    refund.desk.codes.put(kind="reason", code="fraud")

    with pytest.raises(AnswerError, match="reason"):
        refund.decide(Approve(reason="fine"))
    assert refund.decide(Approve()).status == "decided"


def test_codes_of_another_gate_do_not_count(refund: Opened) -> None:
    """Those of this gate and those of all gates do."""
    codes = refund.desk.codes
    codes.put(kind="reason", code="tone", gate="reply")
    assert refund.decide(Reject(), undo_s=300).status == "decided"
    refund.desk.undo(refund.id, by="ana")
    codes.put(kind="reason", code="fraud", gate="refund_review")
    codes.put(kind="reason", code="other")

    with pytest.raises(AnswerError, match="name one of fraud, other"):
        refund.decide(Reject(reason="tone"))

    assert [one.code for one in codes.list(gate="refund_review")] == ["other", "fraud"]


def test_without_codes_a_cause_is_one_of_ours(refund: Opened) -> None:
    """Model, instructions or source data."""
    with pytest.raises(AnswerError, match="model, instructions, source_data") as refused:
        refund.decide(Reject(cause="weather"))
    assert refused.value.field == "cause"

    assert refund.decide(Reject(cause=Cause.MODEL)).status == "decided"


def test_a_cause_may_be_a_code(refund: Opened) -> None:
    """It comes through to the record; ours are not taken any more then."""
    refund.desk.codes.put(kind="cause", code="supplier", label="Late delivery by the supplier")
    with pytest.raises(AnswerError, match="cause"):
        refund.decide(Reject(cause=Cause.MODEL))

    refund.decide(Reject(cause="supplier"))
    [resumed] = refund.resume()

    assert resumed.values["reviews"][-1]["cause"] == "supplier"


def test_past_the_desk_a_cause_is_one_of_ours(refund: Opened) -> None:
    """A gate alone knows no codes."""
    answer = Command(resume={refund.id: {"type": "reject", "cause": "supplier"}})
    with pytest.raises(Exception, match="cause"):
        refund.graph.invoke(answer, {"configurable": {"thread_id": "t1"}})

    assert refund.case.status == "pending"


def test_a_removed_code_is_unknown(refund: Opened) -> None:
    """When the last one goes, any goes again."""
    codes = refund.desk.codes
    codes.put(kind="reason", code="fraud")

    assert codes.remove(kind="reason", code="fraud")
    assert not codes.remove(kind="reason", code="fraud")

    assert refund.decide(Reject()).status == "decided"


def test_a_code_has_a_label(refund: Opened) -> None:
    """Which can be changed; the code itself is what is kept."""
    codes = refund.desk.codes
    codes.put(kind="reason", code="fraud", label="Looks like fraud")

    codes.put(kind="reason", code="fraud", label="Fraud")

    assert [(one.kind, one.code, one.label, one.gate) for one in codes.list(kind="reason")] == [
        ("reason", "fraud", "Fraud", None)
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "mood", "code": "a"}, "kind"),
        ({"kind": "reason", "code": " "}, "code"),
        ({"kind": "reason", "code": "x" * 101}, "code"),
        ({"kind": "reason", "code": "a\x00"}, "code"),
        ({"kind": "reason", "code": "a", "gate": ""}, "gate"),
        ({"kind": "reason", "code": "a", "label": "\x00"}, "label"),
    ],
)
def test_a_code_that_cannot_be_kept_is_refused(refund: Opened, wrong: dict[str, Any], field: str) -> None:
    """Nothing is saved."""
    with pytest.raises(AnswerError, match=field):
        refund.desk.codes.put(**wrong)

    assert list(refund.desk.codes.list()) == []


def test_the_system_needs_no_reason(db_url: str, sink: Path) -> None:
    """A time limit that rejects names no code."""
    with opened(db_url, sink) as refund:
        refund.desk.codes.put(kind="reason", code="fraud")

        assert refund.decide(Reject(), by="system:sla", via="system").status == "decided"
