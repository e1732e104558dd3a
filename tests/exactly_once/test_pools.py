"""Pools: what the server has closed is replaced before anybody gets it (I6)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time

import psycopg

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.storage.pools import is_closed
from tests.support.graphs import State, mail_graph, thread


def cut_all(db_url: str) -> None:
    """End all connections to the database, as a restart of the server does, and wait until they are gone."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        others = conn.execute(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        pids = [pid for pid, _ in others]
        until = time.monotonic() + 30
        while conn.execute("SELECT FROM pg_stat_activity WHERE pid = ANY (%s)", [pids]).fetchall():
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


def test_a_run_that_lost_the_database_is_taken_up_and_has_not_failed(db_url: str) -> None:
    """The saver's connections are cut in the middle of a run: no person has to look, the next resume goes on (I6)."""
    cut: list[bool] = []

    def cut_once(state: State) -> dict[str, str]:
        if not cut:
            cut.append(True)
            cut_all(db_url)
        return {"ticket": f"{state['ticket']} (seen)"}

    builder = mail_graph()
    builder.add_node("look", cut_once)
    builder.add_edge("send", "look")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": os.devnull}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        with contextlib.suppress(psycopg.OperationalError):
            desk.resume(graph)

        desk.resume(graph)

        assert cut
        assert desk.show(case.id).status == "applied"
        assert graph.get_state(thread("t1")).values["ticket"] == "Hi (seen)"
