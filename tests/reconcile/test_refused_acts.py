"""An act that is refused: its thread does not stand still unseen, and can ask again (I1, I6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Approve, Desk, Reject, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import EffectNotApproved
from tests.integration.pausing import paused
from tests.support.graphs import lines, mail_graph, thread

DURABILITY = pytest.mark.parametrize("durability", ["sync", "async", "exit"])


def answered(graph: Any, case_id: str, type_: str = "approve", **how: Any) -> None:
    """Past the desk, by somebody who says that they are eve."""
    graph.invoke(Command(resume={case_id: {"type": type_, "by": "eve"}}), thread("t1"), **how)


def listed(desk: SyncDesk) -> None:
    """From here on only ana may decide."""
    desk.people.put("ana", groups=["support-leads"], by="ops")


@pytest.mark.parametrize(
    ("decision", "past", "acts"), [(Reject(reason="tone"), "approve", 0), (Approve(), "reject", 1)]
)
def test_what_the_desk_has_decided_is_refused_past_it(
    db_url: str, sink: Path, decision: Any, past: str, acts: int
) -> None:
    """I1: nothing is saved of the other answer, and the thread takes the desk's."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        [case] = desk.pending()
        desk.decide(case.id, decision, by="ana", digest=case.digest)

        with pytest.raises(ValueError, match=f"has decided already: {decision.type} by ana"):
            answered(graph, case.id, past)
        between = desk.show(case.id)
        [done] = desk.resume(graph)

        assert (between.status, between.by, done.applied) == ("decided", "ana", (case.id,))
        assert len(lines(sink)) == acts


def test_an_answer_that_claims_to_be_the_desks_is_compared(db_url: str, sink: Path) -> None:
    """I1: it is the desk's when it says what the desk has decided, not when it says so of itself."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        [case] = desk.pending()
        desk.decide(case.id, Reject(reason="tone"), by="ana", digest=case.digest)
        forged = {"type": "approve", "by": "ana", "via": "desk", "digest": case.digest}

        with pytest.raises(ValueError, match="has decided already: reject by ana"):
            graph.invoke(Command(resume={case.id: forged}), thread("t1"))
        desk.resume(graph)

        assert (desk.show(case.id).decision_type, lines(sink)) == ("reject", [])


async def test_an_async_graph_refuses_it_too(db_url: str, sink: Path) -> None:
    """By the async saver."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "Where is my card?", "sink": str(sink)}, thread("t1"))
        [case] = await desk.pending()
        await desk.decide(case.id, Reject(reason="tone"), by="ana", digest=case.digest)

        with pytest.raises(ValueError, match="has decided already: reject by ana"):
            await graph.ainvoke(Command(resume={"type": "approve", "by": "eve"}), thread("t1"))

        assert (await desk.show(case.id)).status == "decided"
        assert lines(sink) == []


@DURABILITY
def test_a_refused_act_is_a_finding(db_url: str, sink: Path, durability: Any) -> None:
    """I6: a yes past the desk, where people are listed: the case has failed, whoever ran the thread, and says why."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        listed(desk)
        [case] = desk.pending()

        with pytest.raises(EffectNotApproved):
            answered(graph, case.id, durability=durability)
        [found] = desk.findings()

        assert desk.show(case.id).status == "failed"
        assert (found.kind, found.review_id, "asking again" in found.fix) == ("failed", case.id, True)
        assert "its answer came past the desk" in found.what


def test_new_input_since_is_not_taken_back(db_url: str, sink: Path) -> None:
    """The thread has left the refused act behind: nothing has failed any more."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        listed(desk)
        [case] = desk.pending()
        with pytest.raises(EffectNotApproved):
            answered(graph, case.id)

        paused(graph, sink, "t1")

        assert desk.show(case.id).status == "applied"
        assert desk.findings() == []
