"""The database of a served inbox goes away and comes back: the terminal says so, once each, and nothing more."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from hitl_graph import Desk
from hitl_graph.web.outage import Outage, say_unusable
from tests.faults.server import PrivateServer, private_server
from tests.inbox.serving import client

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with private_server() as made:
        yield made


def until(fact: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """What the terminal shows of errors."""
    return tmp_path / "stderr"


@pytest.fixture
def http(server: PrivateServer, said: Path) -> Iterator[httpx.Client]:
    """`hitl-graph inbox` in a process of its own, and somebody who is signed in."""
    command = [sys.executable, "-m", "hitl_graph", "inbox", "--port", "0", "--as", "ana", "--db", server.url]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    with said.open("w") as errors:
        serving = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env)
        try:
            assert serving.stdout is not None
            address = serving.stdout.readline().strip()
            base = address.partition("/sign-in")[0]
            with httpx.Client(base_url=base, trust_env=False, timeout=60) as made:
                until(lambda: reaches(made), "the inbox did not start")
                assert made.get(address).status_code == 303
                yield made
        finally:
            serving.terminate()
            serving.communicate(timeout=30)


def says_back(said: Path, times: int) -> bool:
    return said.read_text().count("database can be used again") >= times


def reaches(http: httpx.Client) -> bool:
    try:
        return http.get("/sign-in").status_code < 500
    except httpx.TransportError:
        return False


@pytest.mark.timeout(120)
def test_the_terminal_says_that_the_database_is_away_and_that_it_is_back(
    http: httpx.Client, server: PrivateServer, said: Path
) -> None:
    """However many pages, links and webhooks ask meanwhile; and again when it goes away again."""
    assert http.get("/").status_code == 200
    for number in (1, 2):
        server.stop()
        try:
            asked = ("/", "/", "/audit", "/links/x", "/api/v1/cases")
            with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
                statuses = list(pool.map(lambda path: http.get(path).status_code, asked))
            statuses.append(http.post("/webhooks/decide", content=b"{}").status_code)
        finally:
            server.start()
        assert statuses == [503] * 6
        until(functools.partial(says_back, said, number), "it is not said")
        until(lambda: http.get("/").status_code == 200, "the inbox does not come back")
    lines = said.read_text().splitlines()
    assert [line.partition(":")[0].partition(",")[0] for line in lines] == [
        "the database cannot be used",
        "the database can be used again",
    ] * 2


def test_a_mistake_of_ours_is_told_whole(db_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is no outage: who mends it needs to know where."""
    with client(db_url) as http:
        with psycopg.connect(db_url, autocommit=True) as conn:
            conn.execute("DROP VIEW hitl_tenant.timers")
            conn.execute("DROP VIEW hitl_tenant.reviews CASCADE")
        with caplog.at_level(logging.ERROR, "hitl_graph.inbox"):
            assert http.get("/").status_code == 503
    [told] = [one for one in caplog.records if one.name == "hitl_graph.inbox"]
    assert told.exc_info


def test_a_closed_cursor_is_a_mistake_and_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    """The way to the database is fine."""
    log = logging.getLogger("a_test")
    with caplog.at_level(logging.ERROR, "a_test"):
        say_unusable(psycopg.InterfaceError("the cursor is closed"), log, None, "a page was not shown")
        say_unusable(psycopg.InterfaceError("the connection is closed"), log, None, "a page was not shown")
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]


async def test_a_desk_that_is_closed_first_ends_it_quietly(db_url: str) -> None:
    async with Desk(db_url) as desk:
        outage = Outage(desk, logging.getLogger("a_test"))
        await outage.__aenter__()
        outage.began(psycopg.OperationalError("gone"))
    await asyncio.sleep(1.2)  # it has asked the closed desk
    await outage.__aexit__(None, None, None)
