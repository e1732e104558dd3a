"""A server that people sign in to: nobody answers in another one's name, and the desk still hands over its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client, get_sync_client

from hitl_graph import Approve, Desk
from tests.server.conftest import Begin
from tests.server.dev_server import DevServer, Thread
from tests.server.sign_in import HEADER

pytestmark = pytest.mark.xdist_group("langgraph-dev")

BEA = {HEADER: "bea"}


class AsBea(DevServer):
    """The same server, to which Bea has signed in."""

    def __init__(self, server: DevServer) -> None:
        self._process = server._process  # the server is told apart only by who asks it
        self._client = get_sync_client(url=server.url, api_key=None, headers=BEA)


@pytest.fixture
def thread(begin: Begin, server: DevServer) -> Iterator[Thread]:
    """A paused thread, as Bea sees it."""
    paused = begin("mail")
    bea = AsBea(server)
    yield Thread(bea, paused.desk, paused.sink, paused.graph, paused.id)
    bea.client.close()


def test_who_is_signed_in_has_answered(thread: Thread) -> None:
    """An answer that names nobody is recorded as hers, in the state and at the desk."""
    thread.resume("approve")

    assert (thread.record["by"], thread.cases[0].by) == ("bea", "bea")


def test_an_answer_may_name_who_is_signed_in(thread: Thread) -> None:
    """Saying so twice is no contradiction."""
    thread.resume({"type": "approve", "by": "Bea"})

    assert len(thread.acts) == 1


def test_nobody_answers_in_another_ones_name(thread: Thread) -> None:
    """Refused by the field's name; nothing is done, and the case is answered as before."""
    error = thread.resume({thread.case.id: {"type": "approve", "by": "ceo"}})["__error__"]

    assert "by: is not who is signed in, which is 'bea'" in error["message"]
    assert (thread.acts, thread.statuses) == ([], ["pending"])


def test_nor_through_the_runs_metadata(thread: Thread) -> None:
    """What the caller says of the run is the caller's word too."""
    error = thread.resume("approve", metadata={"hitl_by": "ceo"})["__error__"]

    assert "by: is not who is signed in" in error["message"]
    assert thread.acts == []


def test_the_desks_decision_is_its_authors(thread: Thread, server: DevServer, server_url: str) -> None:
    """Whoever lets the server apply what the desk has decided: the desk's own row says who that was."""
    case = thread.case
    thread.desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    async def hand_over() -> None:
        async with Desk(server_url) as desk, get_client(url=server.url, api_key=None, headers=BEA) as client:
            await desk.resume(RemoteGraph("mail", client=client), thread_ids=[thread.id])

    asyncio.run(hand_over())

    assert (thread.record["by"], thread.statuses, len(thread.acts)) == ("ana", ["applied"], 1)
