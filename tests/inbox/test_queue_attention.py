"""The three that need attention today (R76): a ranking that explains itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random

import psycopg
from hypothesis import given
from hypothesis import strategies as st

from hitl_graph import Owner, Sla
from hitl_graph.desk import Desk
from hitl_graph.views.attention import LEAST, Waiting, attention, most_pressing
from tests.inbox.serving import client, paused

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)

hours = st.integers(-10_000, 10_000).map(lambda minutes: dt.timedelta(minutes=minutes))
waiting = st.builds(
    Waiting,
    thread_id=st.sampled_from(["t1", "t2", "t3"]),
    id=st.text("abc", min_size=1, max_size=3),
    asked_at=hours.map(lambda ago: NOW - abs(ago)),
    due_at=st.none() | hours.map(lambda left: NOW + left),
    priority=st.sampled_from(["urgent", "high", "normal", "low", "unheard-of"]),
    blocks=st.booleans(),
    reversible=st.sampled_from([True, False, None]),
    touches=st.sets(st.sampled_from(["money", "access", "legal", "safety", "trust", "reputation"])),
    level=st.integers(0, 9),
    mine=st.booleans(),
)


@given(waiting)
def test_a_score_is_the_sum_of_its_reasons(case: Waiting) -> None:
    """R76: nothing counts that is not said."""
    found = attention(case, NOW)
    assert found.score == sum(reason.weight for reason in found.reasons)
    assert all(reason.weight and reason.text for reason in found.reasons)


@given(st.lists(waiting, max_size=12, unique_by=lambda case: (case.thread_id, case.id)), st.randoms())
def test_the_order_never_depends_on_how_the_cases_were_found(
    cases: list[Waiting], chance: random.Random
) -> None:
    """Ties are stable."""
    shuffled = list(cases)
    chance.shuffle(shuffled)
    assert most_pressing(cases, NOW) == most_pressing(shuffled, NOW)


@given(st.lists(waiting, max_size=12))
def test_nothing_that_is_left_out_presses_more(cases: list[Waiting]) -> None:
    """At most three, each from a score on, the most pressing first."""
    found = most_pressing(cases, NOW)
    scores = [one.score for one in found]
    rest = sorted((attention(case, NOW).score for case in cases), reverse=True)
    assert scores == [score for score in rest if score >= LEAST][:3]


@given(waiting)
def test_a_reason_more_never_makes_a_case_press_less(case: Waiting) -> None:
    """Blocking customers, money, what cannot be undone, an escalation, an hour more."""
    more = (
        {"blocks": True},
        {"reversible": False},
        {"touches": {*case.touches, "money"}},
        {"level": case.level + 1},
        {"mine": True},
        {"asked_at": case.asked_at - dt.timedelta(hours=1)},
        {"priority": "urgent"},
    )
    for changes in more:
        assert attention(dataclasses.replace(case, **changes), NOW).score >= attention(case, NOW).score


@given(waiting, hours, hours)
def test_a_case_presses_the_more_the_less_time_is_left(
    case: Waiting, one: dt.timedelta, other: dt.timedelta
) -> None:
    """And one without a time limit never more than one with."""
    sooner, later = (
        attention(dataclasses.replace(case, due_at=NOW + left), NOW).score for left in sorted((one, other))
    )
    assert sooner >= later >= attention(dataclasses.replace(case, due_at=None), NOW).score


def test_of_equals_the_one_that_has_waited_longest_comes_first() -> None:
    """The one with the lower id, where that is the same too."""
    same = {"thread_id": "t", "due_at": NOW - dt.timedelta(minutes=1)}
    cases = [
        Waiting(id="c", asked_at=NOW, **same),
        Waiting(id="b", asked_at=NOW, **same),
        Waiting(id="a", asked_at=NOW - dt.timedelta(minutes=5), **same),
    ]
    assert [one.case.id for one in most_pressing(cases, NOW)] == ["a", "b", "c"]


def test_a_reason_is_said_in_words() -> None:
    """R30."""
    case = Waiting(
        thread_id="t",
        id="a",
        asked_at=NOW - dt.timedelta(hours=5),
        due_at=NOW - dt.timedelta(hours=2),
        blocks=True,
        touches={"money", "legal"},
        reversible=False,
        level=2,
    )
    assert [(reason.text, reason.weight) for reason in attention(case, NOW).reasons] == [
        ("past its time by 2 h", 52),
        ("blocks customers", 25),
        ("escalated 2 times", 24),
        ("touches money", 15),
        ("touches legal status", 15),
        ("cannot be undone", 10),
        ("has waited 5 h", 2),
    ]


def test_the_page_names_the_three_with_their_reasons(db_url: str) -> None:
    """R76, over HTTP: the three of five."""
    paused(db_url, "calm", question="Does this one have time?")
    paused(db_url, "calm2", question="Does this one have time, too?", priority="low")
    paused(db_url, "late", question="Is this one late?", sla=Sla(hours=1))
    paused(db_url, "blocks", question="Does this one block?", blocks=("the answer",), priority="urgent")
    paused(db_url, "old", question="Is this one old?")
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("UPDATE hitl.reviews SET due_at = now() - interval '9 hours' WHERE thread_id = 'late'")
        conn.execute("UPDATE hitl.reviews SET asked_at = now() - interval '9 days' WHERE thread_id = 'old'")
    with client(db_url) as http:
        part = http.get("/").text.partition('<ol class="three">')[2].partition("</ol>")[0]
    places = [part.find(words) for words in ("Is this one late?", "Does this one block?", "Is this one old?")]
    assert places == sorted(places) and -1 not in places and "have time" not in part
    assert "past its time by 9 h" in part and "blocks customers: +25" in part


def test_the_three_of_my_team_are_my_teams(db_url: str) -> None:
    """R76, R32."""
    paused(db_url, "t1", question="Is this one of others?", priority="urgent", owner=Owner("finance"))
    paused(db_url, "t2", question="Is this one of ours?", priority="urgent")
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support-leads"])
    with client(db_url) as http:
        part = http.get("/?who=team").text.partition('<ol class="three">')[2].partition("</ol>")[0]
    assert "one of ours" in part and "of others" not in part
