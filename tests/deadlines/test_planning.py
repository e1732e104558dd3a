"""When a plan is made, from what, and on which clock (R33, I10)."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import psycopg
import pytest
from langgraph.types import Command

from hitl_graph import BusinessHours, Level, Reject, Sla
from hitl_graph.nodes.clock import replaced_clock
from hitl_graph.testing import FakeClock

from .waiting import ask, mail, told

HOUR = dt.timedelta(hours=1)
CONFIG: Any = {"configurable": {"thread_id": "t"}}
BERLIN = BusinessHours(zone="Europe/Berlin")


def only(desk: Any) -> Any:
    [case] = desk.pending(thread_id="t")
    return case


def timers(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute("SELECT kind, level, at, outcome FROM hitl.timers ORDER BY at, id").fetchall()


def test_a_plan_is_counted_from_the_pause(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R33: also where it is made hours later."""
    start = hitl_clock.now()
    ask(hitl_checkpointer, Sla(24, remind=4, ladder=(Level(6, "leads"),)))
    hitl_clock.advance(hours=3)

    hitl_desk.deadlines.act()

    assert timers(hitl_db_url) == [
        ("escalate", 1, start + 6 * HOUR, None),
        ("reminder", 0, start + 20 * HOUR, None),
        ("expiry", 0, start + 24 * HOUR, None),
    ]


def test_a_plan_is_made_once(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """However often it is looked at."""
    ask(hitl_checkpointer, Sla(24))
    for _ in range(3):
        hitl_desk.deadlines.act()

    assert len(timers(hitl_db_url)) == 1


def test_working_hours_are_counted_in_the_calendar(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R33: asked on a Friday at five, due on Monday; nothing happens at the weekend."""
    hitl_clock.set(
        dt.datetime(2026, 3, 27, 16, 0, tzinfo=dt.UTC)
    )  # 17:00 in Berlin; the clock changes on Sunday
    ask(hitl_checkpointer, Sla(2, on_expiry="reject", calendar=BERLIN))
    hitl_desk.deadlines.act()

    assert only(hitl_desk).due_at == dt.datetime(2026, 3, 30, 8, 30, tzinfo=dt.UTC)  # 10:30, in summer time
    hitl_clock.set(dt.datetime(2026, 3, 30, 8, 29, 59, tzinfo=dt.UTC))
    assert hitl_desk.deadlines.act() == 0
    hitl_clock.advance(seconds=1)
    assert hitl_desk.deadlines.act() == 1


def test_a_list_says_nothing_wrong_before_working_hours_are_planned(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """Then it is not known yet; without a calendar it is known at once."""
    ask(hitl_checkpointer, Sla(2, calendar=BERLIN))
    ask(hitl_checkpointer, Sla(2), "other")

    assert [case.due_at for case in hitl_desk.pending()] == [None, hitl_clock.now() + 2 * HOUR]


def test_a_case_without_a_limit_waits_for_ever(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """And nothing is planned for it."""
    ask(hitl_checkpointer, None)
    hitl_clock.advance(hours=100_000)

    assert (hitl_desk.deadlines.act(), timers(hitl_db_url), told(hitl_desk)) == (0, [], ["asked"])


def test_a_case_asked_with_other_words_is_timed_anew_once(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R33: from then on, by what it says now; what was planned before is void."""
    ask(hitl_checkpointer, Sla(4, on_expiry="reject"))
    hitl_desk.deadlines.act()
    hitl_clock.advance(hours=3)
    graph = ask_again(hitl_checkpointer, Sla(6, on_expiry="reject"))
    graph.invoke(None, CONFIG)
    hitl_desk.deadlines.act()

    start = hitl_clock.now()
    assert [(at - start, outcome) for _, _, at, outcome in timers(hitl_db_url)] == [
        (HOUR, "replaced"),
        (6 * HOUR, None),
    ]
    assert (only(hitl_desk).due_at - start, told(hitl_desk)) == (6 * HOUR, ["asked", "changed"])


def test_a_case_that_loses_its_limit_loses_its_timers(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """What it says now counts."""
    ask(hitl_checkpointer, Sla(4, on_expiry="reject"))
    hitl_desk.deadlines.act()
    ask_again(hitl_checkpointer, None).invoke(None, CONFIG)
    hitl_clock.advance(hours=100)

    assert (hitl_desk.deadlines.act(), only(hitl_desk).status) == (0, "pending")


def ask_again(saver: Any, sla: Sla) -> Any:
    """The graph after a deployment that changed the gate."""
    return mail(sla, question="Is this answer safe to send to the customer?").compile(checkpointer=saver)


def test_an_answer_that_is_undone_leaves_the_deadline_where_it_was(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R35: deciding and taking it back gains no time."""
    ask(hitl_checkpointer, Sla(4, on_expiry="escalate", escalate_to="managers"))
    hitl_desk.deadlines.act()
    case = only(hitl_desk)
    hitl_clock.advance(hours=3)
    hitl_desk.decide(case.id, Reject(), by="ana", digest=case.digest, undo_s=60)
    hitl_desk.undo(case.id, by="ana")
    hitl_clock.advance(hours=1)

    assert (hitl_desk.deadlines.act(), only(hitl_desk).owner) == (1, "managers")


def test_a_new_pause_of_the_same_thread_has_its_own_time(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R33: new input supersedes the case; its timers do nothing any more."""
    graph = ask(hitl_checkpointer, Sla(4, on_expiry="reject"))
    hitl_desk.deadlines.act()
    hitl_clock.advance(hours=3)
    graph.invoke({"email": {"to": "bob@example.com", "body": "Hello"}}, CONFIG)
    hitl_desk.deadlines.act()
    hitl_clock.advance(hours=1)

    assert (hitl_desk.deadlines.act(), only(hitl_desk).due_at - hitl_clock.now()) == (0, 3 * HOUR)


def test_timers_of_closed_cases_are_cleared_away(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """So that what is looked through each second stays short."""
    graph = ask(hitl_checkpointer, Sla(4, on_expiry="reject"))
    hitl_desk.deadlines.act()
    graph.invoke(Command(resume={only(hitl_desk).id: {"type": "reject"}}), CONFIG)
    hitl_clock.advance(hours=4)

    assert (hitl_desk.deadlines.act(), timers(hitl_db_url)) == (0, [])


@pytest.mark.parametrize("off", [-HOUR, HOUR], ids=["an hour behind", "an hour ahead"])
def test_a_process_whose_clock_is_off_acts_on_time(
    hitl_clock: FakeClock,
    hitl_checkpointer: Any,
    hitl_desk: Any,
    off: dt.timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """I10: asked, planned and acted by the database's clock."""
    wrong, start = time.time() + off.total_seconds(), hitl_clock.now()
    with replaced_clock(lambda: hitl_clock.now() + off):
        monkeypatch.setattr(time, "time", lambda: wrong)
        ask(hitl_checkpointer, Sla(4, on_expiry="reject", remind=1))
        hitl_clock.advance(hours=3, seconds=-1)
        before = hitl_desk.deadlines.act()
        hitl_clock.advance(seconds=1)
        hitl_desk.deadlines.act()
        hitl_clock.advance(hours=1)
        hitl_desk.deadlines.act()

    [case] = hitl_desk.cases()
    assert (before, case.decided_at - start) == (0, 4 * HOUR)
    assert told(hitl_desk) == ["asked", "reminded", "expired", "decided"]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"], ids=["spring", "autumn"])
def test_hours_without_a_calendar_are_hours_also_when_the_clock_changes(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any, day: str
) -> None:
    """R33: four hours across the change are four hours, nothing early or twice."""
    hitl_clock.set(dt.datetime.fromisoformat(f"{day}T00:00:00+01:00"))
    ask(hitl_checkpointer, Sla(4, remind=(3, 2, 1)))
    for _ in range(60):
        hitl_clock.advance(minutes=5)
        hitl_desk.deadlines.act()

    assert told(hitl_desk) == ["asked", *["reminded"] * 3, "expired"]
    assert only(hitl_desk).due_at == dt.datetime.fromisoformat(f"{day}T00:00:00+01:00") + 4 * HOUR


@pytest.mark.parametrize(
    ("day", "due"), [("2026-03-29", "2026-03-29T03:00:00+00:00"), ("2026-10-25", "2026-10-25T02:00:00+00:00")]
)
def test_working_hours_on_a_day_on_which_the_clock_changes_happen_once(
    hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any, day: str, due: str
) -> None:
    """R33: a night shift from one o'clock, three hours of it."""
    night = BusinessHours(zone="Europe/Berlin", days="mon-sun", start="01:00", end="06:00")
    hitl_clock.set(dt.datetime.fromisoformat(f"{day}T00:00:00+01:00") - 12 * HOUR)
    ask(hitl_checkpointer, Sla(3, calendar=night))
    for _ in range(20):
        hitl_clock.advance(hours=1)
        hitl_desk.deadlines.act()

    [expired] = [event for event in hitl_desk.history(only(hitl_desk).id) if event["type"] == "expired"]
    assert expired["at"] == dt.datetime.fromisoformat(due)


def test_the_whole_limit_stands_in_the_request(hitl_checkpointer: Any, hitl_desk: Any) -> None:
    """R33: what may happen to a case is covered by the digest of what was shown."""
    sla = Sla(24, remind=(4, 1), ladder=(Level(6, "leads", repeat=2, every_h=1, ack_h=3),), calendar=BERLIN)
    ask(hitl_checkpointer, sla)

    case = only(hitl_desk)
    assert (case.request.sla, case.request.is_sealed()) == (sla, True)
    assert json.loads(json.dumps(case.payload["sla"]))["calendar"]["zone"] == "Europe/Berlin"
