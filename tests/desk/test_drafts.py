"""What a reviewer has begun to write is kept for them, whatever happens around it (I9)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Edit, Evidence
from hitl_graph.errors import AnswerError, ReviewNotFound
from hitl_graph.testing import FakeClock
from tests.desk.opening import Opened, opened


def test_a_draft_comes_back(refund: Opened) -> None:
    """As it was saved last."""
    refund.desk.drafts.save(refund.id, {"amount": 3}, by="ana")
    refund.desk.drafts.save(refund.id, {"amount": 40, "note": "half"}, by="ana")

    draft = refund.desk.drafts.load(refund.id, by="ana")

    assert draft is not None
    assert (draft.body, draft.digest, draft.stale) == (
        {"amount": 40, "note": "half"},
        refund.case.digest,
        False,
    )
    assert [one.review_id for one in refund.desk.drafts.list(by="ana")] == [refund.id]


def test_each_reviewer_has_their_own(refund: Opened) -> None:
    """Nobody reads or overwrites another's."""
    refund.desk.drafts.save(refund.id, {"amount": 1}, by="ana")
    refund.desk.drafts.save(refund.id, {"amount": 2}, by="ben")

    drafts = [refund.desk.drafts.load(refund.id, by=by) for by in ("Ana", "ben", "cem")]

    assert [draft and draft.body for draft in drafts] == [{"amount": 1}, {"amount": 2}, None]


def test_a_draft_outlives_lapse_and_takeover(hitl_clock: FakeClock, refund: Opened) -> None:
    """I9: a lapsed lease loses no draft, and neither does a claim that was taken over."""
    refund.desk.claim(refund.id, by="ana")
    refund.desk.drafts.save(refund.id, {"amount": 40}, by="ana")

    hitl_clock.advance(minutes=11)
    refund.desk.claim(refund.id, by="ben")
    refund.desk.take_over_claim(refund.id, by="cem", reason="ben left")

    draft = refund.desk.drafts.load(refund.id, by="ana")
    assert draft is not None and draft.body == {"amount": 40}


def test_a_draft_goes_when_its_author_decides(refund: Opened) -> None:
    """Those of others stay, for they may want to see what they had begun."""
    refund.desk.drafts.save(refund.id, {"amount": 40}, by="ana")
    refund.desk.drafts.save(refund.id, {"amount": 30}, by="ben")

    refund.decide(Edit({"amount": 40}), by="Ana")

    assert refund.desk.drafts.load(refund.id, by="ana") is None
    assert refund.desk.drafts.load(refund.id, by="ben") is not None


def test_a_draft_goes_with_a_vote(db_url: str, sink: Path) -> None:
    """A vote is its author's decision."""
    with opened(db_url, sink, approvals=2) as two:
        two.desk.drafts.save(two.id, {"amount": 40}, by="ana")
        two.decide(by="ana")

        assert two.desk.drafts.load(two.id, by="ana") is None


def test_a_draft_of_a_case_that_has_changed_says_so(db_url: str, sink: Path) -> None:
    """It is kept, and stale."""
    words = ["Broken on arrival."]
    gate = {"evidence": lambda s: [Evidence("Customer message", words[0])]}
    with opened(db_url, sink, **gate) as refund:
        refund.desk.drafts.save(refund.id, {"amount": 40}, by="ana")
        words[0] = "Broken, and late."
        refund.graph.invoke(None, {"configurable": {"thread_id": "t1"}})

        draft = refund.desk.drafts.load(refund.id, by="ana")

        assert draft is not None and draft.stale


@pytest.mark.parametrize(
    "body",
    [float("nan"), {"a": 2**53 + 1}, "\ud800", {"a": "\x00"}, object(), "x" * 1_000_001],
    ids=lambda b: str(b)[:9],
)
def test_a_draft_that_cannot_be_kept_is_refused(refund: Opened, body: Any) -> None:
    """The one before it stays."""
    refund.desk.drafts.save(refund.id, {"amount": 40}, by="ana")

    with pytest.raises(AnswerError, match="body"):
        refund.desk.drafts.save(refund.id, body, by="ana")

    draft = refund.desk.drafts.load(refund.id, by="ana")
    assert draft is not None and draft.body == {"amount": 40}


def test_a_draft_is_thrown_away(refund: Opened) -> None:
    """By its author; once."""
    refund.desk.drafts.save(refund.id, {"amount": 40}, by="ana")

    assert not refund.desk.drafts.drop(refund.id, by="ben")
    assert refund.desk.drafts.drop(refund.id, by="ana")
    assert refund.desk.drafts.load(refund.id, by="ana") is None


def test_a_draft_is_for_a_case(refund: Opened) -> None:
    """Of which there is one."""
    with pytest.raises(ReviewNotFound):
        refund.desk.drafts.save("no such case", {}, by="ana")


def test_no_draft_stands_in_the_history(refund: Opened) -> None:
    """integrity: no drafts in logs."""
    refund.desk.drafts.save(refund.id, {"secret": "half a thought"}, by="ana")

    assert refund.events == ["asked"]
