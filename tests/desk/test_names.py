"""Names that look the same are one person, or none (integrity: N of M are distinct people, no self-approval)."""

from __future__ import annotations

from pathlib import Path

import pytest
from langgraph.types import Command

from hitl_graph.errors import AnswerError
from hitl_graph.plain import key_of
from tests.desk.opening import Opened, opened

LOOKS_LIKE_DANA = [
    "dana\ufe0f",
    "dana\u2800",
    "dana\U0001d173",
    "da\u00adna",
    "dana\u200d",
    "d\u0430na",
    "dan\u03b1",
]


@pytest.mark.parametrize("by", LOOKS_LIKE_DANA, ids=ascii)
def test_a_name_that_looks_like_anothers_is_refused(refund: Opened, by: str) -> None:
    """Nothing unseen, and no word of letters of several alphabets."""
    with pytest.raises(AnswerError, match="by: (holds hidden|mixes alphabets)"):
        refund.decide(by=by)
    with pytest.raises(AnswerError, match="id"):
        refund.desk.people.put(by)

    assert refund.case.status == "pending"


@pytest.mark.parametrize(
    "by", ["Юля", "Σοφία", "李 wei", "Юля Smith", "Zoë", "D'Arcy-Núñez", "ana@example.com"]
)
def test_a_name_of_any_alphabet_is_a_name(refund: Opened, by: str) -> None:
    """Each word of one."""
    assert refund.decide(by=by).by == by


@pytest.mark.parametrize("name", LOOKS_LIKE_DANA[:5], ids=ascii)
def test_what_cannot_be_seen_makes_no_other_person(name: str) -> None:
    """Also where a name comes from elsewhere, such as the author in a state."""
    assert key_of(name) == "dana"


def test_the_author_does_not_answer_past_the_desk_in_disguise(db_url: str, sink: Path) -> None:
    """Separation of duties holds for a bare Command too."""
    with opened(db_url, sink, author="dana", not_by=lambda state: state["author"]) as refund:
        answer = Command(resume={refund.id: {"type": "approve", "by": "dana\ufe0f"}})
        with pytest.raises(Exception, match="by: must name somebody"):
            refund.graph.invoke(answer, {"configurable": {"thread_id": "t1"}})

        assert refund.paid == []


@pytest.mark.parametrize(
    ("one", "same"), [("Strauß", "STRAUSS"), ("\uff21na", "ana"), ("Σας", "ΣΑΣ"), ("ﬁn", "fin")]
)
def test_a_claim_is_its_holders_however_the_name_is_written(refund: Opened, one: str, same: str) -> None:
    """Claims compare names as votes, drafts and exclusions do."""
    desk = refund.desk
    desk.claim(refund.id, by=one)

    assert desk.heartbeat(refund.id, by=same).claimed_by == one
    assert desk.snooze(refund.id, by=same, hours=0).claimed_by == one
    assert desk.reassign(refund.id, to=same, by=same, reason="mine").claimed_by == one
    assert desk.release(refund.id, by=same).claimed_by is None
    desk.claim(refund.id, by=one)
    assert refund.decide(by=same).status == "decided"


def test_a_vote_lets_the_case_go_however_the_name_is_written(db_url: str, sink: Path) -> None:
    """So that the next can vote."""
    with opened(db_url, sink, approvals=2) as two:
        two.desk.claim(two.id, by="Strauß")
        two.decide(by="STRAUSS")

        assert two.decide(by="ben").status == "decided"


@pytest.mark.parametrize("digest", [None, 3, b"sha256:"], ids=str)
def test_a_digest_that_is_none_is_named(refund: Opened, digest: object) -> None:
    """Nobody has decided: it is not said that somebody has."""
    with pytest.raises(AnswerError, match="decide: digest: is no text"):
        refund.desk.decide(refund.id, {"type": "approve"}, by="ana", digest=digest)
