"""kill -9 at each step, in a process of its own; another process finds everything or nothing, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitl_graph import Approve, Desk

from .checker import check
from .children import Children
from .evidence import Evidence, gather
from .sink import Sink

Finish = Callable[..., Evidence]


def approve(url: str) -> str:
    with Desk(url) as desk:
        [case] = desk.pending()
        return desk.decide(case.id, Approve(), by="ana", digest=case.digest).id


@pytest.mark.parametrize(("place", "asked"), [("open.before_commit", 0), ("open.after_commit", 1)])
def test_around_the_review_insert(
    db_url: str, sink: Sink, children: Children, place: str, asked: int
) -> None:
    """Before the commit neither the pause nor its review is there, after it both are (I5)."""
    children.killed("start", url=db_url, sink=str(sink.path), failpoints=f"{place}=kill")

    found = gather(db_url)

    assert check(found) == []
    assert len(found.paused) == len(found.reviews) == asked


def test_a_thread_killed_before_its_pause_asks_when_it_is_run_again(
    db_url: str, sink: Sink, children: Children, finished: Finish
) -> None:
    """Nothing of it is orphaned: run once more, both threads ask, and end."""
    children.killed("start", url=db_url, sink=str(sink.path), failpoints="open.before_commit=kill")

    assert children.run("start", url=db_url, sink=str(sink.path)) == 0
    found = finished(sink)

    assert check(found) == []
    assert len(sink.acts()) == 2


@pytest.mark.parametrize(("place", "decided"), [("decide.before_commit", 0), ("decide.after_commit", 1)])
def test_around_the_decision(
    db_url: str, sink: Sink, children: Children, paused: Any, finished: Finish, place: str, decided: int
) -> None:
    """No decision, or the whole of it: the same request sent again is taken once either way (I1)."""
    paused(sink)
    children.killed("decide", url=db_url, sink=str(sink.path), failpoints=f"{place}=kill")
    left = gather(db_url, sink)

    assert children.run("decide", url=db_url, sink=str(sink.path)) == (
        1 if decided else 0
    )  # nothing is pending
    found = finished(sink)

    assert check(left) == [] if not decided else len(left.decisions) == 1
    assert len(left.decisions) == decided
    assert check(found) == []
    assert len(found.decisions) == len(sink.acts()) == 1


@pytest.mark.parametrize("place", ["run.begun", "resume.before_run", "effect.stored", "resume.after_run"])
def test_while_resuming(
    db_url: str, plain_sink: Sink, children: Children, paused: Any, finished: Finish, place: str
) -> None:
    """Taken up by the next process; what was done already is a hit in the ledger and not done again (I2, I6)."""
    paused(plain_sink)
    approve(db_url)
    children.killed(
        "resume", url=db_url, sink=str(plain_sink.path), idempotent=False, failpoints=f"{place}=kill"
    )

    found = finished(plain_sink)

    assert check(found) == []
    assert len(plain_sink.acts()) == 1


@pytest.mark.parametrize("place", ["effect.begun", "effect.acted"])
def test_around_the_act_of_a_target_that_honours_keys(
    db_url: str, sink: Sink, children: Children, paused: Any, finished: Finish, place: str
) -> None:
    """Asked again with the same key: one act (I2)."""
    paused(sink)
    key = approve(db_url)
    children.killed("resume", url=db_url, sink=str(sink.path), failpoints=f"{place}=kill")

    found = finished(sink)

    assert check(found) == []
    assert sink.counts() == {key: 1}


@pytest.mark.parametrize(("place", "done"), [("effect.begun", 0), ("effect.acted", 1)])
def test_around_the_act_of_a_plain_target(
    db_url: str, plain_sink: Sink, children: Children, paused: Any, finished: Finish, place: str, done: int
) -> None:
    """Never a blind retry: the outcome is unknown, the case says so, and a person's word ends it (I2)."""
    paused(plain_sink)
    key = approve(db_url)
    children.killed(
        "resume", url=db_url, sink=str(plain_sink.path), idempotent=False, failpoints=f"{place}=kill"
    )

    left = finished(plain_sink)
    assert check(left) == []
    assert [row["status"] for row in left.effects] == ["unknown"]
    assert [row["status"] for row in left.reviews] == ["failed"]
    with Desk(db_url) as desk:
        desk.effects.settle(key, happened=bool(done), by="bob", note="asked the post office")
    found = finished(plain_sink)

    assert check(found) == []
    assert plain_sink.counts() == {key: 1}
    assert [row["status"] for row in found.reviews] == ["applied"]
