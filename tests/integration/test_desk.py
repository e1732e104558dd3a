"""The desk: pages, one case whole, decisions once, interrupts of other origin, and resuming in this process."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any, TypedDict

import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from hitl_graph import Approve, Desk, Edit, Reject, Respond, add_gate, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AmbiguousReview, DeskError, MigrationError, ReviewClosed, ReviewNotFound
from tests.support.graphs import State, lines, mail_graph, reply_gate, thread, two_gates_graph


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    """A file that counts the sends."""
    return tmp_path / "sink"


def paused(graph: Any, sink: Path, *names: str) -> None:
    """Threads at their first pause."""
    for name in names:
        graph.invoke({"ticket": f"Message of {name}", "sink": str(sink)}, thread(name))


def asks(question: Any, schema: Any = None) -> Any:
    """A graph that pauses with a bare interrupt, and keeps the answer."""

    class Raw(TypedDict, total=False):
        answer: Any

    builder = StateGraph(Raw)
    builder.add_node("ask", lambda _: {"answer": interrupt(question, response_schema=schema)})
    builder.add_edge(START, "ask")
    return builder


def test_pages_follow_each_other_without_gap_or_repeat(db_url: str, sink: Path) -> None:
    """Keyset pages: every case once, in the order in which they came."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        names = [f"t{number}" for number in range(7)]
        paused(mail_graph().compile(checkpointer=checkpointer), sink, *names)

        seen, after, sizes = [], None, []
        while True:
            page = desk.pending(limit=3, after=after)
            seen += [case.thread_id for case in page]
            sizes.append(len(page))
            after = page.next
            if after is None:
                break

        assert seen == names
        assert sizes == [3, 3, 1]


def test_a_page_stays_stable_while_cases_come_and_go(db_url: str, sink: Path) -> None:
    """A case that is decided between two pages does not shift the second one."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t0", "t1", "t2", "t3")
        first = desk.pending(limit=2)
        desk.decide(first[0].id, Approve(), by="ana", digest=first[0].digest)
        paused(graph, sink, "t4")

        second = desk.pending(limit=10, after=first.next)

        assert [case.thread_id for case in second] == ["t2", "t3", "t4"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"owner": "finance"}, ["refund_review"]),
        ({"gate": "reply"}, ["reply"]),
        ({"action": "refund"}, ["refund_review"]),
        ({"kind": "safe_to_send"}, ["refund_review", "reply"]),
        ({"kind": "choose"}, []),
        ({"thread_id": "t1", "owner": "support-leads"}, ["reply"]),
        ({"thread_id": "other"}, []),
    ],
    ids=str,
)
def test_filters(db_url: str, sink: Path, filters: dict[str, Any], found: list[str]) -> None:
    """Each filter narrows the list."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        paused(two_gates_graph().compile(checkpointer=checkpointer), sink, "t1")

        assert sorted(str(case.gate) for case in desk.pending(**filters)) == found


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_range_is_refused(db_url: str, limit: int) -> None:
    """A page holds 1 to 1,000 cases."""
    with Desk(db_url) as desk, pytest.raises(ValueError, match="limit"):
        desk.pending(limit=limit)


def test_an_unknown_status_is_refused(db_url: str) -> None:
    """A status is one of the vocabulary's."""
    with Desk(db_url) as desk, pytest.raises(ValueError, match="waiting"):
        desk.cases(status="waiting")


def test_a_case_is_found_by_the_beginning_of_its_id(db_url: str, sink: Path) -> None:
    """As people type it; a wildcard is no letter."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        paused(mail_graph().compile(checkpointer=checkpointer), sink, "t1")
        [case] = desk.pending()

        assert desk.find(case.id[:8]) == case.id
        for pattern in ("%", "_" * 32, "nothing", "\x00"):
            with pytest.raises(ReviewNotFound):
                desk.find(pattern)


def test_history_tells_what_happened_in_order(db_url: str, sink: Path) -> None:
    """Each step of a case is an event."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

        kinds = [event["type"] for event in desk.history(case.id)]
        assert kinds == ["asked", "decided", "applied", "effect_begun", "effect_done"]


def test_a_copied_thread_needs_its_name(db_url: str, sink: Path) -> None:
    """One id in two threads is ambiguous until the thread is named; each is decided for itself."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        checkpointer.copy_thread("t1", "t2")
        [first, second] = desk.pending()
        assert first.id == second.id

        with pytest.raises(AmbiguousReview) as refused:
            desk.decide(first.id, Approve(), by="ana", digest=first.digest)
        desk.decide(first.id, Reject(), by="ana", digest=first.digest, thread_id="t2")
        desk.resume(graph)

        assert set(refused.value.thread_ids) == {"t1", "t2"}
        assert desk.show(first.id, thread_id="t1").status == "pending"
        assert desk.show(first.id, thread_id="t2").status == "applied"


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


def test_a_gate_on_a_foreign_checkpointer_pauses_and_records(sink: Path) -> None:
    """Gates work with any checkpointer; only the review row needs ours."""
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    paused(graph, sink, "t1")

    state = graph.invoke(
        Command(resume={"type": "edit", "changes": {"body": "Better"}, "by": "ana"}), thread("t1")
    )

    assert (state["reviews"][0]["by"], state["email"]["body"]) == ("ana", "Better")
    assert len(lines(sink)) == 1


FOREIGN: dict[str, tuple[Any, Any, Any]] = {
    "what only looks like ours": ({"v": 1, "gate": "x", "digest": "y"}, Respond("fine"), "fine"),
    "a bare question": ("Which card?", Respond("the blue one"), "the blue one"),
    "any JSON": ({"amount": 3}, Approve(), True),
    "Agent Inbox": (
        {
            "action_request": {"action": "send", "args": {"to": "a@example.com"}},
            "config": {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True},
            "description": "Send?",
        },
        Edit({"to": "b@example.com"}),
        [{"type": "edit", "args": {"action": "send", "args": {"to": "b@example.com"}}}],
    ),
    "LangChain, batched": (
        {
            "action_requests": [{"name": "send", "args": {"to": "a@example.com"}}],
            "review_configs": [{"action_name": "send", "allowed_decisions": ["approve", "edit", "reject"]}],
        },
        Approve(),
        {"decisions": [{"type": "approve"}]},
    ),
    "LangChain, per call": (
        {
            "type": "tool_approval",
            "tool_call_id": "c1",
            "name": "send",
            "args": {"n": 1},
            "description": "Send?",
        },
        Reject(note="no"),
        {"type": "reject", "message": "no"},
    ),
}


@pytest.mark.parametrize(("payload", "decision", "answer"), FOREIGN.values(), ids=FOREIGN.keys())
def test_interrupts_of_other_origin(db_url: str, payload: Any, decision: Any, answer: Any) -> None:
    """Listed like any case, and answered in the shape that their asker wants."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = asks(payload).compile(checkpointer=checkpointer)
        graph.invoke({}, thread("t1"))
        [case] = desk.pending()
        assert case.payload == payload and case.gate is None and case.node == "ask" and case.question

        desk.decide(case.id, decision, by="ana", digest=case.digest)
        [done] = desk.resume(graph)

        assert done.values["answer"] == answer
        assert desk.show(case.id).status == "applied"


async def test_the_async_desk_says_the_same(db_url: str, sink: Path) -> None:
    """The same calls with `await`, on an async graph."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "x", "sink": str(sink)}, thread("t1"))
        [case] = await desk.pending(owner="support-leads")
        await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [done] = await desk.resume(graph)

        assert done.applied == (case.id,)
        assert len(lines(sink)) == 1


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


def test_every_call_of_the_desk_is_there_for_plain_scripts() -> None:
    """No coroutine of `Desk` is forgotten in its blocking twin."""
    calls = {
        name
        for name, member in inspect.getmembers(Desk, inspect.iscoroutinefunction)
        if not name.startswith("_") and name != "rows"
    }

    assert calls == {name for name, member in vars(SyncDesk).items() if hasattr(member, "__wrapped__")}


def test_a_closed_desk_says_so() -> None:
    """Used outside its `with` block it explains itself."""
    with pytest.raises(RuntimeError, match="async with Desk"):
        asyncio.run(Desk("postgresql://nowhere").pending())


def test_retry_is_only_for_what_failed(db_url: str, sink: Path) -> None:
    """A pending case has nothing to retry."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        paused(mail_graph().compile(checkpointer=checkpointer), sink, "t1")
        [case] = desk.pending()

        with pytest.raises(ReviewClosed, match="pending"):
            desk.retry(case.id, by="ana")


def test_an_answer_given_elsewhere_is_kept(db_url: str, sink: Path) -> None:
    """Studio or a bare resume: recorded as decided elsewhere, with the answer and the identity it gave."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        paused(graph, sink, "t1")
        [case] = desk.pending()

        config = {**thread("t1"), "metadata": {"hitl_by": "studio:ana"}}
        graph.invoke(Command(resume={"type": "approve", "note": "fine"}), config)

        closed = desk.show(case.id)
        assert (closed.status, closed.decision_type, closed.by, closed.via) == (
            "applied",
            "elsewhere",
            "studio:ana",
            "resume",
        )
        assert closed.decision is not None and closed.decision["note"] == "fine"


def test_a_database_of_a_newer_library_is_refused(db_url: str) -> None:
    """Nothing is touched in tables that this version does not know."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("INSERT INTO hitl.migrations (version, name) VALUES (9999, 'later')")

    with pytest.raises(MigrationError, match="newer"), Desk(db_url):
        pass


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
