"""Evidence: shown as it is, or visibly when it cannot be; without any, approval is not offered (R26, R57)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_graph.errors import DefinitionError, ProposalError
from hitl_graph.reviews import Evidence
from tests.unit.asked import asked
from tests.unit.factories import CHOICES

NOTHING = [
    lambda s: [],
    lambda s: None,
    lambda s: [Evidence("Customer message", "")],
    [Evidence("Record", {})],
]


@pytest.mark.parametrize("evidence", NOTHING)
def test_without_evidence_approval_is_not_offered(evidence: Any) -> None:
    """R57: no approve, no edit; what is left is to reject."""
    assert asked(evidence=evidence).allowed == ("reject",)


@pytest.mark.parametrize("evidence", NOTHING)
def test_a_case_without_evidence_says_so(evidence: Any) -> None:
    """R57: the person sees why they cannot approve."""
    assert any("No evidence" in warning for warning in asked(evidence=evidence).warnings)


def test_without_evidence_other_answers_stay() -> None:
    """R17, R57, R71: a case can still be asked about and taken over."""
    shown = asked(
        allowed=("approve", "choose", "ask_info", "take_over"), options=CHOICES, evidence=lambda s: []
    )
    assert shown.allowed == ("ask_info", "take_over")


def test_a_gate_that_can_only_let_through_refuses_a_case_without_evidence() -> None:
    """R57: with nothing left to offer there is no case; the error names the evidence."""
    with pytest.raises(ProposalError) as caught:
        asked(kind="choose", options=CHOICES, evidence=lambda s: [])
    assert caught.value.field == "evidence"


def test_an_empty_piece_of_evidence_is_left_out_beside_a_full_one() -> None:
    """R57: an empty box is no evidence."""
    shown = asked(evidence=[Evidence("Order", {}), Evidence("Rule", "Refunds need a lead.")])
    assert [item.title for item in shown.evidence] == ["Rule"]


@pytest.mark.parametrize("content", [0, False, [0], {"total": 0}])
def test_a_zero_is_evidence(content: object) -> None:
    """R57: falsy is not empty."""
    assert asked(evidence=[Evidence("Balance", content)]).evidence[0].content == content


@pytest.mark.parametrize("odd", ["text", {"title": "x"}, None, 7])
def test_an_evidence_function_that_gives_something_else_is_a_wrong_definition(odd: object) -> None:
    """R57: the error names which piece it is."""
    with pytest.raises(DefinitionError) as caught:
        asked(evidence=lambda s: [Evidence("Rule", "x"), odd])
    assert caught.value.field == "evidence[1]"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("a\x00b", "a⟨U+0000⟩b"),
        ("a\ud800b", "a⟨U+D800⟩b"),
        ({"body": "a\x00b", "n": 1}, {"body": "a⟨U+0000⟩b", "n": 1}),
        (["a\udfff"], ["a⟨U+DFFF⟩"]),
        ({"deep": [{"er": "\x00"}]}, {"deep": [{"er": "⟨U+0000⟩"}]}),
        ({"score": float("nan")}, {"score": "nan"}),
        ({"n": 2**60}, {"n": str(2**60)}),
    ],
    ids=repr,
)
def test_evidence_that_cannot_be_stored_is_shown_visibly(content: object, shown: object) -> None:
    """R2, I4: a customer's odd character does not lose the case, and the person sees that it is there."""
    assert asked(evidence=[Evidence("Customer message", content)]).evidence[0].content == shown


@pytest.mark.parametrize("where", ["title", "source", "url"])
def test_the_frame_of_evidence_is_shown_visibly_as_well(where: str) -> None:
    """R2: also where a file name or an address holds what cannot be stored."""
    item = dataclasses.replace(Evidence("File", "text", source="s", url="u"), **{where: "a\x00b"})
    assert getattr(asked(evidence=[item]).evidence[0], where) == "a⟨U+0000⟩b"


@pytest.mark.parametrize("field", ["uncertainty", "blocks"])
def test_what_a_function_says_is_shown_visibly_as_well(field: str) -> None:
    """R2: named uncertainty often quotes the customer."""
    assert getattr(asked(**{field: lambda s: ["a\x00b"]}), field) == ("a⟨U+0000⟩b",)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(anything)
def test_no_evidence_loses_a_case(content: Any) -> None:
    """R2: whatever a customer or a tool put in, the case can be built, sealed and stored."""
    assert asked(evidence=[Evidence("Customer message", content), Evidence("Rule", "x")]).is_sealed()
