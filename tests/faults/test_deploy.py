"""A deploy between question and answer: answered as it was asked, or put aside with a clear word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.testing import FakeClock

from . import graphs
from .checker import check
from .evidence import gather
from .graphs import Letters, letters, request, thread
from .sink import Sink


class Titled(BaseModel):
    """A letter as the next version knows it."""

    to: str
    body: str
    subject: str


def without_the_gate() -> StateGraph[Letters]:
    """The next version has no such node."""
    builder = StateGraph(Letters)
    builder.add_node("draft", lambda _: {})
    builder.add_edge(START, "draft")
    builder.add_edge("draft", END)
    return builder


@pytest.fixture
def asked(hitl_clock: FakeClock, db_url: str, sink: Sink) -> Iterator[tuple[Any, SyncDesk, Any]]:
    """A thread of the first version, its case approved; the next version is compiled on the same saver."""
    with open_checkpointer(db_url, max_size=4) as saver, Desk(db_url) as desk:
        first = letters().compile(checkpointer=saver, name="mail")
        first.invoke(request(sink.path), {**thread("t0"), "metadata": {"workflow": "mail"}})
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        yield first, desk, lambda builder: builder.compile(checkpointer=saver, name="mail")


def done(desk: SyncDesk) -> list[str]:
    """The statuses of all cases."""
    return [case.status for case in desk.cases()]


def test_a_policy_that_changed_holds_for_what_is_asked_from_now_on(
    db_url: str, sink: Sink, asked: tuple[Any, SyncDesk, Any]
) -> None:
    """Two people instead of one: the case is answered under the version that asked it; the next needs two."""
    _, desk, deploy = asked
    deployed = deploy(letters(fields={"approvals": 2}))

    [resumed] = desk.resume(deployed)
    deployed.invoke(request(sink.path, 1), {**thread("t1"), "metadata": {"workflow": "mail"}})
    [case] = desk.pending()
    desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert (resumed.error, len(sink.acts())) == (None, 1)
    assert [case.thread_id for case in desk.pending()] == ["t1"]
    assert check(gather(db_url, sink)) == []


def test_an_action_under_another_name_is_shown_anew(
    db_url: str, sink: Sink, asked: tuple[Any, SyncDesk, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was approved is another act: refused with its reason, and asked again in the new words (I4)."""
    _, desk, deploy = asked
    old = graphs.action
    monkeypatch.setattr(graphs, "action", lambda number: old(number + 7))
    deployed = deploy(letters())

    [resumed] = desk.resume(deployed)
    left = len(sink.acts())
    [case] = desk.pending()
    desk.decide(case.id, Approve(), by="bob", digest=case.digest)
    desk.resume(deployed)

    assert "look at it again" in (resumed.error or "")
    assert (left, case.action, done(desk)) == (0, "post_7", ["applied"])
    assert check(gather(db_url, sink)) == []


def test_a_schema_that_the_draft_does_not_fit_puts_the_case_aside(
    db_url: str, sink: Sink, asked: tuple[Any, SyncDesk, Any]
) -> None:
    """Failed, by the name of the field, nothing done; tried again on the version that asked, it is done once."""
    first, desk, deploy = asked
    deployed = deploy(letters(fields={"schema": Titled}))

    [resumed] = desk.resume(deployed)
    [case] = desk.cases()
    left = check(gather(db_url, sink))
    desk.retry(case.id, by="ana")
    desk.resume(first)

    assert resumed.failed == (case.id,)
    assert "letter_0.subject" in (case.error or "")
    assert (left, done(desk), len(sink.acts())) == ([], ["applied"], 1)
    assert check(gather(db_url, sink)) == []


def test_a_node_that_is_gone_leaves_the_decision_waiting_with_an_alarm(
    db_url: str, sink: Sink, asked: tuple[Any, SyncDesk, Any], hitl_clock: FakeClock
) -> None:
    """The new graph does not touch it, a minute later somebody is told, and the old one still carries it out (I6)."""
    first, desk, deploy = asked

    untouched = desk.resume(deploy(without_the_gate()))
    hitl_clock.advance(minutes=2)
    desk.reconcile()
    [finding] = [one for one in desk.findings() if one.thread_id == "t0"]
    alarms = [
        event["data"]["event"] for event in desk.history(desk.cases()[0].id) if event["type"] == "alarm"
    ]
    desk.resume(first)

    assert (untouched, alarms) == ([], ["decided_not_resumed"])
    assert "mail" in finding.what
    assert (done(desk), len(sink.acts())) == (["applied"], 1)
    assert check(gather(db_url, sink)) == []
