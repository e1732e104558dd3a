"""A case of a server's thread is decided at the desk, in another process, and the server's thread goes on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client

from hitl_graph import Approve, Desk, Edit, Reject, open_checkpointer
from hitl_graph.desk import Resumed
from hitl_graph.desk.sync_desk import SyncDesk
from tests.server.conftest import Begin
from tests.server.dev_server import DevServer, Thread
from tests.support.graphs import mail_graph

pytestmark = pytest.mark.xdist_group("langgraph-dev")
HandOver = Callable[[Thread], list[Resumed]]
Local = Callable[[str | None], tuple[Any, Thread]]


@pytest.fixture
def hand_over(server: DevServer, server_url: str) -> HandOver:
    """Lets the server apply what the desk has decided for a thread."""

    async def resume(thread: Thread) -> list[Resumed]:
        async with Desk(server_url) as desk, get_client(url=server.url, api_key=None) as client:
            return await desk.resume(RemoteGraph(thread.graph, client=client), thread_ids=[thread.id])

    return lambda thread: asyncio.run(resume(thread))


@pytest.fixture
def local(begin: Begin, server_url: str, desk: SyncDesk) -> Iterator[Local]:
    """Begins threads in this process, in the server's database: gives the graph and the thread."""
    with open_checkpointer(server_url) as checkpointer:

        def begin_here(workflow: str | None) -> tuple[Any, Thread]:
            thread = begin.known(begin("mail"), str(uuid.uuid4()))
            graph: Any = mail_graph().compile(checkpointer=checkpointer, name="mail")
            given = {"ticket": "Hello", "sink": str(thread.sink)}
            metadata = {"workflow": workflow} if workflow else {}
            graph.invoke(given, {"configurable": {"thread_id": thread.id}, "metadata": metadata})
            desk.decide(thread.case.id, Approve(), by="ana", digest=thread.case.digest)
            return graph, thread

        yield begin_here


def test_the_server_applies_a_decision_of_the_desk(begin: Begin, hand_over: HandOver) -> None:
    """By id, in a run of the server's own: one act, a record with the person, and both tables say it is done."""
    thread = begin("mail")
    case = thread.case
    thread.desk.decide(case.id, Edit({"body": "On Monday."}, reason="tone"), by="ana", digest=case.digest)

    [resumed] = hand_over(thread)

    assert resumed.applied == (case.id,)
    assert thread.acts == [f"{case.id} On Monday."]
    assert (thread.status, thread.statuses) == ("idle", ["applied"])
    assert (thread.record["by"], thread.record["via"], thread.record["reason"]) == ("ana", "desk", "tone")
    assert thread.record["waited_s"] > 0
    kinds = [event["type"] for event in thread.desk.history(case.id)]
    assert kinds == ["asked", "decided", "applied", "effect_begun", "effect_done"]


def test_all_decisions_of_a_thread_go_in_one_run(begin: Begin, hand_over: HandOver) -> None:
    """Two gates, two decisions, one run."""
    thread = begin("two_gates")
    for case in thread.cases:
        thread.desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    runs = len(thread.server.client.runs.list(thread.id))

    [resumed] = hand_over(thread)

    assert len(resumed.applied) == len(thread.acts) == 2
    assert len(thread.server.client.runs.list(thread.id)) == runs + 1


def test_a_rejection_is_drafted_again_by_the_server(begin: Begin, hand_over: HandOver) -> None:
    """The next draft is a new case, and the server's thread is interrupted again."""
    thread = begin("mail")
    thread.desk.decide(thread.case.id, Reject(note="Say when."), by="ana", digest=thread.case.digest)

    hand_over(thread)

    assert (thread.status, thread.statuses) == ("interrupted", ["applied", "pending"])
    assert thread.case.proposal["body"] == "Draft 2"


def test_a_decision_that_the_gate_refuses_is_taken_back(
    begin: Begin, hand_over: HandOver, server_url: str
) -> None:
    """The case is pending again with the reason, and the server's thread as interrupted as before."""
    thread = begin("mail")
    case = thread.case
    thread.desk.decide(case.id, Edit({"body": "On Monday."}), by="ana", digest=case.digest)
    spoilt = '{"type": "edit", "changes": {"body": 7}}'
    with psycopg.connect(server_url) as conn:
        conn.execute("UPDATE hitl.decisions SET decision = %s WHERE review_id = %s", [spoilt, case.id])

    [resumed] = hand_over(thread)

    assert resumed.refused == (case.id,)
    assert thread.case.error == "review of gate 'reply': changes.body: should be text"
    assert (thread.status, thread.acts) == ("interrupted", [])


def test_a_thread_that_the_server_has_forgotten(local: Local, hand_over: HandOver) -> None:
    """The checkpoints are enough: the server takes the thread up under its id, and goes on from the pause."""
    _, thread = local("mail")
    [case] = thread.cases

    [resumed] = hand_over(thread)

    assert resumed.applied == (case.id,)
    assert (thread.acts, thread.statuses, thread.status) == ([f"{case.id} Draft 1"], ["applied"], "idle")


def test_a_server_is_asked_about_its_own_threads_only(local: Local, hand_over: HandOver) -> None:
    """A thread that was run without a server, and names no graph, is left to whoever ran it."""
    graph, thread = local(None)

    assert hand_over(thread) == []
    [resumed] = thread.desk.resume(graph, thread_ids=[thread.id])

    assert len(resumed.applied) == len(thread.acts) == 1


def test_resumed_outside_the_server_its_table_is_stale_until_the_next_run(
    begin: Begin, server_url: str
) -> None:
    """What not to do: one act, but the server goes on to say "interrupted". A run without input mends it."""
    thread = begin("mail")
    case = thread.case
    thread.desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    with open_checkpointer(server_url) as checkpointer:
        thread.desk.resume(
            mail_graph().compile(checkpointer=checkpointer, name="mail"), thread_ids=[thread.id]
        )

    assert (thread.status, thread.state["next"], thread.statuses) == ("interrupted", [], ["applied"])
    thread.run()

    assert (thread.status, len(thread.acts)) == ("idle", 1)
