"""Whose a case is: reassign, reroute, snooze (R32, R36, R56)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Reject, Sla
from hitl_graph.errors import AnswerError, CaseClaimed, NotAuthorised
from hitl_graph.testing import FakeClock
from tests.desk.opening import Opened, opened

Timed = tuple[Opened, FakeClock]


def test_a_case_is_given_to_a_person(refund: Opened) -> None:
    """With who, why, and whose it was."""
    case = refund.desk.reassign(refund.id, to="ben", by="ana", reason="knows the customer")

    assert (case.owner, case.person) == ("support", "ben")
    assert refund.event("reassigned") == {
        "by": "ana",
        "to": "ben",
        "from": None,
        "reason": "knows the customer",
        "through": {"way": "code"},
    }


def test_a_person_who_is_named_may_act_whatever_their_groups(refund: Opened) -> None:
    """R56: but not before they are named."""
    people = refund.desk.people
    people.put("ana", groups=["support"])
    people.put("ben", groups=["warehouse"])
    with pytest.raises(NotAuthorised):
        refund.decide(by="ben")

    refund.desk.reassign(refund.id, to="ben", by="ana", reason="was there")

    assert refund.decide(by="ben").identity == {
        "id": "ben",
        "name": "ben",
        "kind": "human",
        "groups": ["warehouse"],
        "rule": "named person",
    }


def test_nobody_outside_gives_the_case_to_themselves(refund: Opened) -> None:
    """Reassigning is acting: it takes what deciding takes."""
    refund.desk.people.put("ana", groups=["support"])
    refund.desk.people.put("ben", groups=["warehouse"])

    with pytest.raises(NotAuthorised):
        refund.desk.reassign(refund.id, to="ben", by="ben", reason="mine")

    assert refund.case.person is None


@pytest.mark.parametrize("to", ["nobody", "bot", "gone"])
def test_a_case_is_given_to_nobody_who_could_not_decide(refund: Opened, to: str) -> None:
    """Unknown, an agent, or not active: the case would wait for ever."""
    people = refund.desk.people
    people.put("ana", groups=["support"])
    people.put("bot", groups=["support"], kind="agent")
    people.put("gone", groups=["support"], active=False)

    with pytest.raises(AnswerError, match="to:"):
        refund.desk.reassign(refund.id, to=to, by="ana", reason="x")

    assert refund.case.person is None


def test_a_case_goes_to_another_group(refund: Opened) -> None:
    """And to nobody in particular; its old group may not decide it any more."""
    people = refund.desk.people
    people.put("ana", groups=["support"])
    people.put("cem", groups=["finance"])

    case = refund.desk.reroute(refund.id, to="finance", by="ana", reason="above our limit")

    assert (case.owner, case.person) == ("finance", None)
    assert refund.event("rerouted")["from"] == "support"
    assert [one.id for one in refund.desk.pending(owner="finance")] == [refund.id]
    with pytest.raises(NotAuthorised, match="finance"):
        refund.decide(by="ana")
    assert refund.decide(by="cem").by == "cem"


def test_a_group_without_anybody_gets_no_case(refund: Opened) -> None:
    """A typing mistake must not bury it."""
    refund.desk.people.put("ana", groups=["support"])

    with pytest.raises(AnswerError, match="nobody who could decide"):
        refund.desk.reroute(refund.id, to="suport", by="ana", reason="x")

    assert refund.case.owner == "support"


@pytest.mark.parametrize("reason", ["", " ", None], ids=str)
def test_a_reroute_says_why(refund: Opened, reason: Any) -> None:
    """An empty reason is none."""
    with pytest.raises(AnswerError, match="reason"):
        refund.desk.reroute(refund.id, to="finance", by="ana", reason=reason)


def test_a_claimed_case_is_not_given_away_by_others(refund: Opened) -> None:
    """It would vanish from under its holder."""
    refund.desk.claim(refund.id, by="ana")

    with pytest.raises(CaseClaimed):
        refund.desk.reroute(refund.id, to="finance", by="ben", reason="x")
    with pytest.raises(CaseClaimed):
        refund.desk.reassign(refund.id, to="cem", by="ben", reason="x")
    with pytest.raises(CaseClaimed):
        refund.desk.snooze(refund.id, hours=1, by="ben")

    assert (refund.case.owner, refund.case.person, refund.case.snoozed_until) == ("support", None, None)


def test_a_rerouted_case_whose_words_change_stays_where_it_was_put(db_url: str, sink: Path) -> None:
    """Asked anew with other words, it does not fall back to the group that it did not belong to."""
    words = ["Broken on arrival."]
    gate = {"evidence": lambda s: [evidence(words[0])]}
    with opened(db_url, sink, **gate) as refund:
        refund.desk.reroute(refund.id, to="finance", by="ana", reason="x")
        before = refund.case.digest
        words[0] = "Broken, and late."
        refund.graph.invoke(None, {"configurable": {"thread_id": "t1"}})

        assert refund.case.digest != before
        assert refund.case.owner == "finance"


def evidence(text: str) -> Any:
    from hitl_graph import Evidence

    return Evidence("Customer message", text)


def test_a_snoozed_case_is_hidden_until_its_time(timed: Timed) -> None:
    """R36: and shown to whoever asks for snoozed ones."""
    refund, clock = timed

    case = refund.desk.snooze(refund.id, until=clock.now() + dt.timedelta(hours=2), by="ana")

    assert case.snoozed_until == clock.now() + dt.timedelta(hours=2)
    assert list(refund.desk.pending()) == []
    assert [one.id for one in refund.desk.pending(snoozed=True)] == [refund.id]
    clock.advance(hours=2)
    assert [one.id for one in refund.desk.pending()] == [refund.id]


def test_a_snoozed_case_can_be_decided_and_woken(timed: Timed) -> None:
    """Snoozing hides it from a list, no more."""
    refund, _ = timed
    refund.desk.snooze(refund.id, hours=5, by="ana")

    woken = refund.desk.snooze(refund.id, hours=0, by="ana")

    assert woken.snoozed_until is None
    assert refund.events == ["asked", "snoozed", "woken"]
    refund.desk.snooze(refund.id, hours=5, by="ana")
    assert refund.decide(Reject()).status == "decided"


def test_a_snooze_stops_no_time_limit(hitl_clock: FakeClock, db_url: str, sink: Path) -> None:
    """R33: the SLA goes on."""
    with opened(db_url, sink, sla=Sla(hours=4)) as refund:
        before = refund.case.due_at

        refund.desk.snooze(refund.id, hours=8, by="ana")

        assert refund.case.due_at == before == hitl_clock.now() + dt.timedelta(hours=4)


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"hours": 1, "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
        {"until": dt.datetime(2030, 1, 1)},  # noqa: DTZ001  # without a zone, on purpose
        {"hours": -1},
        {"hours": float("nan")},
        {"hours": 24 * 367},
        {"hours": True},
    ],
    ids=str,
)
def test_a_snooze_without_a_clear_time_is_refused(refund: Opened, when: dict[str, Any]) -> None:
    """Nothing is hidden."""
    with pytest.raises(AnswerError):
        refund.desk.snooze(refund.id, by="ana", **when)

    assert len(refund.desk.pending()) == 1
