"""A detached case that its graph leaves behind is closed; one that is stopped or taken over lets nothing act."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.errors import ReviewClosed
from tests.detached.flows import begin, detached_graph
from tests.support.graphs import lines, thread


def new_input(graph: Any, sink: Path) -> None:
    graph.invoke(begin(sink), thread("t"))


def new_input_stored_at_the_end(graph: Any, sink: Path) -> None:
    graph.invoke(begin(sink), thread("t"), durability="exit")


def edited_state(graph: Any, sink: Path) -> None:
    graph.update_state(thread("t"), {"ticket": "Something else"})


def time_travel(graph: Any, sink: Path) -> None:
    first = next(one for one in graph.get_state_history(thread("t")) if one.next == ("draft",))
    graph.invoke(None, first.config)


def deleted(graph: Any, sink: Path) -> None:
    graph.checkpointer.delete_thread("t")


LEAVE = [new_input, new_input_stored_at_the_end, edited_state, time_travel, deleted]


@pytest.mark.parametrize("leave", LEAVE, ids=lambda leave: leave.__name__)
@pytest.mark.parametrize("durability", ["sync", "exit"])
def test_the_case_is_superseded(
    db_url: str, tmp_path: Path, leave: Callable[[Any, Path], None], durability: Any
) -> None:
    """I5, I7: whatever its graph does instead of waiting, the old case takes no decision any more."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        graph.invoke(begin(sink), thread("t"), durability="sync" if leave is time_travel else durability)
        [old] = desk.pending()

        leave(graph, sink)

        assert desk.show(old.id).status == "superseded"
        with pytest.raises(ReviewClosed):
            desk.decide(old.id, Approve(), by="ana", digest=old.digest)
        assert all(case.id != old.id for case in desk.pending())


@pytest.mark.parametrize("leave", [new_input, edited_state, deleted], ids=lambda leave: leave.__name__)
def test_a_decision_that_was_not_told_lets_nothing_act(
    db_url: str, tmp_path: Path, leave: Callable[[Any, Path], None]
) -> None:
    """I7: decided, and then left behind: nothing of it happens."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        graph.invoke(begin(sink), thread("t"))
        [old] = desk.pending()
        desk.decide(old.id, Approve(), by="ana", digest=old.digest)

        leave(graph, sink)
        desk.resume(graph)

        assert lines(sink) == []


def test_the_case_of_another_branch_stays(db_url: str, tmp_path: Path) -> None:
    """Going back to a checkpoint after the question leaves the question as it is."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        graph.invoke(begin(sink), thread("t"))
        [case] = desk.pending()
        after = next(one for one in graph.get_state_history(thread("t")) if one.next == ("research",))

        graph.invoke(None, after.config)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

        assert len(lines(sink)) == 1


@pytest.mark.parametrize("verb", ["stop", "take_over"])
def test_a_stop_or_takeover_of_the_graphs_thread_reaches_its_case(
    db_url: str, tmp_path: Path, verb: str
) -> None:
    """I7, R71: the case's thread is the graph's; what was approved in it before is void."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        graph.invoke(begin(sink), thread("t"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph, thread_ids=["nobody"])

        if verb == "stop":
            desk.holds.stop("thread", "t", by="ben", reason="wrong customer")
        else:
            desk.take_over("t", by="ben", reason="I call them")
        desk.resume(graph)

        assert lines(sink) == []
        assert desk.show(case.id).status == ("superseded" if verb == "stop" else "pending")


def test_an_act_behind_the_join_that_was_held_is_done_after_the_release(db_url: str, tmp_path: Path) -> None:
    """R4: the waiting thread went on and was stopped before its act; released, it acts once."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        graph.invoke(begin(sink), thread("t"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        hold = desk.holds.pause("action", "send_email", by="ben", reason="spam report")
        held = desk.resume(graph)
        assert [one.thread_id for one in held if "spam report" in str(one.error)] == ["t"]

        desk.holds.release(hold.id, by="ben")
        desk.resume(graph)

        assert len(lines(sink)) == 1
        assert graph.get_state(thread("t")).next == ()
        assert desk.resume(graph) == []
