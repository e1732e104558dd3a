"""A gate that leaves out what a person needs cannot be built; the error names it (R8, R31, R57)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from hitl_graph.errors import DefinitionError, HitlError
from hitl_graph.gates import AuditSample, Gate, Thresholds, any_of
from hitl_graph.reviews import Evidence, Owner, ReviewKind, Sla
from hitl_graph.risk import ActionClass
from tests.unit.factories import (
    CHOICES,
    EMAIL,
    SEND,
    TAG,
    confidence_gate,
    escalation_gate,
    failure_gate,
    review_gate,
)
from tests.unit.refusing import refused

GATES: list[Callable[..., Gate]] = [review_gate, confidence_gate, escalation_gate, failure_gate]


every_gate = pytest.mark.parametrize("make", GATES)


def dropped(make: Callable[..., Gate], field: str) -> Any:
    """The field's value in a gate that was never given it."""
    return next(f for f in dataclasses.fields(type(make())) if f.name == field).default


# What has to be there


@every_gate
@pytest.mark.parametrize(
    "field", ["name", "action", "proposal", "question", "evidence", "consequence", "owner"]
)
def test_a_gate_without_this_cannot_be_built(make: Callable[..., Gate], field: str) -> None:
    """R8, R11, R31, R57: owner, question, evidence and consequence have no default that would do."""
    assert refused(make, **{field: dropped(make, field)}) == field


@every_gate
def test_a_complete_gate_can_be_built(make: Callable[..., Gate]) -> None:
    """The refusals are about what is missing, not about the gate."""
    assert make().owner == Owner("support-leads")


@pytest.mark.parametrize("owner", ["support-leads", {"group": "support-leads"}, None, ["ana"], Owner])
def test_an_owner_is_an_owner(owner: object) -> None:
    """R31, R56: a word in its place is not yet somebody."""
    assert refused(review_gate, owner=owner) == "owner"


@pytest.mark.parametrize("group", ["", " ", "\t\n"])
def test_a_blank_owner_is_none(group: str) -> None:
    """R31: spaces own nothing."""
    with pytest.raises((ValidationError, DefinitionError), match="owner|group|Owner"):
        review_gate(owner=Owner(group))


@pytest.mark.parametrize(
    "evidence", [(), [], None, "", "the ticket", 7, [""], ["the ticket"], [None], {"a": 1}]
)
def test_evidence_is_a_list_of_evidence_or_a_function(evidence: object) -> None:
    """R57: an empty list, a text or a list of texts shows nobody anything."""
    assert refused(review_gate, evidence=evidence).startswith("evidence")


@pytest.mark.parametrize("evidence", [[Evidence("Rule", "Refunds over 100 need a lead.")], lambda s: []])
def test_evidence_may_be_fixed_or_found_at_run_time(evidence: object) -> None:
    """R57: whether a function finds any is seen at run time."""
    assert review_gate(evidence=evidence).evidence is evidence


@pytest.mark.parametrize("consequence", ["", " ", None, 7, ["Sends."]])
def test_a_consequence_is_a_sentence_or_a_function(consequence: object) -> None:
    """R11, R23: what happens after the click is said."""
    assert refused(review_gate, consequence=consequence) == "consequence"


@pytest.mark.parametrize(
    "consequence",
    [
        "Sends to {recipient}.",
        "Sends to {To}.",
        "Sends to {}.",
        "Sends to {0}.",
        "Sends to {to.name}.",
        "Sends to {to[0]}.",
        "Sends to {to",
        "Sends to }.",
    ],
)
def test_a_consequence_names_fields_that_the_proposal_has(consequence: str) -> None:
    """R23: a blank that cannot be filled in is found when the gate is built, not when a customer waits."""
    assert refused(review_gate, consequence=consequence) == "consequence"


@pytest.mark.parametrize(
    "consequence", ["Sends to {to}.", "Sends {subject} to {to}.", "Braces {{stay}}.", "Sends."]
)
def test_a_consequence_that_can_be_filled_in_is_taken(consequence: str) -> None:
    """R23: fields of the schema, and none at all, will do."""
    assert review_gate(consequence=consequence).consequence == consequence


@pytest.mark.parametrize(
    "consequence", ["Pays {amount:,.2f}.", "Pays {amount!r}.", "Pays {amount:>{width}}."]
)
def test_a_consequence_with_a_format_is_refused(consequence: str) -> None:
    """R23: a format never fails for the first time on a live case; a function of the proposal can do it."""
    assert refused(review_gate, schema=None, consequence=consequence) == "consequence"


@pytest.mark.parametrize("name", ["", " ", None, 7, "a|b", "a:b"])
def test_a_gate_has_the_name_of_a_node(name: object) -> None:
    """A name that LangGraph cannot use is refused when the gate is built."""
    assert refused(review_gate, name=name) == "name"


@pytest.mark.parametrize("action", [None, "send_email", ActionClass, {"name": "send_email"}])
def test_an_action_is_an_action_class(action: object) -> None:
    """R1: every gated act declares its reversibility."""
    assert refused(review_gate, action=action) == "action"


def test_a_dotted_proposal_is_refused() -> None:
    """An edit is written back to one state key: a path into it would lose the edit."""
    assert refused(review_gate, proposal="box.email") == "proposal"


@pytest.mark.parametrize("kind", ["review", "", None, 7])
def test_an_unknown_kind_is_refused(kind: object) -> None:
    """R13: there are six jobs."""
    assert refused(review_gate, kind=kind) == "kind"


def test_a_kind_may_be_given_as_its_word() -> None:
    """R13: "merge" is a merge."""
    assert review_gate(kind="merge").kind is ReviewKind.MERGE


@pytest.mark.parametrize("schema", [7, "Email", object(), lambda: None])
def test_a_schema_that_is_none_is_refused(schema: object) -> None:
    """An edit form cannot be made of just anything."""
    assert refused(review_gate, schema=schema) == "schema"


# The time limit (R33, R35, R58)


@every_gate
@pytest.mark.parametrize("regulated", [False, True])
def test_expiry_never_approves_what_cannot_be_undone(make: Callable[..., Gate], regulated: bool) -> None:
    """I7, R1, R62: silence is no approval of an irreversible or regulated act."""
    action = ActionClass(TAG.name, reversible=regulated, regulated=regulated)
    assert refused(make, action=action, sla=Sla(4, on_expiry="approve")) == "sla.on_expiry"


@pytest.mark.parametrize("eyes", [{"four_eyes": True}, {"not_by": ["ana"]}, {"not_by": lambda _: []}])
def test_silence_is_no_second_pair_of_eyes(eyes: dict[str, Any]) -> None:
    """R74: what somebody else must have looked at is not approved by nobody."""
    assert refused(review_gate, action=TAG, sla=Sla(4, on_expiry="approve"), **eyes) == "sla.on_expiry"


def test_expiry_may_approve_what_can_be_undone() -> None:
    """R35: a reversible, unregulated act may go on by itself."""
    assert review_gate(action=TAG, sla=Sla(4, on_expiry="approve")).sla == Sla(4, on_expiry="approve")


def test_escalation_on_expiry_names_to_whom() -> None:
    """R58: what fires on expiry reaches somebody."""
    assert refused(review_gate, sla=Sla(4, on_expiry="escalate")) == "sla.escalate_to"


@pytest.mark.parametrize("default", [None, "", "hold"])
def test_a_safe_default_is_one_of_the_options(default: str | None) -> None:
    """R35: expiry takes a decision that a person could have taken."""
    sla = Sla(4, on_expiry="safe_default", default=default)
    assert refused(review_gate, kind="choose", options=CHOICES, sla=sla) == "sla.default"


@pytest.mark.parametrize("sla", [4, "4h", {"hours": 4}])
def test_a_time_limit_says_its_unit(sla: object) -> None:
    """R33: a bare number is no SLA."""
    assert refused(review_gate, sla=sla) == "sla"


# What is particular to one pattern (R54)


@pytest.mark.parametrize("score", ["", None])
def test_a_confidence_gate_has_a_score(score: object) -> None:
    """R52: there is no silent default."""
    assert refused(confidence_gate, score=score) == "score"


@pytest.mark.parametrize("thresholds", [0.8, 1, None, {"tag_ticket": {"*": 0.8}}, "0.8"])
def test_a_threshold_is_never_one_number_for_all(thresholds: object) -> None:
    """R14, R16: the bar belongs to the act and its segment."""
    assert refused(confidence_gate, thresholds=thresholds) == "thresholds"


def test_thresholds_that_forget_the_gates_act_are_refused() -> None:
    """R16: a policy about another act says nothing about this one."""
    assert refused(confidence_gate, thresholds=Thresholds({"send_email": {"*": 0.9}})) == "thresholds"


@pytest.mark.parametrize("segment", ["", None])
def test_a_confidence_gate_has_a_segment(segment: object) -> None:
    """R16, R42: the bar is looked up by segment."""
    assert refused(confidence_gate, segment=segment) == "segment"


@pytest.mark.parametrize("audit", [0.05, None, 5])
def test_an_audit_is_an_audit_sample(audit: object) -> None:
    """R61: a bare number could be a share or a percentage."""
    assert refused(confidence_gate, audit=audit) == "audit"


@pytest.mark.parametrize("rate", [-0.1, 1.1, 5, float("nan"), True, "0.05", None])
def test_an_audit_rate_is_a_share(rate: Any) -> None:
    """R61: 5 is not 5%."""
    with pytest.raises(DefinitionError, match="rate"):
        AuditSample(rate)


@pytest.mark.parametrize("detectors", [(), [], None])
def test_an_escalation_has_detectors(detectors: object) -> None:
    """R53: without one nothing would ever be an exception."""
    assert refused(escalation_gate, detectors=detectors) == "detectors"


@pytest.mark.parametrize("odd", ["complaint", lambda s: [], 7, object()])
def test_what_is_no_detector_is_refused_by_its_place(odd: object) -> None:
    """R53: the second of two is named."""
    [good] = escalation_gate().detectors
    assert refused(escalation_gate, detectors=[good, odd]) == "detectors[1]"


@pytest.mark.parametrize("others", [(), ("x",), (None,), (review_gate(),)])
def test_a_composition_is_of_two_gates_that_can_be_told_apart(others: Any) -> None:
    """R54: fewer, something else, or twice the same name is refused as a definition."""
    with pytest.raises(DefinitionError):
        any_of(review_gate(), *others)


@pytest.mark.parametrize(
    "changes",
    [
        {"action": TAG, "schema": None, "consequence": "Tags."},
        {"proposal": "label"},
        # of the same name: what expiry may approve there is final here
        {"action": dataclasses.replace(SEND, reversible=True), "sla": Sla(1, on_expiry="approve")},
    ],
)
def test_gates_about_different_acts_are_not_composed(changes: dict[str, Any]) -> None:
    """R54: one question is about one act."""
    with pytest.raises(DefinitionError) as caught:
        any_of(review_gate(), escalation_gate(**changes))
    assert caught.value.field == "action"


# The errors themselves


def test_every_definition_error_is_one_of_ours() -> None:
    """A caller catches HitlError, and tools that know ValueError are not surprised."""
    with pytest.raises(HitlError) as caught:
        review_gate(owner=None)
    assert isinstance(caught.value, ValueError)


def test_the_error_names_the_gate_and_says_what_to_do() -> None:
    """Somebody with twenty gates finds the one."""
    with pytest.raises(DefinitionError, match=r"gate 'reply': owner: .*Owner\('support-leads'\)"):
        review_gate(owner=None)


def test_a_gate_cannot_be_changed_after_it_was_checked() -> None:
    """What was checked is what runs."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        review_gate().owner = None  # type: ignore[assignment]  # refused in any case


def test_a_gate_judges_without_langgraph() -> None:
    """Gates are pure: a state goes in, a judgement comes out."""
    assert review_gate().judge({"ticket": "Hello", "email": EMAIL}).judgement.action == SEND.name
