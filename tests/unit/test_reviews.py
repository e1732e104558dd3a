"""What is asked and what is kept: plain JSON in, plain JSON out, and sealed by a digest (I4)."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hitl_graph.errors import PlainJsonError
from hitl_graph.plain import digest
from hitl_graph.reviews import (
    Evidence,
    Option,
    Owner,
    Priority,
    Reason,
    Record,
    ReviewKind,
    ReviewRequest,
    Sla,
    ToolCall,
    Turn,
    Versions,
    proposal_digest,
)
from tests.unit.factories import EMAIL, SEND


def request(**changes: Any) -> ReviewRequest:
    """A sealed request in which every field holds something."""
    full: dict[str, Any] = {
        "gate": "reply",
        "kind": ReviewKind.SAFE_TO_SEND,
        "question": "Is this reply safe to send?",
        "why": (Reason("always", "Everything is read first.", "reply"),),
        "action": SEND.sheet(),
        "proposal": dict(EMAIL),
        "proposal_key": "email",
        "consequence": "Sends an email to ann@example.com.",
        "evidence": (
            Evidence("Customer message", {"body": "Where is it?"}, source="ticket", url="https://x.test"),
        ),
        "allowed": ("approve", "edit", "reject"),
        "owner": Owner("support-leads", "ana"),
        "continuation": {"approve": "send", "reject": "draft"},
        "uncertainty": ("The order number is a guess.",),
        "options": (Option("a", "A", "Leads to a."), Option("b")),
        "sla": Sla(4, on_expiry="escalate", escalate_to="managers"),
        "priority": Priority.HIGH,
        "blocks": ("order 7",),
        "transcript": (Turn("user", "Hello", "2026-01-31T09:30:00Z"),),
        "edit_schema": {"type": "object"},
        "judgement": {"score": 0.4},
        "versions": Versions("p1", "m1", "pol1", "w1"),
        "previous": {"decision": "reject"},
        "warnings": ("email.body holds hidden characters: U+202E",),
    }
    return ReviewRequest(**{**full, **changes}).sealed()


BODY = request().to_json()


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every leaf below a JSON value."""
    if isinstance(value, dict) and value:
        return [path for key, inner in value.items() for path in paths(inner, (*here, key))]
    if isinstance(value, list) and value:
        return [path for number, inner in enumerate(value) for path in paths(inner, (*here, number))]
    return [here]


SHOWN = [path for path in paths(BODY) if path[0] not in ("digest", "proposal_digest", "v")]


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]))
)


def leaf(body: dict[str, Any], path: tuple[Any, ...]) -> Any:
    """The value at `path`."""
    return functools.reduce(lambda at, part: at[part], path, body)


def replaced(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of `body` with the leaf at `path` replaced."""
    out = copy.deepcopy(body)
    leaf(out, path[:-1])[path[-1]] = value
    return out


# What is asked


def test_kinds_are_the_six_jobs() -> None:
    """R13: safe to send, choose, verify a value, merge, turn into a rule, respond."""
    assert {kind.value for kind in ReviewKind} == {
        "safe_to_send",
        "choose",
        "verify_value",
        "merge",
        "rule",
        "respond",
    }


def test_a_request_survives_json_unchanged() -> None:
    """What is stored, read and shown again is the same case."""
    assert ReviewRequest.from_json(json.loads(json.dumps(BODY))) == request()


def test_a_request_that_went_through_json_is_still_sealed() -> None:
    """I4: the digest holds for the stored case, not only for the one in memory."""
    assert ReviewRequest.from_json(json.loads(json.dumps(BODY))).is_sealed()


@settings(deadline=None)
@given(path=st.sampled_from(SHOWN), value=scalars)
def test_any_change_of_what_is_shown_changes_the_digest(path: tuple[Any, ...], value: Any) -> None:
    """I4: whatever leaf of the case is changed, the digest is another one."""
    old = leaf(BODY, path)
    assume(value != old or isinstance(value, bool) != isinstance(old, bool))
    body = {key: inner for key, inner in replaced(BODY, path, value).items() if key != "digest"}
    assert digest(body) != BODY["digest"]


def other(name: str) -> Any:
    """Another value for one field of the full request."""
    return {
        "gate": "other",
        "kind": ReviewKind.MERGE,
        "question": "May it go out?",
        "why": (Reason("low_confidence", "Not sure.", "reply"),),
        "action": {**SEND.sheet(), "reversible": True},
        "proposal": {**EMAIL, "body": "Other"},
        "proposal_key": "letter",
        "consequence": "Sends a letter.",
        "evidence": (
            Evidence("Customer message", {"body": "Where is it"}, source="ticket", url="https://x.test"),
        ),
        "allowed": ("approve", "reject"),
        "owner": Owner("support-leads"),
        "continuation": {"approve": "send"},
        "uncertainty": (),
        "options": (Option("a", "A"), Option("b")),
        "sla": Sla(5, on_expiry="escalate", escalate_to="managers"),
        "priority": Priority.LOW,
        "blocks": (),
        "transcript": (Turn("agent", "Hello", "2026-01-31T09:30:00Z"),),
        "edit_schema": None,
        "judgement": {"score": 0.5},
        "versions": Versions("p2", "m1", "pol1", "w1"),
        "previous": None,
        "warnings": (),
        "tool_call": ToolCall("c1", "send_email"),
        "other_tools": {"archive": {"type": "object"}},
        "approvals": 2,
        "excluded": ("ana",),
    }[name]


FIELDS = [
    f.name for f in dataclasses.fields(ReviewRequest) if f.name not in ("v", "digest", "proposal_digest")
]


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_is_covered_by_the_digest(name: str) -> None:
    """I4: the digest covers exactly everything that is shown, field by field."""
    assert request(**{name: other(name)}).digest != request().digest


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_changed_after_sealing_shows(name: str) -> None:
    """I4: a stored case that was tampered with is recognised."""
    assert not dataclasses.replace(request(), **{name: other(name)}).is_sealed()


@pytest.mark.parametrize("name", ["action", "proposal", "tool_call"])
def test_the_proposal_digest_changes_with_the_act(name: str) -> None:
    """I4: another act, or other arguments, is another thing to approve."""
    changed = {
        "action": {**SEND.sheet(), "name": "send_letter"},
        "proposal": {**EMAIL, "to": "b@example.com"},
        "tool_call": ToolCall("c1", "send_letter"),
    }
    assert request(**{name: changed[name]}).proposal_digest != request().proposal_digest


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"action", "proposal", "tool_call"}))
def test_the_proposal_digest_covers_nothing_but_the_act(name: str) -> None:
    """I4: what is compared before the act does not change with the evidence, the owner or the deadline."""
    assert request(**{name: other(name)}).proposal_digest == request().proposal_digest


def test_sealing_twice_changes_nothing() -> None:
    """The digest does not cover itself."""
    assert request().sealed() == request()


def test_the_order_of_keys_does_not_change_the_digest() -> None:
    """Postgres' jsonb sorts keys; the digest holds all the same."""
    assert request(proposal=dict(reversed(EMAIL.items()))).digest == request().digest


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5).filter(str.isascii), scalars, max_size=3), st.data())
def test_one_act_has_one_digest(proposal: dict[str, Any], data: Any) -> None:
    """I4: the same action and arguments give the same digest, whatever order the arguments came in."""
    shuffled = dict(data.draw(st.permutations(list(proposal.items()))))
    assert proposal_digest("act", proposal) == proposal_digest("act", shuffled)


def test_a_request_cannot_be_changed() -> None:
    """A change is a new request."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        request().question = "Other?"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", ""),
        ("why", ()),
        ("consequence", ""),
        ("allowed", ()),
        ("kind", "urgent"),
        ("owner", None),
        ("priority", "asap"),
        ("v", 2),
    ],
)
def test_an_incomplete_request_cannot_be_read(field: str, value: Any) -> None:
    """R11: without question, reason, consequence, decision or owner; or of a later version."""
    with pytest.raises(ValidationError, match=field):
        ReviewRequest.from_json({**BODY, field: value})


def test_an_unknown_field_is_refused() -> None:
    """What this version cannot show is not dropped from the case in silence."""
    with pytest.raises(ValidationError, match="novelty"):
        ReviewRequest.from_json({**BODY, "novelty": 1})


def test_a_value_that_is_no_json_is_refused_by_name() -> None:
    """NaN would not survive the database: the error names where it stands."""
    with pytest.raises(PlainJsonError, match=r"judgement\.score"):
        request(judgement={"score": float("nan")})


@pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_is_a_positive_number_of_hours(hours: float) -> None:
    """R33: a limit that never comes, or came before the pause, is none."""
    with pytest.raises(ValueError, match="hours|greater|finite"):
        Sla(hours)


@pytest.mark.parametrize(
    "make", [lambda: Owner(""), lambda: Evidence("", "x"), lambda: Option(""), lambda: Turn("", "x")]
)
def test_what_is_named_has_a_name(make: Any) -> None:
    """R31: an owner, a piece of evidence, an option and a speaker are never empty."""
    with pytest.raises(ValidationError):
        make()


# What is kept


def record(**changes: Any) -> Record:
    """A record of an edit."""
    full: dict[str, Any] = {
        "review": "r1",
        "gate": "reply",
        "action": "send_email",
        "proposal_key": "email",
        "kind": ReviewKind.SAFE_TO_SEND,
        "decision": "edit",
        "proposed": dict(EMAIL),
        "final": {**EMAIL, "body": "Better."},
        "patch": ({"op": "replace", "path": "/body", "value": "Better."},),
        "why": (Reason("always", "Everything is read first."),),
        "by": "ana",
        "at": "2026-01-31T09:30:00+00:00",
        "waited_s": 12.5,
        "reason": "tone",
        "cause": "model",
        "recurrence": "edge",
        "outcome": "approved",
    }
    return Record(**{**full, **changes})


def test_a_record_survives_json_unchanged() -> None:
    """R12, R19: what the state keeps can be read back whole."""
    assert Record.from_json(json.loads(json.dumps(record().to_json()))) == record()


@pytest.mark.parametrize(
    "outcome", ["approved", "rejected", "asked", "responded", "taken_over", "judged_again"]
)
def test_every_outcome_can_be_kept(outcome: Any) -> None:
    """R18: a rejection is a record, not an exception."""
    assert Record.from_json(record(outcome=outcome).to_json()).outcome == outcome


@pytest.mark.parametrize("field", ["review", "gate", "proposed", "outcome", "decision"])
def test_a_record_without_its_substance_cannot_be_read(field: str) -> None:
    """R45: what was proposed, where, and what came of it are always there."""
    body = record().to_json()
    del body[field]
    with pytest.raises(ValidationError, match=field):
        Record.from_json(body)


def test_the_kept_proposal_does_not_change_with_the_draft() -> None:
    """Rule 5: `proposed` is what was shown, whatever the graph does to its own dict afterwards."""
    draft = dict(EMAIL)
    body = record(proposed=draft).to_json()
    draft["body"] = "Changed later."
    assert body["proposed"] == EMAIL
