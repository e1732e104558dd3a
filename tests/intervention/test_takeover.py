"""Takeover silences the agent; handing back is clean (R71)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from hitl_graph import (
    Approve,
    Case,
    Desk,
    TakeOver,
    add_gate,
    ahanded_back,
    effect,
    handed_back,
    open_checkpointer,
)
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AnswerError, EffectHeld, HoldNotFound
from tests.intervention.acting import TAG, Gateway, approved, events, named, one_act, paused_mail, running
from tests.support.graphs import SEND, State, draft, lines, reply_gate, send, thread


def support_graph() -> StateGraph[State]:
    """draft → reply (gate) → send; a person may take over, and the thread goes on with its next message."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected="draft", taken_over=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


def taken(desk: SyncDesk, by: str = "ana") -> None:
    """The only open case, taken over."""
    [case] = desk.pending()
    desk.decide(case.id, TakeOver(reason="angry", note="I call them."), by=by, digest=case.digest)


@pytest.fixture
def support(db_url: str, sink: Path) -> Any:
    """A thread at its gate, and the desk."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = support_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread("t"))
        yield graph, desk


def test_a_takeover_at_a_gate_holds_the_thread_with_the_decision(support: Any) -> None:
    """R71: from the decision on, not from the next resume on."""
    _, desk = support

    taken(desk)

    [hold] = desk.holds.list()
    assert (hold.scope, hold.value, hold.kind, hold.by) == ("thread", "t", "takeover", "ana")
    assert desk.holds.held(thread_id="t", action="send_email").startswith("taken over by ana")


def test_the_thread_goes_on_where_its_takeover_leads(support: Any) -> None:
    """A takeover holds acts, not runs: the record is in the state."""
    graph, desk = support
    taken(desk)

    [done] = desk.resume(graph)

    assert done.error is None
    assert done.values["reviews"][-1]["outcome"] == "taken_over"


def test_a_taken_over_thread_may_ask_and_does_not_act(support: Any, sink: Path) -> None:
    """R71: the customer writes again, a draft is approved by mistake, and nothing is sent."""
    graph, desk = support
    taken(desk)
    desk.resume(graph)
    graph.invoke({"ticket": "Hello?"}, thread("t"))
    approved(desk)

    [held] = desk.resume(graph)

    assert "taken over by ana" in held.error
    assert lines(sink) == []


def test_after_the_hand_back_what_was_approved_meanwhile_is_done_once(support: Any, sink: Path) -> None:
    """Handing back is clean: the thread goes on by itself."""
    graph, desk = support
    taken(desk)
    desk.resume(graph)
    graph.invoke({"ticket": "Hello?"}, thread("t"))
    approved(desk)
    desk.resume(graph)

    desk.hand_back("t", by="ana", note="She has her card.")
    [done] = desk.resume(graph)

    assert done.error is None
    assert len(lines(sink)) == 1
    assert desk.resume(graph) == []


def test_an_approval_from_before_a_takeover_lets_nothing_act_after_the_hand_back(
    db_url: str, sink: Path
) -> None:
    """R71: approved, held before its act, taken over, handed back: the old approval is void."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        approved(desk)
        pause = desk.holds.pause("action", "send_email", by="ben", reason="spam report")
        desk.resume(graph)
        desk.take_over("t", by="ana", reason="I call them")

        desk.holds.release(pause.id, by="ben")
        desk.hand_back("t", by="ana")
        desk.resume(graph)

        assert lines(sink) == []


def handed_back_before_its_act(desk: SyncDesk, graph: Any) -> Case:
    """Approved and told, held before its act, taken over and handed back: the approval is void."""
    case = approved(desk)
    pause = desk.holds.pause("action", "send_email", by="ben", reason="spam report")
    desk.resume(graph)
    desk.take_over("t", by="ana", reason="I call them")
    desk.holds.release(pause.id, by="ben")
    desk.hand_back("t", by="ana")
    return case


def test_a_thread_that_stands_behind_a_void_approval_is_shown(db_url: str, sink: Path) -> None:
    """R71: going back by itself could do once more what was done since; people are told, and how it can ask again."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        handed_back_before_its_act(desk, graph)

        desk.resume(graph)
        [found] = desk.findings(thread_id="t", patience_s=0)

        assert lines(sink) == []
        assert found.needs_person and "asking again" in found.fix


def test_an_approval_that_has_not_reached_the_thread_is_asked_again(db_url: str, sink: Path) -> None:
    """What was decided and not told when somebody took over waits for a person again, and says why."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = paused_mail(checkpointer, sink)
        case = approved(desk)

        desk.take_over("t", by="ana", reason="I call them")
        assert desk.resume(graph) == []
        [again] = desk.pending()
        desk.hand_back("t", by="ana")
        desk.decide(again.id, Approve(), by="ben", digest=again.digest)
        desk.resume(graph)

        assert (again.id, again.error) == (
            case.id,
            "decided by ben before ana took the thread over: decide again",
        )
        assert len(lines(sink)) == 1


def test_a_run_under_way_is_silenced_before_its_next_act(db_url: str) -> None:
    """R4: nobody had asked anything; the act that had begun ends, the next one does not begin."""
    first, second = Gateway(), Gateway()
    builder = one_act(first)
    builder.add_node("again", effect(second, action=TAG, owner=reply_gate().owner))
    builder.edges.discard(("act", END))
    builder.add_edge("act", "again")
    builder.add_edge("again", END)
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        with running(lambda: graph.invoke({}, named("t", "tags"))) as run:
            assert first.acting.wait(10)
            desk.take_over("t", by="ana", reason="I see what it does", wait_s=0)
            first.go_on.set()

            with pytest.raises(EffectHeld, match="taken over by ana: I see what it does"):
                run.result(30)

        assert (first.acts, second.acts) == (1, 0)


def test_the_hand_back_and_its_note_are_kept(db_url: str) -> None:
    """Who took over and why, who handed back and what was done."""
    with Desk(db_url) as desk:
        desk.take_over("t", by="ana", reason="I call them")
        hold = desk.hand_back("t", by="ben", note="She has her card.")

        assert (hold.kind, hold.released_by, hold.note) == ("takeover", "ben", "She has her card.")
        taken_over, back = events(desk, "taken_over", "handed_back")
        assert (taken_over["thread_id"], taken_over["data"]["reason"]) == ("t", "I call them")
        assert (back["data"]["by"], back["data"]["note"]) == ("ben", "She has her card.")


def test_a_thread_that_nobody_has_cannot_be_handed_back(db_url: str) -> None:
    """Handed back twice, or never taken: an error, and the attempt is kept."""
    with Desk(db_url) as desk:
        desk.take_over("t", by="ana", reason="I call them")
        desk.hand_back("t", by="ana")

        with pytest.raises(HoldNotFound, match="nobody has taken it over"):
            desk.hand_back("t", by="ben")

        assert [event["data"]["by"] for event in events(desk, "refused_attempt")] == ["ben"]


def test_a_takeover_is_taken_away_by_the_next(db_url: str) -> None:
    """R34: ben has the thread from here, ana's takeover is on record, and the agent stays silent throughout."""
    with Desk(db_url) as desk:
        mine = desk.take_over("t", by="ana", reason="I call them")
        again = desk.take_over("t", by="ana", reason="still me")
        theirs = desk.take_over("t", by="ben", reason="ana's shift is over")

        assert again == mine
        assert (theirs.id, theirs.by) == (mine.id, "ben")
        assert [event["data"].get("from") for event in events(desk, "taken_over")] == [None, "ana"]
        assert events(desk, "handed_back") == []


def test_of_many_who_take_over_one_has_it(db_url: str) -> None:
    """R34: raced, there is one hold, and whoever it names is the last of the record."""
    people = [f"person {number}" for number in range(8)]
    with Desk(db_url) as desk, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda by: desk.take_over("t", by=by, reason="mine"), people))

        [hold] = desk.holds.list()
        assert hold.by == events(desk, "taken_over")[-1]["data"]["by"]


def test_a_node_that_runs_after_the_hand_back_reads_what_was_done(db_url: str) -> None:
    """R71: who had the thread, why, and the note; None before, and in other threads."""
    told = []
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = one_act(lambda state: told.append(handed_back())).compile(checkpointer=checkpointer)
        graph.invoke({}, named("t", "tags"))
        desk.take_over("t", by="ana", reason="I call them")
        desk.hand_back("t", by="ben", note="She has her card.")

        graph.invoke({}, named("t", "tags"))
        graph.invoke({}, named("t2", "tags"))

        before, back, elsewhere = told
        assert before is elsewhere is None
        assert {key: back[key] for key in ("taken_by", "reason", "by", "note")} == {
            "taken_by": "ana",
            "reason": "I call them",
            "by": "ben",
            "note": "She has her card.",
        }


async def test_an_async_node_reads_it_too(db_url: str) -> None:
    """R71: the same on the loop."""
    told = []

    async def look(state: Any) -> None:
        told.append(await ahanded_back())

    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = one_act(look).compile(checkpointer=checkpointer)
        await desk.take_over("t", by="ana", reason="I call them")
        await desk.hand_back("t", by="ana", note="done")

        await graph.ainvoke({}, named("t", "tags"))

        assert told[0]["note"] == "done"


@pytest.mark.parametrize(("given", "field"), [({"by": ""}, "by"), ({"reason": " "}, "reason")])
def test_a_takeover_says_who_and_why(db_url: str, given: dict[str, str], field: str) -> None:
    """The error names the field, and nothing is held."""
    with Desk(db_url) as desk:
        with pytest.raises(AnswerError) as refusal:
            desk.take_over("t", **{"by": "ana", "reason": "mine", **given})

        assert refusal.value.field == field
        assert desk.holds.list() == []
