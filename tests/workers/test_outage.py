"""The database goes away and comes back: nobody has to do anything."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import PsycopgConnector, exceptions
from procrastinate.jobs import Job, Status

from hitl_graph import Approve, Desk
from hitl_graph.desk import Case
from hitl_graph.storage.embedded import EmbeddedServer
from hitl_graph.storage.home import Home
from hitl_graph.storage.tenants import TenantsPools
from hitl_graph.testing.databases import temporary_home
from hitl_graph.workers import Worker
from hitl_graph.workers.jobs import prepare_jobs, use_jobs_schema
from hitl_graph.workers.queue import Queue, pause_s
from tests.support.graphs import lines, mail_graph
from tests.workers.graphs import read_log, slow
from tests.workers.processes import auntil, until
from tests.workers.test_worker import QUICK


class OwnServer:
    """A server of this test's own, to be stopped and started."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = EmbeddedServer(home)
        self.server.join()
        self.url = self.server.url()

    def stop(self) -> None:
        """At once, as a crash would."""
        pid = Home(self.home, Path()).server_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not is_running(pid), "the server stops")

    def start(self) -> None:
        """Again, on the same data."""
        self.server.leave()
        self.server = EmbeddedServer(self.home)
        self.server.join()


def is_running(pid: int) -> bool:
    """Whether the process is there, and more than an entry that nobody has collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def server() -> Iterator[OwnServer]:
    """It and its files are gone after the test."""
    with temporary_home() as home:
        own = OwnServer(home)
        yield own
        own.server.leave()


async def applied(desk: Desk, case: Case) -> bool:
    try:
        return (await desk.show(case.id)).status == "applied"
    except psycopg.OperationalError:
        return False


async def decide(desk: Desk, case: Case) -> None:
    """As a person does it: once more where the database did not answer, with the same key."""

    async def decided() -> bool:
        try:
            await desk.decide(case.id, Approve(), by="ana", digest=case.digest, idempotency_key="k1")
        except psycopg.OperationalError:
            return False
        return True

    await auntil(decided, "the decision is taken")


async def test_a_worker_survives_a_restart_of_the_server(server: OwnServer, tmp_path: Path) -> None:
    """Idle when it happens: afterwards it works as before, on connections of its own making."""
    async with Worker({"mail": mail_graph()}, server.url, **QUICK) as worker:
        await worker.desk.start("mail", {"ticket": "1", "sink": str(tmp_path / "sink")}, thread_id="t1")
        await worker.idle()
        [case] = await worker.desk.pending()

        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)

        await decide(worker.desk, case)
        await auntil(lambda: applied(worker.desk, case), "the thread goes on")
        await worker.idle()
    assert len(lines(tmp_path / "sink")) == 1


async def test_a_run_under_way_goes_on_after_an_outage(server: OwnServer, tmp_path: Path) -> None:
    """I6: the server is away for seconds in the middle of a run; the case does not fail, the act is done once."""
    async with Worker({"slow": slow()}, server.url, stalled_s=2, **QUICK) as worker:
        given = {"ticket": "1", "folder": str(tmp_path), "sink": str(tmp_path / "sink")}
        await worker.desk.start("slow", given, thread_id="t1")
        await worker.idle()
        [case] = await worker.desk.pending()
        await decide(worker.desk, case)
        await asyncio.to_thread(until, lambda: read_log(tmp_path), "the run is under way")

        await asyncio.to_thread(server.stop)
        (tmp_path / "go").touch()
        await asyncio.sleep(3)
        await asyncio.to_thread(server.start)

        async def done() -> bool:
            return len(lines(tmp_path / "sink")) == 1 and await applied(worker.desk, case)

        await auntil(done, "the thread goes on", 30)
        await worker.idle()
    assert len(lines(tmp_path / "sink")) == 1


# --- the queue, when an answer is lost ---


class Cut(PsycopgConnector):
    """Lets a statement be carried out, and loses its answer, so many times."""

    cuts = 0

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
        self._cut("fetch_job" in query)
        return found

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        await super().execute_query_async(query, **arguments)
        self._cut("finish_job" in query)

    def _cut(self, here: bool) -> None:
        if here and self.cuts:
            self.cuts -= 1
            raise exceptions.ConnectorException from psycopg.OperationalError("cut")


@pytest.fixture
async def cut(db_url: str) -> AsyncIterator[Cut]:
    """Connections that lose answers."""
    prepare_jobs(db_url)
    connector = Cut(
        conninfo=db_url, min_size=1, max_size=2, configure=partial(use_jobs_schema, bound=TenantsPools(None))
    )
    await connector.open_async()
    yield connector
    await connector.close_async()


async def jobs(connector: Cut) -> list[dict[str, Any]]:
    sql = "SELECT id, status::text FROM procrastinate_jobs ORDER BY id"
    found: list[dict[str, Any]] = await connector.execute_query_all_async(sql)
    return found


async def test_a_job_that_was_given_and_never_arrived_waits_again(cut: Cut) -> None:
    """The worker lives on, and nobody else would ever take it."""
    queue = Queue(cut, tell=lambda _: None, give_up_s=1)
    worker = await queue.register_worker()
    await cut.execute_query_one_async("SELECT hitl.enqueue_resume('t1') AS x")
    cut.cuts = 1
    assert await queue.fetch_job(["hitl"], worker) is None
    assert [job["status"] for job in await jobs(cut)] == ["doing"]

    assert await queue.recover(stalled_s=60) == 1

    job = await queue.fetch_job(["hitl"], worker)
    assert job is not None


async def test_the_end_of_a_job_is_stored_when_the_database_answers_again(cut: Cut) -> None:
    """Whether the first try came through is not known: the second finds that it did."""
    queue = Queue(cut, tell=lambda _: None, give_up_s=5)
    worker = await queue.register_worker()
    await cut.execute_query_one_async("SELECT hitl.enqueue_resume('t1') AS x")
    job = await queue.fetch_job(["hitl"], worker)
    assert isinstance(job, Job)
    cut.cuts = 1

    await queue.finish_job(job, Status.SUCCEEDED, delete_job=True)

    assert await jobs(cut) == []


async def test_jobs_under_way_here_are_not_put_back_after_a_lost_answer(cut: Cut) -> None:
    """Only what never arrived is."""
    queue = Queue(cut, tell=lambda _: None, give_up_s=1)
    worker = await queue.register_worker()
    await cut.execute_query_one_async("SELECT hitl.enqueue_resume('t1'), hitl.enqueue_resume('t2')")
    under_way = await queue.fetch_job(["hitl"], worker)
    cut.cuts = 1
    await queue.fetch_job(["hitl"], worker)

    await queue.recover(stalled_s=60)

    assert under_way is not None
    assert [(job["id"] == under_way.id, job["status"]) for job in await jobs(cut)] == [
        (True, "doing"),
        (False, "todo"),
    ]


def test_pauses_grow_and_are_never_in_step() -> None:
    """Workers that lost the database together do not come back together, and none waits for long."""
    pauses = [pause_s(failures) for failures in range(40)]

    assert pauses[0] <= 0.1
    assert max(pauses) <= 2.0
    assert len(set(pauses)) == len(pauses)
