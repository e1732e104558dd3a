"""The desk hands decisions over: to whose threads, what fails, and how it goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from langgraph.graph import END, START, StateGraph

from hitl_graph import Approve, Desk, add_gate, open_checkpointer
from hitl_graph.errors import DeskError, ReviewClosed
from tests.integration.pausing import asks, paused
from tests.support.graphs import State, lines, mail_graph, reply_gate, thread, two_gates_graph


def test_only_threads_of_this_graph_are_resumed(db_url: str, sink: Path) -> None:
    """A decided thread whose nodes another graph has is left alone."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        mail = mail_graph().compile(checkpointer=checkpointer)
        other = asks("Which one?").compile(checkpointer=checkpointer)
        paused(mail, sink, "t1")
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        assert desk.resume(other) == []
        assert desk.show(case.id).status == "decided"


def test_threads_of_another_workflow_are_left_alone(db_url: str, sink: Path) -> None:
    """Where the caller named the workflow, graphs of other names do not touch its threads."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        support = mail_graph().compile(checkpointer=checkpointer, name="support")
        sales = mail_graph().compile(checkpointer=checkpointer, name="sales")
        config = {**thread("t1"), "metadata": {"workflow": "support"}}
        support.invoke({"ticket": "x", "sink": str(sink)}, config)
        [case] = desk.pending(workflow="support")
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        assert desk.resume(sales) == []
        assert [done.thread_id for done in desk.resume(support)] == ["t1"]


def test_one_failing_thread_does_not_stop_the_others(db_url: str, sink: Path) -> None:
    """What one thread raises is told with it, and the other thread finishes."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink / "no" / "file", "broken")
        paused(graph, sink, "fine")
        for case in desk.pending():
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        done = {one.thread_id: one for one in desk.resume(graph)}

        assert done["broken"].error is not None and done["fine"].error is None
        assert len(lines(sink)) == 1


def test_a_graph_without_a_checkpointer_is_refused(db_url: str) -> None:
    """There is nothing to resume in it."""
    with Desk(db_url) as desk, pytest.raises(DeskError, match="checkpointer"):
        desk.resume(mail_graph().compile())


def test_a_plain_script_cannot_resume_an_async_graph(db_url: str) -> None:
    """The graph's connections live on another loop: that is said, instead of hanging."""

    async def main() -> None:
        async with open_checkpointer(db_url) as checkpointer:
            graph = mail_graph().compile(checkpointer=checkpointer)

            def script() -> None:
                with Desk(db_url) as desk:
                    desk.resume(graph)

            await asyncio.to_thread(script)

    with pytest.raises(DeskError, match="async with Desk"):
        asyncio.run(main())


def test_retry_is_only_for_what_failed(db_url: str, sink: Path) -> None:
    """A pending case has nothing to retry."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        paused(mail_graph().compile(checkpointer=checkpointer), sink, "t1")
        [case] = desk.pending()

        with pytest.raises(ReviewClosed, match="pending"):
            desk.retry(case.id, by="ana")


def test_parallel_answers_reach_a_thread_as_one_map(db_url: str, sink: Path) -> None:
    """Two gates of one thread, two decisions, one run."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = two_gates_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        for case in desk.pending():
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        [done] = desk.resume(graph)

        assert len(done.applied) == 2
        assert len(lines(sink)) == 2
        assert graph.get_state(thread("t1")).values["ticket"].endswith("(done)")


def test_a_gate_at_the_end_of_the_graph(db_url: str) -> None:
    """A gate may lead to END."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        builder = StateGraph(State)
        add_gate(builder, reply_gate(), approved=END, rejected=END)
        builder.add_edge(START, "reply")
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "x", "email": {"to": "a@example.com", "body": "b"}}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [done] = desk.resume(graph)

        assert done.values["reviews"][0]["outcome"] == "approved"


def test_a_thread_that_fails_after_the_answer_is_shown_and_retried(db_url: str, tmp_path: Path) -> None:
    """The desk shows the error; a retry goes on from where it failed, without asking or deciding again."""
    missing = tmp_path / "later"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, missing / "sink", "t1")
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [first] = desk.resume(graph)
        shown = desk.show(case.id)
        assert (first.failed, shown.status) == ((case.id,), "failed")
        assert shown.error is not None and "FileNotFoundError" in shown.error
        assert desk.resume(graph) == []

        missing.mkdir()
        desk.retry(case.id, by="ana")
        [second] = desk.resume(graph)

        assert second.applied == (case.id,)
        assert desk.show(case.id).status == "applied"
        assert len(lines(missing / "sink")) == 1
        kinds = [event["type"] for event in desk.history(case.id) if not event["type"].startswith("effect")]
        assert kinds == ["asked", "decided", "applied", "failed", "retried", "applied"]


def test_a_failed_thread_that_goes_on_by_itself_is_closed(db_url: str, tmp_path: Path) -> None:
    """Somebody runs the thread on: the failure is over."""
    missing = tmp_path / "later"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, missing / "sink", "t1")
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

        missing.mkdir()
        graph.invoke(None, thread("t1"))

        assert desk.show(case.id).status == "applied"
        assert desk.show(case.id).error is None
