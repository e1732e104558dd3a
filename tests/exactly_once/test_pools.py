"""Pools: what the server has closed is replaced before anybody gets it (I6)."""

from __future__ import annotations

import asyncio
import time

import psycopg

from hitl_graph import Desk, open_checkpointer
from hitl_graph.storage.pools import is_closed
from tests.support.graphs import mail_graph, thread


def cut_all(db_url: str) -> None:
    """End all connections to the database, as a restart of the server does, and wait until they are gone."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(f"SELECT pg_terminate_backend(pid) {others}")
        until = time.monotonic() + 30
        while conn.execute(f"SELECT count(*) {others}").fetchall() != [(0,)]:
            assert time.monotonic() < until


async def test_a_desk_uses_no_connection_that_the_server_has_closed(db_url: str) -> None:
    """Six idle connections are cut at once: the next call gets a new one."""
    async with Desk(db_url) as desk:
        await asyncio.gather(*(desk.pending() for _ in range(6)))
        cut_all(db_url)

        assert list(await desk.pending()) == []


def test_a_graph_runs_on_after_its_connections_were_closed(db_url: str) -> None:
    """The saver's idle connection is cut: the next run knows nothing of it."""
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi"}, thread("t1"))
        cut_all(db_url)

        graph.invoke({"ticket": "Hi"}, thread("t2"))

        assert graph.get_state(thread("t2")).next == ("reply",)


def test_an_idle_connection_that_lives_is_not_taken_for_closed(db_url: str) -> None:
    """Looking asks nobody, and does no harm."""
    with psycopg.connect(db_url) as conn:
        assert is_closed(conn) is False
        assert conn.execute("SELECT 1").fetchall() == [(1,)]
        conn.close()
        assert is_closed(conn) is True
