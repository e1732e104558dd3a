"""Workers that run no graph themselves: the server runs it, and they hand over what was decided, once."""

from __future__ import annotations

import asyncio
import signal

import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client

from hitl_graph import Approve
from hitl_graph.workers import Worker
from tests.server.conftest import Begin
from tests.server.dev_server import DevServer, Thread
from tests.workers.processes import WorkerProcess, auntil, query

pytestmark = pytest.mark.xdist_group("langgraph-dev")


def approve(thread: Thread) -> str:
    """Its case, approved at the desk; the id."""
    case = thread.case
    thread.desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    return str(case.id)


async def handed_over(thread: Thread, server: DevServer, url: str) -> None:
    """A worker in this process, until nothing is left to do for the thread."""

    async def at_rest() -> bool:
        held = await asyncio.to_thread(query, url, "SELECT FROM hitl.runs WHERE holder IS NOT NULL")
        return thread.statuses == ["applied"] and not held

    async with get_client(url=server.url, api_key=None) as client:
        graph = RemoteGraph("mail", client=client)
        async with Worker({"mail": graph}, url, poll_s=0.05, tick_s=0.05, stalled_s=3, tell=print):
            await auntil(at_rest, "the server's thread goes on", 30)


def test_a_worker_is_killed_before_the_servers_run(begin: Begin, server: DevServer, server_url: str) -> None:
    """kill -9 before it asks the server: the next worker hands it over, and the act is done once (I2, I6)."""
    thread = begin("mail")
    named = "mail=tests.server.remote:mail"
    with WorkerProcess(
        server_url, named, TEST_SERVER_URL=server.url, HITL_FAILPOINTS="resume.before_run=kill"
    ) as first:
        key = approve(thread)
        assert first.process.wait(40) == -signal.SIGKILL

    asyncio.run(handed_over(thread, server, server_url))

    assert [act.split()[0] for act in thread.acts] == [key]
    assert thread.status == "idle"
