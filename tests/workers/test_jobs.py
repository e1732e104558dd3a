"""Jobs in the database: one for a thread and task at most, none lost, and two of one thread never at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from hitl_graph.errors import MigrationError
from hitl_graph.storage.tenants import TenantsPools
from hitl_graph.workers.jobs import lasting, prepare_jobs, use_jobs_schema
from hitl_graph.workers.queue import SQL
from tests.workers.processes import query, until

Conn = psycopg.Connection[dict[str, Any]]
FETCH: LiteralString = "SELECT id, lock, task_name FROM procrastinate_fetch_job_v2(NULL, %s)"
RESUME: LiteralString = "SELECT hitl.enqueue_resume('t1')"


@pytest.fixture
def jobs_url(db_url: str) -> str:
    """A database with job tables."""
    prepare_jobs(db_url)
    return db_url


@pytest.fixture
def conn(jobs_url: str) -> Iterator[Conn]:
    """A connection as a worker's."""
    with connected(jobs_url) as found:
        yield found


def connected(url: str) -> Conn:
    found = psycopg.connect(url, autocommit=True, row_factory=dict_row)
    found.execute("SET search_path = hitl_jobs")
    return found


def registered(conn: Conn) -> int:
    row = conn.execute("SELECT * FROM procrastinate_register_worker_v1()").fetchone()
    assert row is not None
    return int(row["worker_id"])


def fetched(conn: Conn, worker: int) -> Any:
    row = conn.execute(FETCH, [worker]).fetchone()
    return None if row is None or row["id"] is None else row


def all_jobs(conn: Conn) -> list[dict[str, Any]]:
    return conn.execute("SELECT * FROM procrastinate_jobs ORDER BY id").fetchall()


# --- the tables ---


def test_workers_that_start_together_make_the_tables_once(db_url: str) -> None:
    """Four at once: all of them find the tables, and none of them fails."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(prepare_jobs, [db_url] * 4))

    assert query(db_url, "SELECT count(*) AS n FROM hitl_jobs.installed") == [{"n": 1}]


def test_tables_of_a_newer_procrastinate_are_refused(jobs_url: str) -> None:
    """The error names both, and nothing is changed."""
    query(jobs_url, "INSERT INTO hitl_jobs.installed (step) VALUES ('99.00.00_01')")

    with pytest.raises(MigrationError, match=r"99\.00\.00_01.*install the newer procrastinate"):
        prepare_jobs(jobs_url)


def test_tables_of_an_older_procrastinate_are_brought_up_to_date(db_url: str) -> None:
    """Step by step from where they stand, with the same functions in the end."""
    folder = resources.files("procrastinate.sql").joinpath("migrations")
    steps = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA hitl_jobs")
        conn.execute("SET search_path = hitl_jobs")
        for step in steps:
            if step < "03.03":
                conn.execute(folder.joinpath(step).read_text().encode())
        conn.execute('CREATE TABLE hitl_jobs.installed (step text COLLATE "C" PRIMARY KEY)')
        conn.execute("INSERT INTO hitl_jobs.installed VALUES ('03.02.00_50')")
        assert conn.execute("SELECT to_regproc('procrastinate_retry_job_v2')").fetchone() == (None,)

    prepare_jobs(db_url)

    with connected(db_url) as after:
        assert after.execute("SELECT to_regproc('procrastinate_retry_job_v2') IS NULL AS no").fetchone() == {
            "no": False
        }


async def test_a_workers_connections_find_the_job_tables_and_nothing_else(jobs_url: str) -> None:
    """LangGraph's tables are not looked up there."""
    async with await psycopg.AsyncConnection.connect(jobs_url) as conn:
        await use_jobs_schema(conn, TenantsPools(None))

        found = await conn.execute("SELECT to_regclass('procrastinate_jobs'), to_regclass('checkpoints')")

        assert await found.fetchone() == ("procrastinate_jobs", None)


def test_a_silent_network_ends_a_connection_within_seconds() -> None:
    """What the address says itself stands; a deadline of the program's own would not do."""
    found = conninfo_to_dict(lasting("postgresql://u@h/d?connect_timeout=42"))

    assert found["connect_timeout"] == "42"
    assert int(found["tcp_user_timeout"]) <= 10_000
    assert found["keepalives"] == "1"


# --- one job ---


def test_decisions_before_a_run_share_its_job(conn: Conn) -> None:
    """It finds all of them when it runs."""
    for _ in range(3):
        conn.execute(RESUME)

    assert [(job["task_name"], job["lock"], job["status"]) for job in all_jobs(conn)] == [
        ("resume", "default\tt1", "todo")
    ]


def test_a_decision_during_a_run_gets_a_job_of_its_own(conn: Conn) -> None:
    """The run may be past the point where it would see it. The second waits for the first."""
    worker = registered(conn)
    conn.execute(RESUME)
    first = fetched(conn, worker)

    conn.execute(RESUME)

    assert [job["status"] for job in all_jobs(conn)] == ["doing", "todo"]
    assert fetched(conn, worker) is None
    conn.execute("SELECT procrastinate_finish_job_v1(%s, 'succeeded', true)", [first["id"]])
    second = fetched(conn, worker)
    assert second["lock"] == first["lock"]
    assert second["id"] != first["id"]


def test_no_worker_takes_a_waiting_job_before_the_decision_that_relies_on_it(
    jobs_url: str, conn: Conn
) -> None:
    """The job waits already; a decision that is not committed yet counts on it; a worker must leave it until then."""
    worker = registered(conn)
    conn.execute(RESUME)
    with connected(jobs_url) as deciding:
        with deciding.transaction():
            deciding.execute(RESUME)
            assert fetched(conn, worker) is None

        assert fetched(conn, worker) is not None


def test_a_decision_that_meets_a_fetch_gets_a_job_of_its_own(jobs_url: str, conn: Conn) -> None:
    """The worker is just taking the job: the decision waits for that, and puts the next one."""
    worker = registered(conn)
    conn.execute(RESUME)
    with connected(jobs_url) as fetching, ThreadPoolExecutor(1) as pool:
        with fetching.transaction():
            assert fetched(fetching, worker) is not None
            deciding = pool.submit(query, jobs_url, RESUME)
            until(lambda: waits_for_a_lock(jobs_url), "the decision waits")
        deciding.result()

    assert [job["status"] for job in all_jobs(conn)] == ["doing", "todo"]


def test_a_decision_that_is_rolled_back_leaves_no_job(jobs_url: str, conn: Conn) -> None:
    """Both or none."""
    with connected(jobs_url) as deciding, deciding.transaction(force_rollback=True):
        deciding.execute(RESUME)

    assert all_jobs(conn) == []


def test_a_timer_does_not_block_its_thread(conn: Conn) -> None:
    """I14: it holds no lock; another decision of the thread is carried out at once."""
    worker = registered(conn)
    conn.execute("SELECT hitl.enqueue_resume('t1', now() + interval '1 hour')")
    conn.execute(RESUME)

    assert fetched(conn, worker)["task_name"] == "resume"
    assert fetched(conn, worker) is None


def test_the_earliest_time_counts(conn: Conn) -> None:
    """Of several times of a thread one timer is kept."""
    for hours in (3, 1, 2):
        conn.execute("SELECT hitl.enqueue_resume('t1', now() + make_interval(hours => %s))", [hours])

    [job] = all_jobs(conn)
    row = conn.execute("SELECT %s < now() + interval '61 minutes' AS soon", [job["scheduled_at"]]).fetchone()
    assert row == {"soon": True}


@pytest.mark.parametrize("name", ["support", "x" * 500, "ünï", "a b", "", 'q"#'])
def test_a_workflow_of_any_name_has_a_queue(conn: Conn, name: str) -> None:
    """Its name becomes part of a channel's, which is short; what does not fit is hashed."""
    conn.execute("SELECT hitl.enqueue_start('t1', %s)", [name])

    [job] = all_jobs(conn)
    assert len(f"procrastinate_queue_v1#{job['queue_name']}".encode()) < 64


def test_threads_of_the_same_name_of_two_tenants_are_two(conn: Conn) -> None:
    """I11: each has its job, its lock and its queue."""
    conn.execute(RESUME)
    conn.execute("SELECT set_config('hitl.tenant', 'acme', false)")
    conn.execute(RESUME)

    jobs = all_jobs(conn)
    assert len({job["lock"] for job in jobs}) == 2
    assert len({job["queue_name"] for job in jobs}) == 2


# --- jobs that nobody runs any more ---


def put_back(conn: Conn, worker: int | None = None, known: tuple[int, ...] = ()) -> list[Any]:
    return conn.execute(SQL["put_back"], {"worker_id": worker, "known": list(known)}).fetchall()


def test_the_job_of_a_dead_worker_waits_again(conn: Conn) -> None:
    """As a job of another number: the one that was only stopped cannot end it."""
    worker = registered(conn)
    conn.execute(RESUME)
    old = fetched(conn, worker)
    conn.execute("SELECT procrastinate_unregister_worker_v1(%s)", [worker])

    assert put_back(conn) == [{"task_name": "resume", "thread_id": "t1"}]

    [job] = all_jobs(conn)
    assert (job["status"], job["args"]["thread_id"]) == ("todo", "t1")
    with pytest.raises(psycopg.errors.RaiseException, match="Job was not found"):
        conn.execute("SELECT procrastinate_finish_job_v1(%s, 'succeeded', true)", [old["id"]])


def test_the_job_of_a_dead_worker_gives_way_to_the_next(conn: Conn) -> None:
    """Where a later decision has put one already, that one will do."""
    worker = registered(conn)
    conn.execute(RESUME)
    fetched(conn, worker)
    conn.execute(RESUME)
    conn.execute("SELECT procrastinate_unregister_worker_v1(%s)", [worker])

    put_back(conn)

    assert [job["status"] for job in all_jobs(conn)] == ["todo"]


def test_jobs_of_the_living_are_left_alone(conn: Conn) -> None:
    """Only those that a worker does not know of itself are put back."""
    worker, other = registered(conn), registered(conn)
    conn.execute("SELECT hitl.enqueue_resume('t1'), hitl.enqueue_resume('t2'), hitl.enqueue_resume('t3')")
    mine, lost, _others = fetched(conn, worker), fetched(conn, worker), fetched(conn, other)

    put_back(conn, worker, known=(mine["id"],))

    waiting = [job["lock"] for job in all_jobs(conn) if job["status"] == "todo"]
    assert waiting == [lost["lock"]]


def waits_for_a_lock(url: str) -> bool:
    return bool(
        query(
            url,
            "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        )
    )
