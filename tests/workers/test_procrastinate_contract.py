"""What the workers lean on in procrastinate: an upgrade that changes it fails here, by name."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

from hitl_graph.storage.tenants import TenantsPools
from hitl_graph.workers.jobs import prepare_jobs, use_jobs_schema
from hitl_graph.workers.queue import Queue
from tests.workers.processes import auntil

QUEUES = ["hitl"]


@pytest_asyncio.fixture
async def app(db_url: str) -> AsyncIterator[App]:
    """An app on job tables."""
    prepare_jobs(db_url)
    connector = PsycopgConnector(
        conninfo=db_url, min_size=1, max_size=4, configure=partial(use_jobs_schema, bound=TenantsPools(None))
    )
    app = App(connector=connector)
    async with app.open_async():
        yield app


async def put(app: App, thread: str = "t1", **more: Any) -> int:
    columns: dict[str, Any] = {
        "lock": thread,
        "queueing_lock": f"resume:{thread}",
        "scheduled_at": None,
        **more,
    }
    row = await app.connector.execute_query_one_async(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at) VALUES "
        "('hitl', 'resume', %(lock)s, %(queueing_lock)s, jsonb_build_object('thread_id', 't1'), %(scheduled_at)s) "
        "RETURNING id",
        **columns,
    )
    return int(row["id"])


async def fetch(app: App, worker_id: int) -> Job | None:
    return await app.job_manager.fetch_job(QUEUES, worker_id)


async def test_two_jobs_of_one_lock_never_run_at_once(app: App) -> None:
    """The second is not fetched before the first has ended."""
    worker = await app.job_manager.register_worker()
    await put(app)
    first = await fetch(app, worker)
    await put(app)

    assert first is not None
    assert await fetch(app, worker) is None
    await app.job_manager.finish_job(first, Status.SUCCEEDED, delete_job=True)
    assert await fetch(app, worker) is not None


async def test_a_future_job_blocks_its_lock(app: App) -> None:
    """The reason why timers hold none."""
    worker = await app.job_manager.register_worker()
    await put(app, queueing_lock="a", scheduled_at="2100-01-01")
    await put(app, queueing_lock="b")

    assert await fetch(app, worker) is None


async def test_a_retried_job_clashes_with_the_next_of_its_queueing_lock(app: App) -> None:
    """The reason why jobs are never retried, but put anew: the job would stay under way for ever."""
    worker = await app.job_manager.register_worker()
    await put(app)
    first = await fetch(app, worker)
    await put(app)

    assert first is not None
    # Under row-level security Postgres does not tell the key, which procrastinate looks for in the message.
    with pytest.raises((exceptions.UniqueViolation, AssertionError)):
        await app.job_manager.retry_job(first)


async def test_the_end_of_a_job_that_is_gone_is_told_by_its_cause(app: App) -> None:
    """So that it can be told from a database that does not answer."""
    await app.job_manager.register_worker()
    job = Job(id=4711, queue="hitl", lock=None, queueing_lock=None, task_name="resume")

    with pytest.raises(exceptions.ConnectorException) as raised:
        await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True)

    assert isinstance(raised.value.__cause__, psycopg.errors.RaiseException)


async def test_a_worker_that_was_pruned_is_told_when_it_fetches(app: App) -> None:
    """It then registers again."""
    worker = await app.job_manager.register_worker()
    await app.job_manager.unregister_worker(worker)
    await put(app)

    with pytest.raises(exceptions.ConnectorException) as raised:
        await fetch(app, worker)

    assert isinstance(raised.value.__cause__, psycopg.errors.ForeignKeyViolation)


async def test_the_jobs_of_a_pruned_worker_belong_to_nobody(app: App) -> None:
    """That is how they are found."""
    worker = await app.job_manager.register_worker()
    await put(app)
    await fetch(app, worker)

    assert await app.job_manager.prune_stalled_workers(0) == [worker]

    [job] = await app.connector.execute_query_all_async(
        "SELECT status::text, worker_id FROM procrastinate_jobs"
    )
    assert job == {"status": "doing", "worker_id": None}


async def test_without_periodic_tasks_the_deferrer_ends_at_once(app: App) -> None:
    """And procrastinate stops watching its other side tasks: ours may therefore not fail."""
    deferrer = Worker(app)._periodic_deferrer()  # type: ignore[no-untyped-call]  # it has no types

    await asyncio.wait_for(deferrer, 20)


async def test_a_cancelled_worker_waits_for_its_jobs_and_then_aborts_them(app: App, db_url: str) -> None:
    """Graceful, and bounded by `shutdown_graceful_timeout`; a job that ended is deleted."""
    seen: list[str] = []

    async def resume(thread_id: str) -> None:
        seen.append("began")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cut off")
            raise

    app.task(name="resume")(resume)
    await put(app)
    options: dict[str, Any] = {"shutdown_graceful_timeout": 0.1, "install_signal_handlers": False}
    running = asyncio.create_task(app.run_worker_async(queues=QUEUES, delete_jobs="always", **options))

    async def begun() -> bool:
        return bool(seen)

    await auntil(begun, "the job begins")
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert seen == ["began", "cut off"]
    assert await app.connector.execute_query_all_async("SELECT id FROM procrastinate_jobs") == []


async def test_the_apps_manager_is_the_one_that_a_worker_asks(app: App) -> None:
    """`App.job_manager` can be set, and the worker takes its jobs from there."""
    asked: list[Iterable[str] | None] = []

    class Watched(JobManager):
        async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
            asked.append(queues)
            return await super().fetch_job(queues, worker_id)

    app.job_manager = Watched(app.connector)

    await app.run_worker_async(queues=QUEUES, wait=False, install_signal_handlers=False)

    assert asked == [QUEUES]


@pytest.mark.parametrize(
    "name", ["fetch_job", "finish_job", "update_heartbeat", "register_worker", "listen_for_jobs"]
)
def test_what_we_replace_is_there_with_the_same_arguments(name: str) -> None:
    """A renamed method would be replaced in vain."""
    theirs, ours = getattr(JobManager, name), getattr(Queue, name)

    assert list(inspect.signature(theirs).parameters) == list(inspect.signature(ours).parameters)
    assert inspect.iscoroutinefunction(theirs)
