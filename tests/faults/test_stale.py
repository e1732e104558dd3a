"""The thread moves on under a case: stale decisions are refused, and decided ones never act."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import DeskError, ReviewClosed, StaleReview

from .checker import check
from .evidence import gather
from .graphs import letters, request, thread
from .sink import Sink

Move = Callable[[Any, Sink], None]


def new_input(graph: Any, sink: Sink) -> None:
    graph.invoke(request(sink.path, 7), thread("t0"))


def edited(graph: Any, sink: Sink) -> None:
    graph.update_state(thread("t0"), {"letter_0": OTHER})


def edited_past_the_gate(graph: Any, sink: Sink) -> None:
    graph.update_state(thread("t0"), {}, as_node="gate_0")


def forked(graph: Any, sink: Sink) -> None:
    first = list(graph.get_state_history(thread("t0")))[-1]
    graph.invoke(None, first.config)


def deleted(graph: Any, sink: Sink) -> None:
    graph.checkpointer.delete_thread("t0")


def changed_in_place(graph: Any, sink: Sink) -> None:
    graph.invoke(Command(update={"letter_0": OTHER}), thread("t0"))


OTHER = {"to": "other@example.com", "body": "Something else"}
MOVES: dict[Move, type[DeskError]] = {
    new_input: ReviewClosed,
    edited: ReviewClosed,
    edited_past_the_gate: ReviewClosed,
    changed_in_place: StaleReview,
    forked: ReviewClosed,
    deleted: ReviewClosed,
}


@pytest.fixture
def at_work(db_url: str, sink: Sink) -> Iterator[tuple[Any, SyncDesk]]:
    """A thread that waits, its graph and a desk."""
    with open_checkpointer(db_url, max_size=2) as saver, Desk(db_url, max_size=2) as desk:
        graph = letters().compile(checkpointer=saver)
        graph.invoke(request(sink.path), thread("t0"))
        yield graph, desk


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_a_decision_about_what_was_there_is_refused(
    db_url: str, sink: Sink, at_work: tuple[Any, SyncDesk], move: Move
) -> None:
    """Shown, then changed, then decided: refused, and nothing is done (I4, I7)."""
    graph, desk = at_work
    [case] = desk.pending()
    move(graph, sink)

    with pytest.raises(MOVES[move]):
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    desk.resume(graph)

    assert sink.acts() == []
    assert check(gather(db_url, sink)) == []


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_a_decision_that_was_not_carried_out_is_void(
    db_url: str, sink: Sink, at_work: tuple[Any, SyncDesk], move: Move
) -> None:
    """Decided, then changed, then dispatched: the approval is looked at once more, and lets nothing through (I7)."""
    graph, desk = at_work
    [case] = desk.pending()
    desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    move(graph, sink)

    desk.resume(graph)

    assert sink.acts() == []
    assert check(gather(db_url, sink)) == []


def test_what_changed_can_be_told(sink: Sink, at_work: tuple[Any, SyncDesk]) -> None:
    """The conflict names both versions, the draft is kept as one of the old words, the new ones are shown."""
    graph, desk = at_work
    [before] = desk.pending()
    desk.drafts.save(before.id, {"type": "edit", "changes": {"body": "Mine"}}, by="ana", digest=before.digest)
    changed_in_place(graph, sink)

    with pytest.raises(StaleReview) as refused:
        desk.decide(before.id, Approve(), by="ana", digest=before.digest)

    [after], [draft] = desk.pending(), desk.drafts.list(by="ana")
    assert (refused.value.shown, refused.value.current) == (before.digest, after.digest)
    assert (draft.body["changes"], draft.stale) == ({"body": "Mine"}, True)
    assert (after.proposal, sink.acts()) == (OTHER, [])


def test_an_answer_from_a_page_that_was_left_open_is_dropped(
    db_url: str, sink: Sink, at_work: tuple[Any, SyncDesk]
) -> None:
    """Decided, changed and decided again: only what stands there now is done, and once (I4)."""
    graph, desk = at_work
    [before] = desk.pending()
    desk.decide(before.id, Approve(), by="ana", digest=before.digest)
    changed_in_place(graph, sink)
    [after] = desk.pending()
    desk.decide(after.id, Approve(), by="bob", digest=after.digest)

    desk.resume(graph)

    assert [act["letter"] for act in sink.acts()] == [OTHER]
    assert check(gather(db_url, sink)) == []
