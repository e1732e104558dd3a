"""Databases for tests: fresh, apart, and gone afterwards."""

import os
import uuid
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from hitl_graph.storage.home import Home
from hitl_graph.testing.databases import Databases
from tests.integration.holders import Start, answers, execute

FRESH_DATABASE = """
import sys
from pathlib import Path
from hitl_graph.testing.databases import Databases
def prepare(url):
    with Path(sys.argv[2]).open("a") as file:
        file.write("prepared ")
with Databases(prepare, run=sys.argv[1]) as databases, databases.fresh_database() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def test_fresh_databases_are_separate_copies(databases: Databases) -> None:
    """Each fresh database starts as the template, whatever was done to the one before."""
    with databases.fresh_database() as first, databases.fresh_database() as second:
        execute(first, "CREATE TABLE mine ()")
        assert execute(second, "SELECT to_regclass('mine') IS NULL") is True


def test_fresh_database_is_dropped_after_use(databases: Databases) -> None:
    """A fresh database is dropped at its end, open connections and all."""
    with databases.fresh_database() as url:
        left_open = psycopg.connect(url)
    assert not answers(url)
    left_open.close()


def test_workers_of_a_run_share_one_prepared_server(start: Start, tmp_path: Path) -> None:
    """Three processes of one run share a server, and the template is prepared once."""
    log = tmp_path / "log"
    workers = [start(FRESH_DATABASE, tmp_path.name, log) for _ in range(3)]
    urls = {worker.url() for worker in workers}
    assert len(urls) == 3
    assert len({execute(url, "SELECT pg_postmaster_start_time()") for url in urls}) == 1
    assert log.read_text() == "prepared "


def test_there_are_connections_for_a_worker_on_each_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty each: what Postgres has by itself was too little for three workers of pytest-xdist."""
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    with Databases(run=uuid.uuid4().hex) as databases, databases.fresh_database() as url:
        assert int(str(execute(url, "SHOW max_connections"))) == 800


def test_killed_run_leaves_nothing(start: Start, tmp_path: Path) -> None:
    """A test run that is killed leaves neither its server nor its files."""
    worker = start(FRESH_DATABASE, tmp_path.name, tmp_path / "log")
    url = worker.url()
    folder = Path(str(conninfo_to_dict(url)["host"])).parents[1]
    worker.kill()
    Home(folder, Path()).wait_until_shut()
    assert not folder.exists()
    assert not answers(url)
