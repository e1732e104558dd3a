"""The server is full, read-only, out of connections, deadlocked or restarted: fails closed, and recovers by itself."""

from __future__ import annotations

import contextlib
import threading
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
from .witnesses import wait_for_lock

Finish = Callable[..., Evidence]
FAILS = """
CREATE FUNCTION hitl.fails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION hitl.fails()
"""


def failing(url: str, table: str) -> None:
    """From now on every write to a table fails as it does on a full disk."""
    text: Any = FAILS.format(table=table)
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
    failing(db_url, table)
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


@pytest.mark.parametrize("table", ["hitl.decisions", "hitl.events", "hitl.reviews"])
def test_a_decision_that_cannot_be_written(
    db_url: str, sink: Sink, paused: Any, finished: Finish, table: str
) -> None:
    """Nothing of it is kept, and the same person decides when there is room again (I1, I8)."""
    paused(sink)
    failing(db_url, table)
    with Desk(db_url, max_size=2) as desk:
        [case] = desk.pending()
        with pytest.raises(psycopg.errors.DiskFull):
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
        failing(db_url, table)
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


def test_the_server_has_no_connection_left(server: PrivateServer, sink: Sink, finished: Finish) -> None:
    """Others have taken all of them: said in its time, nothing is decided, and it works when they let go."""
    case = start(server, sink, "no-room")
    with contextlib.ExitStack() as others, Desk(server.url, max_size=2) as desk:
        desk.desk.pool.timeout = 0.5
        server.end_connections()
        with contextlib.suppress(psycopg.OperationalError):  # too many clients already
            while True:
                others.enter_context(psycopg.connect(server.url, autocommit=True))
        with pytest.raises(psycopg.OperationalError):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        others.close()
        assert gather(server.url, threads=["no-room"]).decisions == []
        desk.desk.pool.timeout = 20
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert check(finished(sink, "no-room", url=server.url)) == []
    assert len(sink.acts()) == 1


@pytest.mark.parametrize("what", ["decide", "resume"])
def test_a_disk_that_is_really_full(
    server: PrivateServer, tmp_path: Path, finished: Finish, what: str
) -> None:
    """No file of the server may grow, and it gives up: with room again nothing is half or twice (I1, I2)."""
    sink, name = Sink(tmp_path / "sink", idempotent=False), f"full-{what}"
    with open_checkpointer(server.url, max_size=2) as saver, Desk(server.url, max_size=2) as desk:
        graph = letters(idempotent=False).compile(checkpointer=saver)
        graph.invoke(request(sink.path), thread(name))
        [case] = desk.pending(thread_id=name)
        given = {"by": "ana", "digest": case.digest, "idempotency_key": name}
        if what == "resume":
            desk.decide(case.id, Approve(), **given)
        server.no_room()
        with pytest.raises(psycopg.Error):
            desk.decide(case.id, Approve(), **given) if what == "decide" else desk.resume(graph)
        server.wait_gone()
        server.start()
        assert len(gather(server.url, threads=[name]).decisions) == (what == "resume")
        assert desk.decide(case.id, Approve(), **given).by == "ana"
        desk.resume(graph, thread_ids=[name])

    assert check(gather(server.url, sink, threads=[name])) == []
    assert len(sink.acts()) == 1


def test_a_real_deadlock(server: PrivateServer, sink: Sink, finished: Finish) -> None:
    """The server ends the decision that waits in a circle: nothing of it is kept, and it is made anew (I1, I8)."""
    case = start(server, sink, "deadlock")
    server.setting("deadlock_timeout", "'400ms'")  # whoever waits first looks first: the desk
    with Desk(server.url, max_size=2) as desk, psycopg.connect(server.url) as other:
        other.execute("SET deadlock_timeout = '1min'")
        other.execute("LOCK TABLE hitl.decisions IN SHARE ROW EXCLUSIVE MODE")
        refused: list[BaseException] = []

        def decides() -> None:
            try:
                desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            except psycopg.Error as error:
                refused.append(error)

        deciding = threading.Thread(target=decides)
        deciding.start()
        wait_for_lock(other)
        other.execute("SELECT FROM hitl.reviews FOR UPDATE")  # it holds the case, and waits for the table
        deciding.join(20)
        left = gather(server.url, threads=["deadlock"])
        other.rollback()
        server.setting("deadlock_timeout", None)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert [type(error) for error in refused] == [psycopg.errors.DeadlockDetected]
    assert (left.decisions, check(left)) == ([], [])
    assert check(finished(sink, "deadlock", url=server.url)) == []
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
