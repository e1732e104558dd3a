"""The server is full, read-only, out of connections, deadlocked or restarted: fails closed, and recovers by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Desk, open_checkpointer

from .checker import check
from .evidence import Evidence, gather
from .graphs import letters, request, thread
from .server import PrivateServer, private_server
from .sink import Sink

Finish = Callable[..., Evidence]
FAILS = """
CREATE FUNCTION hitl.fails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{code}'; END $$;
CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION hitl.fails()
"""
FULL, DEADLOCK = "53100", "40P01"


def failing(url: str, table: str, code: str) -> None:
    """From now on every write to a table fails as it does on a full disk."""
    text: Any = FAILS.format(table=table, code=code)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(text)


def mended(url: str, table: str) -> None:
    """Writes work again."""
    text: Any = f"DROP TRIGGER fails ON {table}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(text)


@pytest.mark.parametrize("table", ["hitl.reviews", "hitl.events", "checkpoints", "checkpoint_writes"])
def test_a_full_disk_while_a_thread_pauses(db_url: str, sink: Sink, finished: Finish, table: str) -> None:
    """Neither the pause nor its review is half there; with room again the thread asks, once (I5)."""
    failing(db_url, table, FULL)
    with open_checkpointer(db_url, max_size=2) as saver:
        graph = letters().compile(checkpointer=saver)
        with pytest.raises(psycopg.errors.DiskFull):
            graph.invoke(request(sink.path), thread("t0"), durability="sync")
        left = gather(db_url)
        mended(db_url, table)
        begun = graph.get_state(thread("t0")).next
        graph.invoke(None if begun else request(sink.path), thread("t0"))

    assert check(left) == []
    found = finished(sink)
    assert check(found) == []
    assert len(sink.acts()) == 1


@pytest.mark.parametrize("code", [FULL, DEADLOCK])
@pytest.mark.parametrize("table", ["hitl.decisions", "hitl.events", "hitl.reviews"])
def test_a_decision_that_cannot_be_written(
    db_url: str, sink: Sink, paused: Any, finished: Finish, table: str, code: str
) -> None:
    """Nothing of it is kept, and the same person decides when there is room again (I1, I8)."""
    paused(sink)
    failing(db_url, table, code)
    with Desk(db_url, max_size=2) as desk:
        [case] = desk.pending()
        with pytest.raises(psycopg.OperationalError):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        left = gather(db_url)
        mended(db_url, table)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert check(left) == []
    assert left.decisions == []
    found = finished(sink)
    assert check(found) == []
    assert len(sink.acts()) == 1


@pytest.mark.parametrize("table", ["hitl.effects", "hitl.runs", "hitl.reviews", "checkpoints"])
def test_a_full_disk_while_a_thread_goes_on(
    db_url: str, plain_sink: Sink, paused: Any, finished: Finish, table: str
) -> None:
    """The act is done once or not, and never twice, however far the run came (I2, I6)."""
    paused(plain_sink)
    with open_checkpointer(db_url, max_size=2) as saver, Desk(db_url, max_size=2) as desk:
        graph = letters(idempotent=False).compile(checkpointer=saver)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        failing(db_url, table, FULL)
        with contextlib.suppress(psycopg.errors.DiskFull):
            desk.resume(graph, durability="sync")
        mended(db_url, table)
        for failed in desk.cases(status="failed"):
            desk.retry(failed.id, by="ana")

    found = finished(plain_sink)

    assert check(found) == []
    assert len(plain_sink.acts()) == 1


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    """A server that these tests ruin, one after another."""
    with private_server() as server:
        yield server


def start(server: PrivateServer, sink: Sink, name: str) -> Any:
    with open_checkpointer(server.url, max_size=2) as saver:
        letters().compile(checkpointer=saver).invoke(request(sink.path), thread(name))
    with Desk(server.url, max_size=2) as desk:
        return desk.pending(thread_id=name)[0]


def test_a_read_only_server(server: PrivateServer, sink: Sink, finished: Finish) -> None:
    """Cases can be looked at, nothing is written, and it works again afterwards."""
    case = start(server, sink, "read-only")
    with Desk(server.url, max_size=2) as desk:
        server.setting("default_transaction_read_only", "on")
        try:
            assert desk.show(case.id).status == "pending"
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        finally:
            with psycopg.connect(
                server.url, autocommit=True, options="-c default_transaction_read_only=off"
            ) as conn:
                conn.execute("ALTER DATABASE hitl RESET default_transaction_read_only")
            server.end_connections()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert check(finished(sink, "read-only", url=server.url)) == []
    assert len(sink.acts()) == 1


def test_no_connection_is_left(server: PrivateServer, sink: Sink, finished: Finish) -> None:
    """A pool of one that is taken says so in its time; nothing is decided, and afterwards it is."""
    case = start(server, sink, "no-connection")
    with Desk(server.url, max_size=1) as desk, Desk(server.url, max_size=1) as other:
        desk.desk.pool.timeout = 0.2
        taken = desk.run(desk.desk.pool.getconn())
        with pytest.raises(psycopg.OperationalError):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        assert other.show(case.id).status == "pending"
        desk.run(desk.desk.pool.putconn(taken))
        desk.desk.pool.timeout = 20
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert check(finished(sink, "no-connection", url=server.url)) == []
    assert len(sink.acts()) == 1


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_restarted_under_a_desk_and_a_graph(
    server: PrivateServer, tmp_path: Path, finished: Finish, how: str
) -> None:
    """The same desk and the same saver go on after it: no process has to be started anew (I6)."""
    sink = Sink(tmp_path / "sink")
    with open_checkpointer(server.url, max_size=3) as saver, Desk(server.url, max_size=3) as desk:
        graph = letters().compile(checkpointer=saver)
        graph.invoke(request(sink.path), thread(how))
        [case] = desk.pending(thread_id=how)
        server.restart(how=how)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        server.restart(how=how)
        done = [one.error for one in desk.resume(graph, thread_ids=[how])]

    assert done == [None]
    assert check(gather(server.url, sink, threads=[how])) == []
    assert len(sink.acts()) == 1
