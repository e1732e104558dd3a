"""Pause, stop and release at the desk: what is held, what goes on, and what is kept of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.errors import AnswerError, EffectHeld, HoldNotFound, NotAuthorised
from tests.intervention.acting import (
    Gateway,
    approved,
    events,
    named,
    one_act,
    paused_mail,
    running,
    tagging_graph,
)
from tests.support.graphs import lines


@pytest.mark.parametrize("verb", ["pause", "stop"])
@pytest.mark.parametrize(
    ("scope", "value"), [("thread", "t"), ("workflow", "tags"), ("action", "tag"), ("tenant", "")]
)
def test_no_act_of_what_is_held_happens(db_url: str, sink: Path, verb: str, scope: str, value: str) -> None:
    """R4: whatever the scope, the effect refuses, and says by whom and why it is held."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = tagging_graph().compile(checkpointer=checkpointer)
        getattr(desk.holds, verb)(scope, value, by="ana", reason="wrong tags")

        with pytest.raises(EffectHeld, match="by ana: wrong tags"):
            graph.invoke({"left": 3, "sink": str(sink)}, named("t", "tags"))

        assert lines(sink) == []


@pytest.mark.parametrize(
    ("scope", "value"), [("thread", "t2"), ("workflow", "mails"), ("action", "send_email")]
)
def test_what_is_not_named_goes_on(db_url: str, sink: Path, scope: str, value: str) -> None:
    """A hold of another thread, graph or action class holds nothing here."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = tagging_graph().compile(checkpointer=checkpointer)
        desk.holds.pause(scope, value, by="ana", reason="wrong tags")

        graph.invoke({"left": 3, "sink": str(sink)}, named("t", "tags"))

        assert len(lines(sink)) == 3


def test_a_run_that_does_not_say_its_graph_is_held_with_any(db_url: str, sink: Path) -> None:
    """Fail closed: it may be the graph that is stopped."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = tagging_graph().compile(checkpointer=checkpointer)
        desk.holds.stop("workflow", "tags", by="ana", reason="wrong tags")

        with pytest.raises(EffectHeld, match="does not say which graph"):
            graph.invoke({"left": 1, "sink": str(sink)}, {"configurable": {"thread_id": "t"}})


def test_a_paused_thread_is_not_resumed_and_goes_on_after_the_release(db_url: str, sink: Path) -> None:
    """A decision that came meanwhile waits, and is carried out once when nothing holds the thread."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        hold = desk.holds.pause("thread", "t", by="ana", reason="let me look")
        approved(desk)

        assert desk.resume(graph) == []
        desk.holds.release(hold.id, by="ana")
        [done] = desk.resume(graph)

        assert done.error is None
        assert len(lines(sink)) == 1


def test_a_run_that_stopped_before_its_act_goes_on_after_the_release(db_url: str, sink: Path) -> None:
    """An action class is held while the thread runs: the run stops there, and one resume later it is done, once."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        case = approved(desk)
        hold = desk.holds.pause("action", "send_email", by="ana", reason="spam report")
        [held] = desk.resume(graph)
        assert "spam report" in str(held.error)
        assert desk.resume(graph) == []

        desk.holds.release(hold.id, by="ana")
        [done] = desk.resume(graph)

        assert done.error is None
        assert len(lines(sink)) == 1
        assert desk.show(case.id).status == "applied"


def test_two_holds_both_have_to_go(db_url: str, sink: Path) -> None:
    """What one release lets go may still be held by another hold."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        approved(desk)
        mine = desk.holds.pause("thread", "t", by="ana", reason="let me look")
        theirs = desk.holds.pause("workflow", "mail", by="ben", reason="maintenance")

        desk.holds.release(mine.id, by="ana")
        assert desk.resume(graph) == []
        desk.holds.release(theirs.id, by="ben")

        assert len(desk.resume(graph)) == 1


def test_a_stopped_threads_cases_are_closed(db_url: str, sink: Path) -> None:
    """I7: what waited and what was decided and not told is superseded; after the release nothing of it acts."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        case = approved(desk)

        hold = desk.holds.stop("thread", "t", by="ana", reason="the customer left")
        desk.holds.release(hold.id, by="ana")

        assert desk.resume(graph) == []
        assert desk.show(case.id).status == "superseded"
        assert desk.history(case.id)[-1]["data"]["because"] == "stopped by ana: the customer left"
        assert lines(sink) == []


def test_an_approval_from_before_a_stop_lets_nothing_act_after_it(db_url: str, sink: Path) -> None:
    """I7: the thread had taken the approval and was stopped before its act; going on afterwards sends nothing."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        approved(desk)
        pause = desk.holds.pause("action", "send_email", by="ana", reason="spam report")
        desk.resume(graph)
        stop = desk.holds.stop("thread", "t", by="ana", reason="it is spam")

        desk.holds.release(stop.id, by="ana")
        desk.holds.release(pause.id, by="ana")
        desk.resume(graph)
        with pytest.raises(Exception, match="left its review behind"):
            graph.invoke(None, named("t", "mail"))

        assert lines(sink) == []


def test_a_case_asked_again_after_a_stop_can_be_approved(db_url: str, sink: Path) -> None:
    """A stop ends what was; it does not spoil the thread for ever."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        hold = desk.holds.stop("thread", "t", by="ana", reason="wrong draft")
        desk.holds.release(hold.id, by="ana")
        graph.invoke({"ticket": "Again, please"}, named("t", "mail"))

        approved(desk)
        desk.resume(graph)

        assert len(lines(sink)) == 1


def test_pausing_what_is_paused_returns_the_hold_that_stands(db_url: str) -> None:
    """Whoever comes second, from wherever, gets the first one's hold; there is one event."""
    with Desk(db_url) as desk, ThreadPoolExecutor(8) as pool:
        people = [f"person {number}" for number in range(8)]
        made = list(
            pool.map(lambda by: desk.holds.pause("action", "send_email", by=by, reason="spam"), people)
        )

        assert len({hold.id for hold in made}) == 1
        assert desk.holds.list() == [made[0]]
        assert len(events(desk, "paused")) == 1


def test_a_release_counts_once(db_url: str) -> None:
    """Released twice, the first one stands: one event, one name."""
    with Desk(db_url) as desk:
        hold = desk.holds.stop("tenant", by="ana", reason="fire drill")

        first = desk.holds.release(hold.id, by="ana", note="drill is over")
        again = desk.holds.release(hold.id, by="ben")

        assert again == first
        assert (first.released_by, first.note, first.standing) == ("ana", "drill is over", False)
        assert [event["data"]["by"] for event in events(desk, "released")] == ["ana"]
        assert desk.holds.list() == []
        assert desk.holds.list(standing=False) == [first]


def test_every_hold_and_release_is_an_event_with_who_and_why(db_url: str) -> None:
    """R4: audited, in the transaction of the hold."""
    with Desk(db_url) as desk:
        hold = desk.holds.stop("thread", "t", by="ana", reason="fire drill")
        desk.holds.release(hold.id, by="ben", note="over")

        put, gone = events(desk, "stopped", "released")

        assert put["thread_id"] == "t"
        assert put["data"] == {
            "by": "ana",
            "reason": "fire drill",
            "hold": hold.id,
            "scope": "thread",
            "value": "t",
            "through": {"way": "code"},
        }
        assert (gone["data"]["by"], gone["data"]["note"]) == ("ben", "over")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"scope": "planet"}, "scope"),
        ({"value": " "}, "value"),
        ({"value": "a\x00b"}, "value"),
        ({"by": ""}, "by"),
        ({"by": "system:me"}, "by"),
        ({"reason": ""}, "reason"),
        ({"reason": "\ud800"}, "reason"),
    ],
    ids=str,
)
def test_a_hold_without_what_it_needs_is_refused(db_url: str, changed: dict[str, str], field: str) -> None:
    """The error names the field, and nothing is held."""
    given = {"scope": "thread", "value": "t", "by": "ana", "reason": "spam", **changed}
    with Desk(db_url) as desk:
        with pytest.raises(AnswerError) as refusal:
            desk.holds.pause(given["scope"], given["value"], by=given["by"], reason=given["reason"])

        assert refusal.value.field == field
        assert desk.holds.list() == []


def test_an_unknown_hold_cannot_be_released(db_url: str) -> None:
    """And the attempt is kept."""
    with Desk(db_url) as desk:
        with pytest.raises(HoldNotFound, match="no hold 7"):
            desk.holds.release(7, by="ana")

        [tried] = events(desk, "refused_attempt")
        assert (tried["data"]["by"], tried["data"]["what"]) == ("ana", "release hold 7")


def test_where_people_are_listed_nobody_else_holds_or_releases(db_url: str) -> None:
    """R74: an unknown name is refused, and the attempt is kept."""
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["leads"])
        hold = desk.holds.pause("tenant", by="ana", reason="fire drill")

        with pytest.raises(NotAuthorised):
            desk.holds.release(hold.id, by="mallory")
        with pytest.raises(NotAuthorised):
            desk.holds.stop("thread", "t", by="mallory", reason="mine")

        assert desk.holds.list() == [hold]
        assert [event["data"]["by"] for event in events(desk, "refused_attempt")] == ["mallory", "mallory"]


def test_an_act_that_began_before_the_hold_is_named_until_it_has_ended(db_url: str) -> None:
    """It cannot be taken back; the hold waits for it, and says when it did not end in time."""
    act = Gateway()
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = one_act(act).compile(checkpointer=checkpointer)
        with running(lambda: graph.invoke({}, named("t", "tags"))) as run:
            assert act.acting.wait(10)
            early = desk.holds.pause("workflow", "tags", by="ana", reason="wrong tags", wait_s=0)
            act.go_on.set()
            late = desk.holds.pause("workflow", "tags", by="ana", reason="wrong tags", wait_s=10)
            acted = act.acts
            run.result()

        assert len(early.under_way) == 1
        assert late.under_way == ()
        assert acted == act.acts == 1


def test_a_run_that_asked_nobody_goes_on_after_the_release(db_url: str, sink: Path) -> None:
    """It had no case, and its caller got an error: the next resume of its graph finds it, and it acts once a step."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = tagging_graph().compile(checkpointer=checkpointer, name="tags")
        hold = desk.holds.pause("workflow", "tags", by="ana", reason="wrong tags")
        with pytest.raises(EffectHeld):
            graph.invoke({"left": 3, "sink": str(sink)}, named("t", "tags"))
        assert desk.resume(graph) == []

        desk.holds.release(hold.id, by="ana")
        [done] = desk.resume(graph)

        assert (done.thread_id, done.error) == ("t", None)
        assert len(lines(sink)) == 3
        assert desk.resume(graph) == []


def test_the_database_itself_lets_no_act_begin_that_is_held(db_url: str) -> None:
    """R4: whatever the code before it looked at: a row of the ledger does not begin."""
    row = (
        "INSERT INTO hitl.effects (key, thread_id, action, by, status, idempotent) "
        "VALUES ('k', 't', 'tag', 'ana', %s, false)"
    )
    with Desk(db_url) as desk, psycopg.connect(db_url, autocommit=True) as conn:
        desk.holds.stop("tenant", by="ana", reason="fire")

        with pytest.raises(psycopg.Error, match="everything is stopped by ana: fire") as refusal:
            conn.execute(row, ["started"])

        assert refusal.value.sqlstate == "HG002"
        conn.execute(row, ["not_done"])


def test_everything_is_everything_of_one_tenant(db_url: str) -> None:
    """I11: the kill switch of one tenant holds nothing of another."""
    act = Gateway()
    act.go_on.set()
    with (
        open_checkpointer(db_url, tenant="b") as checkpointer,
        Desk(db_url, tenant="a") as theirs,
        Desk(db_url, tenant="b") as ours,
    ):
        theirs.holds.stop("tenant", by="ana", reason="fire")

        one_act(act).compile(checkpointer=checkpointer).invoke({}, named("t", "tags"))

        assert act.acts == 1
        assert ours.holds.list() == []
