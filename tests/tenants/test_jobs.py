"""Jobs of several tenants on one database: each tenant's connections, its workers' too, see their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from hitl_graph import Approve, Desk
from hitl_graph.workers import Worker
from hitl_graph.workers.jobs import prepare_jobs
from tests.support.graphs import mail_graph
from tests.tenants.owned import owned_database


@pytest.fixture(params=["superuser", "ordinary owner"])
def jobs_url(request: pytest.FixtureRequest, db_url: str) -> Iterator[str]:
    """A database with job tables, of a superuser and of a user who may make no roles."""
    if request.param == "superuser":
        prepare_jobs(db_url)
        yield db_url
    else:
        with owned_database(db_url) as url:
            with Desk(url):
                pass
            prepare_jobs(url)
            yield url


async def test_a_tenants_desk_neither_sees_nor_changes_anothers_jobs(jobs_url: str) -> None:
    """I11: not the threads' names, and not by a statement that names no tenant."""
    async with Desk(jobs_url, tenant="acme") as acme, Desk(jobs_url, tenant="umbrella") as umbrella:
        for desk in (acme, umbrella):
            await in_jobs(desk, "SELECT hitl.enqueue_resume('t1')")
            await in_jobs(desk, "SELECT hitl.enqueue_resume('t2', now() + interval '1 hour')")
        await in_jobs(umbrella, "UPDATE procrastinate_jobs SET priority = 7")
        await in_jobs(umbrella, "DELETE FROM procrastinate_workers")
        seen = await in_jobs(umbrella, "SELECT tenant, priority FROM procrastinate_jobs")
        left = await in_jobs(acme, "SELECT tenant, priority FROM procrastinate_jobs")
        events = await in_jobs(acme, "SELECT DISTINCT tenant FROM procrastinate_events")

    assert seen == [{"tenant": "umbrella", "priority": 7}] * 2
    assert left == [{"tenant": "acme", "priority": 0}] * 2
    assert events == [{"tenant": "acme"}]


def test_every_job_table_is_bound(jobs_url: str) -> None:
    """Those of a later procrastinate too: `prepare_jobs` ends with hitl.guard_jobs()."""
    found = rows(
        jobs_url,
        "SELECT relname FROM pg_class c WHERE relnamespace = 'hitl_jobs'::regnamespace AND relkind = 'r' AND NOT ("
        "relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))",
    )

    assert found == [{"relname": "installed"}]


async def test_workers_of_two_tenants_run_what_is_theirs(jobs_url: str, tmp_path: Path) -> None:
    """On threads of one name; neither is in the other's way, and no job is left."""
    said: list[str] = []
    graphs = {"mail": mail_graph()}
    async with (
        Worker(graphs, jobs_url, tenant="acme", tell=said.append) as acme,
        Worker(graphs, jobs_url, tenant="umbrella", tell=said.append) as umbrella,
    ):
        for worker in (acme, umbrella):
            sink = str(tmp_path / worker.desk.tenant)
            await worker.desk.start("mail", {"ticket": "T", "sink": sink}, thread_id="t1", by="ana")
            await worker.idle()
            [case] = await worker.desk.pending()
            await worker.desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            await worker.idle()
        statuses = [case.status for worker in (acme, umbrella) for case in await worker.desk.cases()]

    assert statuses == ["applied", "applied"], said
    assert sorted(
        path.name
        for path in tmp_path.iterdir()  # noqa: ASYNC240  # two names
    ) == ["acme", "umbrella"]


async def test_the_jobs_of_a_dead_worker_are_put_back_for_its_own_tenant(jobs_url: str) -> None:
    """Another tenant's worker neither takes the dead one's jobs nor forgets whose they are."""
    async with Desk(jobs_url, tenant="acme") as acme:
        await in_jobs(acme, "SELECT hitl.enqueue_start('t1', 'mail')")
        await in_jobs(acme, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES ('-infinity')")
        await in_jobs(
            acme,
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)",
        )
        async with Worker({"mail": mail_graph()}, jobs_url, tenant="umbrella", tick_s=0.05) as umbrella:
            await umbrella.idle()
            [job] = await in_jobs(
                acme, "SELECT status::text, worker_id IS NULL AS free FROM procrastinate_jobs"
            )
        assert job == {"status": "doing", "free": False}

        async with Worker({"mail": mail_graph()}, jobs_url, tenant="acme", tick_s=0.05) as worker:
            await worker.idle()
        assert await in_jobs(acme, "SELECT id FROM procrastinate_jobs") == []


def rows(url: str, query: str) -> list[dict[str, Any]]:
    """As whoever the address names."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as conn:
        return conn.execute(query.encode()).fetchall()


async def in_jobs(desk: Desk, query: str) -> list[dict[str, Any]]:
    """On a desk's own connection; procrastinate's triggers want its search path."""
    async with desk.transaction() as conn:
        await conn.execute("SET LOCAL search_path = hitl_jobs")
        cursor = await conn.execute(query.encode())
        return await cursor.fetchall() if cursor.description else []
