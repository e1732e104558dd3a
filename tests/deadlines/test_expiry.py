"""What happens when nobody decides in time (R35, R58)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Sla
from hitl_graph.plain import digest
from hitl_graph.testing import FakeClock

from .waiting import OPTIONS, TAG, ask, data, told

HOUR = dt.timedelta(hours=1)


def only(desk: Any) -> Any:
    [case] = desk.cases(thread_id="t")
    return case


def test_nothing_happens_a_second_early(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """I10: one second before its time a case just waits."""
    ask(hitl_checkpointer, Sla(4, on_expiry="reject"))
    hitl_desk.deadlines.act()
    hitl_clock.advance(hours=4, seconds=-1)

    assert hitl_desk.deadlines.act() == 0
    assert told(hitl_desk) == ["asked"]


def test_expiry_rejects(hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any) -> None:
    """R35: a decision by the system, named as such."""
    ask(hitl_checkpointer, Sla(4, on_expiry="reject"))
    hitl_clock.advance(hours=4)

    assert hitl_desk.deadlines.act() == 1

    case = only(hitl_desk)
    assert (case.status, case.decision_type, case.by, case.via) == (
        "decided",
        "reject",
        "system:sla",
        "system",
    )
    assert told(hitl_desk) == ["asked", "expired", "decided"]


def test_the_thread_goes_on_with_what_expiry_decided(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R58: rejected means not sent, and the record says by whom."""
    graph = ask(hitl_checkpointer, Sla(4, on_expiry="reject"))
    hitl_clock.advance(hours=4)
    hitl_desk.deadlines.act()

    hitl_desk.resume(graph)

    values = graph.get_state({"configurable": {"thread_id": "t"}}).values
    assert (values["reviews"][0]["by"], values["reviews"][0]["outcome"], values.get("sent")) == (
        "system:sla",
        "rejected",
        None,
    )
    assert only(hitl_desk).status == "applied"


def test_expiry_escalates_and_the_next_group_has_the_time_again(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R32, R33: another owner, a level up, due so many hours from now."""
    ask(hitl_checkpointer, Sla(4, on_expiry="escalate", escalate_to="managers"))
    hitl_clock.advance(hours=5)

    hitl_desk.deadlines.act()

    case = only(hitl_desk)
    assert (case.status, case.owner, case.due_at - hitl_clock.now()) == ("pending", "managers", 4 * HOUR)
    [event] = data(hitl_desk, "escalated")
    assert (event["from"], event["to"], event["level"]) == ("support", "managers", 1)


def test_a_case_that_expires_again_raises_an_alarm(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35: there is nobody left to give it to; it is not lost in silence, and not decided."""
    ask(hitl_checkpointer, Sla(4, on_expiry="escalate", escalate_to="managers"))
    for _ in range(2):
        hitl_clock.advance(hours=4)
        hitl_desk.deadlines.act()

    assert (only(hitl_desk).status, only(hitl_desk).owner) == ("pending", "managers")
    assert told(hitl_desk) == ["asked", "expired", "escalated", "expired", "alarm"]


def test_a_safe_default_is_one_of_the_options(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35."""
    sla = Sla(2, on_expiry="safe_default", default="close")
    gate = {"kind": "choose", "options": OPTIONS, "option_field": "body", "action": TAG}
    ask(hitl_checkpointer, sla, consequence="It is done.", **gate)
    hitl_clock.advance(hours=2)

    hitl_desk.deadlines.act()

    assert only(hitl_desk).decision["option"] == "close"


def test_a_safe_default_may_be_to_reject(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35: where the gate has no options."""
    ask(hitl_checkpointer, Sla(2, on_expiry="safe_default", default="reject"))
    hitl_clock.advance(hours=2)

    hitl_desk.deadlines.act()

    assert only(hitl_desk).decision_type == "reject"


def test_a_case_may_keep_waiting(hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any) -> None:
    """R35: then expiry is an event, once."""
    ask(hitl_checkpointer, Sla(2))
    hitl_clock.advance(hours=50)

    assert [hitl_desk.deadlines.act() for _ in range(3)] == [1, 0, 0]
    assert (only(hitl_desk).status, told(hitl_desk)) == ("pending", ["asked", "expired"])


def test_a_reversible_act_may_be_approved(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35, I4: and the approval covers just what was proposed, so that it is done."""
    graph = ask(hitl_checkpointer, Sla(2, on_expiry="approve"), action=TAG, consequence="Tags it.")
    hitl_clock.advance(hours=2)
    hitl_desk.deadlines.act()

    [done] = hitl_desk.resume(graph)

    case = only(hitl_desk)
    assert (case.decision_type, case.by, case.status) == ("approve", "system:sla", "applied")
    assert done.values["sent"] == 1


def changed(url: str, change: Any, *, sealed: bool = True) -> None:
    """Write into the stored request of the one case, and make its digests anew."""
    with psycopg.connect(url) as conn:
        [(payload,)] = conn.execute("SELECT payload FROM hitl.reviews").fetchall()
        change(payload)
        if sealed:
            payload["digest"] = digest({key: value for key, value in payload.items() if key != "digest"})
        conn.execute("ALTER TABLE hitl.reviews DISABLE TRIGGER reviews_time_anew")
        conn.execute(
            "UPDATE hitl.reviews SET payload = %s::json, digest = %s",
            [json.dumps(payload), payload["digest"]],
        )
        conn.execute("ALTER TABLE hitl.reviews ENABLE TRIGGER reviews_time_anew")


@pytest.mark.parametrize(
    "change",
    [
        {"reversible": False},
        {"regulated": True},
        {"reversible": None},
        {"reversible": "true"},
    ],
)
def test_what_cannot_be_undone_is_not_approved_at_the_moment_of_expiry_either(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any, change: dict[str, Any]
) -> None:
    """I3, I7: whatever was allowed when the gate was built, the stored request is looked at again."""
    ask(hitl_checkpointer, Sla(2, on_expiry="approve"), action=TAG, consequence="Tags it.")
    changed(hitl_db_url, lambda payload: payload["action"].update(change))
    hitl_clock.advance(hours=2)

    hitl_desk.deadlines.act()

    assert (only(hitl_desk).status, told(hitl_desk)) == ("pending", ["asked", "expired", "alarm"])


@pytest.mark.parametrize("planned", [True, False])
def test_a_request_that_was_changed_in_the_database_decides_nothing(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any, planned: bool
) -> None:
    """I3, I4: its digest is not of what stands there: it keeps waiting, with an alarm."""
    ask(hitl_checkpointer, Sla(2, on_expiry="reject"))
    if planned:
        hitl_desk.deadlines.act()

    def forge(payload: dict[str, Any]) -> None:
        payload["action"]["reversible"] = True
        payload["sla"]["on_expiry"] = "approve"

    changed(hitl_db_url, forge, sealed=False)
    hitl_clock.advance(hours=2)

    assert [hitl_desk.deadlines.act() for _ in range(2)] == [int(planned), 0]

    assert only(hitl_desk).status == "pending"
    [alarm] = data(hitl_desk, "alarm")
    assert "is not what was asked" in alarm["because"]


def test_a_choice_that_lets_an_irreversible_act_happen_is_not_taken(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """I7: a default is safe only where it leads elsewhere."""
    sla = Sla(2, on_expiry="safe_default", default="close")
    gate = {"kind": "choose", "options": OPTIONS, "option_field": "body", "action": TAG}
    ask(hitl_checkpointer, sla, consequence="It is done.", **gate)
    changed(hitl_db_url, lambda payload: payload["action"].update(reversible=False))
    hitl_clock.advance(hours=2)

    hitl_desk.deadlines.act()

    assert (only(hitl_desk).status, told(hitl_desk)[-1]) == ("pending", "alarm")


def test_what_several_people_must_approve_is_not_let_through_by_silence(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R74: also where it could be undone."""
    ask(hitl_checkpointer, Sla(2, on_expiry="approve"), action=TAG, consequence="Tags it.")
    changed(hitl_db_url, lambda payload: payload.update(approvals=2))
    hitl_clock.advance(hours=2)

    hitl_desk.deadlines.act()

    assert (only(hitl_desk).status, told(hitl_desk)[-1]) == ("pending", "alarm")


def test_what_somebody_else_must_look_at_is_not_let_through_by_silence(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R74: the option would do what those who made it may not approve themselves."""
    sla = Sla(2, on_expiry="safe_default", default="close")
    gate = {"kind": "choose", "options": OPTIONS, "option_field": "body", "action": TAG, "not_by": ["ana"]}
    ask(hitl_checkpointer, sla, consequence="It is done.", **gate)
    hitl_clock.advance(hours=2)

    hitl_desk.deadlines.act()

    assert (only(hitl_desk).status, told(hitl_desk)[-1]) == ("pending", "alarm")


def test_an_option_that_leads_elsewhere_may_be_the_default_of_an_irreversible_act(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35: handing the case over sends nothing."""
    sla = Sla(2, on_expiry="safe_default", default="close")
    gate = {"kind": "choose", "options": OPTIONS, "option_field": "body"}
    ask(hitl_checkpointer, sla, leads={"close": "__end__"}, **gate)
    hitl_clock.advance(hours=2)

    hitl_desk.deadlines.act()

    assert only(hitl_desk).decision["option"] == "close"


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload.update(sla=None),
        lambda payload: payload["sla"].update(escalate_to=None),
        lambda payload: payload["sla"].update(hours="soon"),
        lambda payload: payload.update(novelty=1),
    ],
    ids=["no limit", "nobody to escalate to", "no number", "of another version"],
)
def test_a_request_that_cannot_be_kept_keeps_waiting_with_an_alarm(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any, change: Any
) -> None:
    """Fails closed: nothing is decided, and it is not tried for ever."""
    ask(hitl_checkpointer, Sla(2, on_expiry="escalate", escalate_to="managers"))
    hitl_desk.deadlines.act()
    changed(hitl_db_url, change)
    hitl_clock.advance(hours=2)

    assert [hitl_desk.deadlines.act() for _ in range(2)] == [1, 0]
    assert (only(hitl_desk).status, only(hitl_desk).owner, told(hitl_desk)[-1]) == (
        "pending",
        "support",
        "alarm",
    )


def test_a_case_that_cannot_be_planned_does_not_stop_the_others(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """A poisoned payload is told once, and left to a person."""
    ask(hitl_checkpointer, Sla(2, on_expiry="reject"))
    changed(hitl_db_url, lambda payload: payload.update(novelty=1))
    ask(hitl_checkpointer, Sla(2, on_expiry="reject"), thread="other")
    hitl_clock.advance(hours=2)

    assert [hitl_desk.deadlines.act() for _ in range(2)] == [1, 0]
    assert told(hitl_desk) == ["asked", "alarm"]
    assert told(hitl_desk, thread_id="other")[-1] == "decided"


def test_a_case_whose_decision_the_database_refuses_does_not_stop_the_others(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """It keeps waiting with an alarm, and nothing of its decision is kept."""
    for thread in ("t", "other"):
        ask(hitl_checkpointer, Sla(2, on_expiry="reject"), thread)
    with psycopg.connect(hitl_db_url) as conn:
        conn.execute("ALTER TABLE hitl.decisions ADD CHECK (thread_id <> 't')")
    hitl_clock.advance(hours=2)

    assert [hitl_desk.deadlines.act() for _ in range(2)] == [2, 0]
    assert (only(hitl_desk).status, told(hitl_desk)) == ("pending", ["asked", "expired", "alarm"])
    assert told(hitl_desk, thread_id="other") == ["asked", "expired", "decided"]


def test_a_claimed_and_snoozed_case_expires_all_the_same(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35: a claim is no decision. The next group need not wait for the lease."""
    ask(hitl_checkpointer, Sla(2, on_expiry="escalate", escalate_to="managers"))
    case = only(hitl_desk)
    hitl_desk.snooze(case.id, hours=48, by="ana")
    hitl_clock.advance(hours=1, minutes=55)
    hitl_desk.claim(case.id, by="ana", minutes=10)
    hitl_clock.advance(minutes=5)

    hitl_desk.deadlines.act()

    [event] = data(hitl_desk, "escalated")
    assert event["claimed_by"] == "ana"
    hitl_desk.claim(case.id, by="bob")


def test_a_claim_does_not_stop_the_rejection(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35: nor does somebody else's lease stand against the system's decision."""
    ask(hitl_checkpointer, Sla(2, on_expiry="reject"))
    hitl_clock.advance(hours=2)
    hitl_desk.claim(only(hitl_desk).id, by="ana")

    hitl_desk.deadlines.act()

    assert only(hitl_desk).by == "system:sla"


def test_what_a_person_decided_is_left_alone(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """I1."""
    ask(hitl_checkpointer, Sla(2, on_expiry="reject"))
    hitl_desk.deadlines.act()
    case = only(hitl_desk)
    hitl_desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    hitl_clock.advance(hours=2)

    assert hitl_desk.deadlines.act() == 0
    assert only(hitl_desk).by == "ana"
