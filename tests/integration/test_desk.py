"""The desk: pages, one case whole, interrupts of other origin, and every call for plain scripts too."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from hitl_graph import Approve, Desk, Edit, Reject, Respond, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AmbiguousReview, MigrationError, ReviewNotFound
from tests.integration.pausing import asks, paused
from tests.support.graphs import lines, mail_graph, thread, two_gates_graph


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
