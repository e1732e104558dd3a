"""Reminders, levels, repeats, and acknowledgements that expire (R32, R33, R58)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from hitl_graph import Approve, Level, Sla
from hitl_graph.errors import AnswerError, DecisionConflict, NotAuthorised, ReviewNotFound
from hitl_graph.testing import FakeClock

from .waiting import ask, data, told

HOUR = dt.timedelta(hours=1)
LADDER = (
    Level(2, "leads", repeat=3, every_h=1, ack_h=4),
    Level(8, "managers"),
)


def only(desk: Any) -> Any:
    [case] = desk.cases(thread_id="t")
    return case


def pass_hours(clock: FakeClock, desk: Any, count: int) -> None:
    """A worker that looks every hour."""
    for _ in range(count):
        clock.advance(hours=1)
        desk.deadlines.act()


def test_reminders_come_so_many_hours_before_expiry(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R33: each once, at its time."""
    ask(hitl_checkpointer, Sla(8, remind=(1, 4)))
    start = hitl_clock.now()
    pass_hours(hitl_clock, hitl_desk, 9)

    times = [event["at"] - start for event in hitl_desk.history(only(hitl_desk).id)]
    assert times == [0 * HOUR, 4 * HOUR, 7 * HOUR, 8 * HOUR]
    assert told(hitl_desk) == ["asked", "reminded", "reminded", "expired"]


def test_a_lapsed_claim_is_not_named_in_the_reminder(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R32: it is for the group again."""
    ask(hitl_checkpointer, Sla(8, remind=4))
    hitl_desk.claim(only(hitl_desk).id, by="ana", minutes=10)
    hitl_clock.advance(hours=4)

    hitl_desk.deadlines.act()

    assert [(event["group"], event["person"]) for event in data(hitl_desk, "reminded")] == [("support", None)]


def test_a_live_claim_is_named_in_the_reminder(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R32."""
    ask(hitl_checkpointer, Sla(8, remind=4))
    hitl_clock.advance(hours=3, minutes=55)
    hitl_desk.claim(only(hitl_desk).id, by="ana", minutes=10)
    hitl_clock.advance(minutes=5)

    hitl_desk.deadlines.act()

    assert [event["person"] for event in data(hitl_desk, "reminded")] == ["ana"]


def test_a_case_climbs_the_ladder(hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any) -> None:
    """R58: each level at its hour since the case was asked; its deadline stays."""
    ask(hitl_checkpointer, Sla(24, ladder=LADDER))
    due = hitl_clock.now() + 24 * HOUR
    seen = []
    for _ in range(9):
        pass_hours(hitl_clock, hitl_desk, 1)
        seen.append(only(hitl_desk).owner)

    assert seen == ["support"] + ["leads"] * 6 + ["managers"] * 2
    assert only(hitl_desk).due_at == due


def test_a_level_is_told_again_until_the_next_one(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R58: three times, an hour apart."""
    ask(hitl_checkpointer, Sla(24, ladder=LADDER))
    pass_hours(hitl_clock, hitl_desk, 9)

    assert told(hitl_desk) == ["asked", "escalated", "repeated", "repeated", "repeated", "escalated"]
    assert [event["remaining"] for event in data(hitl_desk, "repeated")] == [2, 1, 0]


def test_the_next_level_ends_the_repeats_of_the_one_before(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R58: who no longer has it is not told any more."""
    ladder = (Level(1, "leads", repeat=100, every_h=1), Level(4, "managers"))
    ask(hitl_checkpointer, Sla(24, ladder=ladder))
    pass_hours(hitl_clock, hitl_desk, 10)

    assert told(hitl_desk) == ["asked", "escalated", "repeated", "repeated", "escalated"]


def test_an_acknowledgement_holds_the_repeats_and_expires(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R58: four hours of quiet, then they go on, as many as were left."""
    ladder = (Level(2, "leads", repeat=3, every_h=1, ack_h=4),)
    ask(hitl_checkpointer, Sla(24, ladder=ladder))
    pass_hours(hitl_clock, hitl_desk, 3)

    hitl_desk.acknowledge(only(hitl_desk).id, by="ana")
    pass_hours(hitl_clock, hitl_desk, 7)

    start = hitl_clock.now() - 10 * HOUR
    happened = [(e["type"], (e["at"] - start) // HOUR) for e in hitl_desk.history(only(hitl_desk).id)]
    assert happened == [
        ("asked", 0),
        ("escalated", 2),
        ("repeated", 3),
        ("acknowledged", 3),
        ("ack_lapsed", 7),
        ("repeated", 8),
        ("repeated", 9),
    ]


def test_an_acknowledgement_that_is_renewed_holds_longer(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R58: from the last one on."""
    ladder = (Level(2, "leads", repeat=3, every_h=1, ack_h=4),)
    ask(hitl_checkpointer, Sla(24, ladder=ladder))
    pass_hours(hitl_clock, hitl_desk, 2)
    hitl_desk.acknowledge(only(hitl_desk).id, by="ana")
    pass_hours(hitl_clock, hitl_desk, 3)
    hitl_desk.acknowledge(only(hitl_desk).id, by="ana")
    pass_hours(hitl_clock, hitl_desk, 3)

    assert told(hitl_desk) == ["asked", "escalated", "acknowledged", "acknowledged"]


def test_an_acknowledgement_without_an_end_holds_until_the_next_level(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R58: `ack_h` left out."""
    ladder = (Level(1, "leads", repeat=9, every_h=1), Level(6, "managers", repeat=1, every_h=1))
    ask(hitl_checkpointer, Sla(24, ladder=ladder))
    pass_hours(hitl_clock, hitl_desk, 1)
    hitl_desk.acknowledge(only(hitl_desk).id, by="ana")
    pass_hours(hitl_clock, hitl_desk, 9)

    assert told(hitl_desk) == ["asked", "escalated", "acknowledged", "escalated", "repeated"]


def test_an_acknowledgement_moves_no_deadline(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35: seen is not decided."""
    ask(hitl_checkpointer, Sla(4, on_expiry="reject", ladder=(Level(1, "leads", ack_h=100),)))
    pass_hours(hitl_clock, hitl_desk, 1)
    hitl_desk.acknowledge(only(hitl_desk).id, by="ana")
    pass_hours(hitl_clock, hitl_desk, 3)

    assert only(hitl_desk).decision_type == "reject"


@pytest.mark.parametrize(
    ("by", "error"), [("", AnswerError), ("system:sla", AnswerError), ("agent:a", NotAuthorised)]
)
def test_only_people_acknowledge(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any, by: str, error: type[Exception]
) -> None:
    """R58: and they have a name."""
    ask(hitl_checkpointer, Sla(24, ladder=LADDER))

    with pytest.raises(error):
        hitl_desk.acknowledge(only(hitl_desk).id, by=by)

    assert "acknowledged" not in told(hitl_desk)


def test_a_decided_case_cannot_be_acknowledged(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """The error names who decided."""
    ask(hitl_checkpointer, Sla(24, ladder=LADDER))
    case = only(hitl_desk)
    hitl_desk.decide(case.id, Approve(), by="bob", digest=case.digest)

    with pytest.raises(DecisionConflict, match="bob"):
        hitl_desk.acknowledge(case.id, by="ana")


def test_an_unknown_case_cannot_be_acknowledged(hitl_desk: Any) -> None:
    """Nothing is written for it."""
    with pytest.raises(ReviewNotFound):
        hitl_desk.acknowledge("nothing", by="ana")


def test_who_was_asked_first_may_still_decide(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R32: an escalation adds people, it locks nobody out."""
    hitl_desk.people.put("ana", groups=["support"], by="admin")
    ask(hitl_checkpointer, Sla(24, ladder=LADDER))
    pass_hours(hitl_clock, hitl_desk, 2)

    case = only(hitl_desk)
    assert hitl_desk.decide(case.id, Approve(), by="ana", digest=case.digest).status == "decided"


def test_after_an_outage_each_case_catches_up_in_one_step(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """Not one message for each step that was missed."""
    ask(hitl_checkpointer, Sla(24, remind=(20, 12, 10), ladder=(*LADDER, Level(10, "directors"))))
    hitl_desk.deadlines.act()
    hitl_clock.advance(hours=15)

    assert hitl_desk.deadlines.act() == 1
    assert (told(hitl_desk), only(hitl_desk).owner) == (["asked", "escalated"], "directors")


def test_a_late_expiry_passes_over_all_that_came_before(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """Also where no worker has ever run before."""
    ask(hitl_checkpointer, Sla(24, on_expiry="reject", remind=(20, 12), ladder=LADDER))
    hitl_clock.advance(hours=500)

    assert hitl_desk.deadlines.act() == 1
    assert told(hitl_desk) == ["asked", "expired", "decided"]


def test_cases_are_taken_in_the_order_in_which_they_fell_due(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """The one that has waited longest first, whichever came first."""
    for thread, hours in (("a", 9), ("b", 3), ("c", 6)):
        ask(hitl_checkpointer, Sla(hours), thread)
    hitl_desk.deadlines.act()
    hitl_clock.advance(hours=10)
    while hitl_desk.deadlines.act(limit=1):
        pass

    ids = {thread: hitl_desk.history(hitl_desk.cases(thread_id=thread)[0].id)[-1]["id"] for thread in "abc"}
    assert sorted(ids, key=lambda thread: ids[thread]) == ["b", "c", "a"]


def test_after_the_ladder_expiry_goes_one_level_further(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R58: `escalate_to` is above the ladder, and has the hours and reminders once more, but no ladder."""
    ask(hitl_checkpointer, Sla(24, on_expiry="escalate", escalate_to="board", remind=1, ladder=LADDER))
    hitl_desk.deadlines.act()
    for _ in range(2):
        hitl_clock.advance(hours=8)
        hitl_desk.deadlines.act()
    hitl_clock.advance(hours=8)
    hitl_desk.deadlines.act()

    assert [event["level"] for event in data(hitl_desk, "escalated")] == [2, 3]
    assert [timer["kind"] for timer in hitl_desk.deadlines.upcoming(only(hitl_desk).id)] == [
        "reminder",
        "expiry",
    ]
