"""The database comes back from a backup: what it has forgotten is not done again where its key can stop it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hitl_graph import Approve, Desk, open_checkpointer

from .checker import check
from .evidence import Evidence
from .graphs import letters, request, thread
from .server import private_server
from .sink import Sink

Finish = Callable[..., Evidence]


@contextlib.contextmanager
def restored(url: str, backup: str) -> Iterator[None]:
    """The database as it was when `backup`, a copy of it, was made."""
    named = psycopg.conninfo.conninfo_to_dict(url)
    admin = psycopg.conninfo.make_conninfo(url, dbname="postgres")
    names = [sql.Identifier(str(named["dbname"])), sql.Identifier(backup)]
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))
        conn.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(names[1], names[0]))
    yield


def copied(url: str, name: str) -> str:
    """A copy of the database under this name, as a backup."""
    known = psycopg.conninfo.conninfo_to_dict(url)
    with psycopg.connect(psycopg.conninfo.make_conninfo(url, dbname="postgres"), autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [known["dbname"]]
        )
        make = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
        conn.execute(sql.SQL(make).format(sql.Identifier(name), sql.Identifier(str(known["dbname"]))))
    return name


def approve(url: str) -> str:
    with Desk(url) as desk:
        [case] = desk.pending()
        return desk.decide(case.id, Approve(), by="ana", digest=case.digest).id


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_backup_that_knows_of_the_act(
    db_url: str, tmp_path: Path, paused: Any, finished: Finish, idempotent: bool
) -> None:
    """Restored after the act, the ledger stops it, whatever the target honours (I2)."""
    sink = Sink(tmp_path / "sink", idempotent)
    paused(sink)
    approve(db_url)
    finished(sink)
    with restored(db_url, copied(db_url, f"after_{idempotent}_{tmp_path.name[-20:]}".lower())):
        found = finished(sink)

    assert check(found) == []
    assert len(sink.requests()) == 1


def test_a_backup_from_before_the_act_brings_the_same_key(
    db_url: str, tmp_path: Path, sink: Sink, paused: Any, finished: Finish
) -> None:
    """Restored to before the act, it is asked for again with the same key, and the target does it once (I2)."""
    paused(sink)
    key = approve(db_url)
    backup = copied(db_url, f"before_{tmp_path.name[-20:]}".lower())
    finished(sink)
    with restored(db_url, backup):
        found = finished(sink)

    assert check(found) == []
    assert [one["key"] for one in sink.requests()] == [key, key]
    assert sink.counts() == {key: 1}


def test_what_a_backup_has_forgotten_is_told(
    db_url: str, tmp_path: Path, plain_sink: Sink, paused: Any, finished: Finish
) -> None:
    """Set back to before the decision, the log is not what its anchor says: told, also once it has grown (I8)."""
    paused(plain_sink)
    backup = copied(db_url, f"older_{tmp_path.name[-20:]}".lower())
    approve(db_url)
    finished(plain_sink)
    with Desk(db_url) as desk:
        desk.audit.seal()
        anchor = desk.audit.anchor()
    with restored(db_url, backup), Desk(db_url) as desk:
        shorter = desk.audit.verify(anchor)
        for number in range(3):
            desk.holds.pause("thread", f"other-{number}", by="ana", reason="a look")
        paused(plain_sink, "t1", "t2")
        desk.audit.seal()
        regrown = desk.audit.verify(anchor)
        asked = [case.thread_id for case in desk.pending()]

    assert (shorter.ok, regrown.ok) == (False, False)
    assert "t0" in asked  # whoever is asked again is asked by a log that says that it was set back
    assert len(plain_sink.acts()) == 1


def test_dumped_and_restored_the_log_still_verifies(sink: Sink, tmp_path: Path, finished: Finish) -> None:
    """pg_dump and psql bring everything back: cases, decisions, the ledger and the audit chain (I8)."""
    dump = str(tmp_path / "dump.sql")
    with private_server() as server:
        with open_checkpointer(server.url, max_size=2) as saver:
            letters().compile(checkpointer=saver).invoke(request(sink.path), thread("t0"))
        finished(sink, url=server.url)
        with Desk(server.url) as desk:
            desk.audit.seal()
            anchor = desk.audit.anchor()
        server.program("pg_dump", "-f", dump, "hitl")
        server.program("createdb", "again")
        server.program("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", "again", "-f", dump)
        url = server.url.replace("/hitl?", "/again?")

        found = finished(sink, url=url)
        with Desk(url) as desk:
            report = desk.audit.verify(anchor)

    assert check(found) == []
    assert len(sink.requests()) == 1
    assert report.ok
