"""A worker that has met threads of no graph of its own lets others go first with what anybody may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from procrastinate import PsycopgConnector
from procrastinate.jobs import Job

from hitl_graph.storage.tenants import TenantsPools
from hitl_graph.workers import queue
from hitl_graph.workers.jobs import prepare_jobs, use_jobs_schema
from hitl_graph.workers.queue import Queue

QUEUES = ["hitl", "hitl:mail"]


@pytest.fixture
async def connector(db_url: str) -> AsyncIterator[PsycopgConnector]:
    """A worker's connections; an unnamed thread's job waits, and behind it one of the workflow `mail`."""
    prepare_jobs(db_url)
    made = PsycopgConnector(
        conninfo=db_url, min_size=1, max_size=4, configure=partial(use_jobs_schema, bound=TenantsPools(None))
    )
    await made.open_async()
    await made.execute_query_one_async("SELECT hitl.put_job('resume', 'anyone', 'hitl')")
    await made.execute_query_one_async("SELECT hitl.put_job('resume', 'named', 'hitl:mail')")
    yield made
    await made.close_async()


async def of(connector: PsycopgConnector, *, gives_way: bool) -> tuple[Queue, int]:
    """The queue of one worker, and the worker's number."""
    made = Queue(connector, tell=lambda _: None, give_up_s=1, shared="hitl", gives_way=lambda: gives_way)
    return made, await made.register_worker()


def thread_of(job: Job | None) -> str | None:
    return None if job is None else str(job.task_kwargs["thread_id"])


async def test_what_comes_first_is_taken_first(connector: PsycopgConnector) -> None:
    """A worker that has met no such thread takes jobs as they come."""
    jobs, worker = await of(connector, gives_way=False)

    assert [thread_of(await jobs.fetch_job(QUEUES, worker)) for _ in range(3)] == ["anyone", "named", None]


async def test_its_own_come_first_and_then_what_is_left(connector: PsycopgConnector) -> None:
    """Nothing is lost where there is nobody else."""
    jobs, worker = await of(connector, gives_way=True)

    assert [thread_of(await jobs.fetch_job(QUEUES, worker)) for _ in range(3)] == ["named", "anyone", None]


async def test_another_worker_is_let_go_first(
    connector: PsycopgConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both hear of the job at once, and the one that gives way asks for it last."""
    monkeypatch.setattr(queue, "_WAY_S", 2.0)
    gives, its_number = await of(connector, gives_way=True)
    takes, number = await of(connector, gives_way=False)
    assert thread_of(await gives.fetch_job(QUEUES, its_number)) == "named"

    asked = asyncio.create_task(gives.fetch_job(QUEUES, its_number))
    await asyncio.sleep(0)

    assert thread_of(await takes.fetch_job(QUEUES, number)) == "anyone"
    assert await asked is None
