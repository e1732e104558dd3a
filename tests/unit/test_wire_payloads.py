"""Cases put in the shape of each client: nothing is lost, and what is allowed is said."""

from __future__ import annotations

import json

import pytest

from hitl_graph.decisions import DECISIONS, Approve, Edit, Reject
from hitl_graph.reviews import Evidence, ReviewRequest
from hitl_graph.wire import (
    Shape,
    decisions_from_json,
    decisions_to_json,
    native_request,
    payload_for,
    recognise,
)
from tests.unit.wire_samples import PROPOSAL, SCHEMA, review


def test_a_native_payload_is_the_request() -> None:
    """The native shape is the request itself, and reads back equal."""
    request = review()
    assert ReviewRequest.from_json(payload_for(request, Shape.NATIVE)) == request


@pytest.mark.parametrize("shape", [Shape.NATIVE, Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
def test_nothing_is_lost_in_another_shape(shape: Shape) -> None:
    """The native request stands whole in every payload."""
    request = review()
    found = native_request(json.loads(json.dumps(payload_for(request, shape))))
    assert found is not None and ReviewRequest.from_json(found) == request


@pytest.mark.parametrize("shape", [Shape.NATIVE, Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
def test_a_payload_is_recognised_as_its_shape(shape: Shape) -> None:
    """A client of that shape sees its own shape."""
    assert recognise(payload_for(review(), shape)) is shape


@pytest.mark.parametrize("shape", [Shape.RAW, Shape.LANGCHAIN_CALL])
def test_a_shape_that_cannot_hold_a_case_is_refused(shape: Shape) -> None:
    """There is no payload for a raw value or a call's approval."""
    with pytest.raises(ValueError, match=shape.value):
        payload_for(review(), shape)


@pytest.mark.parametrize(
    ("allowed", "flags"),
    [
        (("approve",), "accept"),
        (("edit", "reject"), "edit ignore"),
        (("respond",), "respond"),
        (("choose",), "respond"),
        (("ask_info", "take_over"), ""),
        (DECISIONS, "accept edit respond ignore"),
    ],
    ids=str,
)
def test_agent_inbox_is_told_what_is_allowed(allowed: tuple[str, ...], flags: str) -> None:
    """The flags of `HumanInterrupt` follow what the review takes."""
    [payload] = payload_for(review(allowed=allowed), Shape.AGENT_INBOX)
    assert payload["config"] == {
        f"allow_{f}": f in flags.split() for f in ("accept", "edit", "respond", "ignore")
    }


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (("approve",), ["approve"]),
        (("reject", "edit"), ["edit", "reject"]),
        (("choose",), ["respond"]),
        (DECISIONS, ["approve", "edit", "reject", "respond"]),
    ],
    ids=str,
)
def test_a_batch_says_what_is_allowed(allowed: tuple[str, ...], words: list[str]) -> None:
    """`allowed_decisions` follows what the review takes."""
    payload = payload_for(review(allowed=allowed), Shape.LANGCHAIN_BATCH)
    assert payload["review_configs"] == [
        {"action_name": "send_email", "allowed_decisions": words, "args_schema": SCHEMA}
    ]


def test_a_batch_has_its_arguments_under_both_names() -> None:
    """Agent Inbox reads `arguments`, where its form holds no null; Agent Chat UI and the middleware `args`."""
    [act] = payload_for(review(), Shape.LANGCHAIN_BATCH)["action_requests"]
    assert act["name"] == "send_email" and act["args"] == PROPOSAL
    assert act["arguments"] == {**PROPOSAL, "due": "null"}


def test_agent_inbox_gets_no_number_where_it_has_no_form() -> None:
    """Its plain view draws text only; its form draws numbers, and no null."""
    [asked] = payload_for(review(allowed=("approve", "reject")), Shape.AGENT_INBOX)
    assert asked["action_request"]["args"] == {**PROPOSAL, "amount": "40"}


def test_several_decisions_are_kept_as_one_object() -> None:
    """And read back; one decision is written as it always was."""
    several = [Approve(), Edit({"n": 2}), Reject(note="no")]
    assert decisions_from_json(decisions_to_json(several)) == several
    assert decisions_from_json(decisions_to_json(several[1])) == several[1]
    assert decisions_to_json(several)["type"] == "each" and decisions_to_json(Approve()) == {
        "type": "approve"
    }


def test_a_description_shows_question_consequence_and_evidence() -> None:
    """A client that renders nothing but markdown shows enough to judge by."""
    [payload] = payload_for(review(), Shape.AGENT_INBOX)
    for text in (
        "Is this reply safe to send?",
        "Sends an email",
        "Everything is read",
        "    Where is my refund?",
    ):
        assert text in payload["description"]


@pytest.mark.parametrize(
    ("hostile", "gone"),
    [
        ("![x](http://x.example/a.png)", "![x](http"),
        ("<script>alert(1)</script>", "<script>"),
        ("[Approve](javascript:alert(1))", "[Approve]("),
        ("\x1b]8;;http://x\x07", "\x1b"),
        ("\u202eevil", "\u202e"),
    ],
    ids=["image", "script", "link", "escape", "bidi"],
)
def test_markup_in_a_consequence_does_not_act(hostile: str, gone: str) -> None:
    """A consequence may be filled from what a model wrote: its markup is written out."""
    [payload] = payload_for(review(consequence=hostile), Shape.AGENT_INBOX)
    assert gone not in payload["description"]


def test_evidence_cannot_leave_its_block() -> None:
    """Every line of evidence is indented as code, so it can close no fence and draw no button."""
    [payload] = payload_for(review(evidence=(Evidence("Message", "a\n```\n# b"),)), Shape.AGENT_INBOX)
    assert "    a\n    ```\n    # b" in payload["description"]
