"""The tables come to the newest version whoever comes first, and however far they were."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from hitl_graph import Desk, open_checkpointer
from hitl_graph.errors import MigrationError
from hitl_graph.storage import migrate as module
from hitl_graph.storage.migrate import migrate, migrations

from .graphs import BY_NAME

SCHEMA = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
        FROM information_schema.columns
        WHERE table_schema = 'hitl' AND table_name <> 'migrations' ORDER BY 1, 2""",
    "constraints": """
        SELECT c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
        JOIN pg_class r ON r.oid = c.conrelid
        WHERE c.connamespace = 'hitl'::regnamespace AND r.relname <> 'migrations' ORDER BY 1, 2""",
    "indexes": """
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'hitl' AND tablename <> 'migrations' ORDER BY 1""",
    "triggers": """
        SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'hitl.%' ORDER BY 1""",
    "functions": """
        SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace ORDER BY 1""",
}
RACE = """
import sys
from hitl_graph.storage.migrate import migrate
sys.stdin.readline()
migrate(sys.argv[1])
"""
ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def empty_url(shared_url: str) -> Iterator[str]:
    """A database without a single table."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    admin = make_conninfo("", **{**conninfo_to_dict(shared_url), "dbname": "postgres"})
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_conninfo("", **{**conninfo_to_dict(shared_url), "dbname": name})
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def schema(url: str) -> dict[str, Any]:
    """All that our schema holds, but for the record of its migrations."""
    return {part: query(url, text) for part, text in SCHEMA.items()}


def query(url: str, text: Any) -> list[Any]:
    """All rows."""
    with psycopg.connect(url) as conn:
        return conn.execute(text).fetchall()


@pytest.mark.timeout(60)
def test_racing_processes_migrate_once(empty_url: str) -> None:
    """Four processes start together on an empty database: none fails, and each migration ran once."""
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, empty_url], env=ENV, stdin=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for one in racers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.close()

    assert [one.wait(50) for one in racers] == [0] * 4
    versions = [row[0] for row in query(empty_url, "SELECT version FROM hitl.migrations ORDER BY version")]
    assert versions == list(migrations())
    with open_checkpointer(empty_url) as saver:
        BY_NAME["single"].compile(saver).invoke({}, {"configurable": {"thread_id": "t"}})
    assert query(empty_url, "SELECT status FROM hitl.reviews") == [("pending",)]


def test_the_schema_is_all_migrations_in_order(empty_url: str, db_url: str) -> None:
    """What `migrate` leaves behind is what the files say, one after the other, beside LangGraph's tables."""
    with psycopg.connect(empty_url, autocommit=True, row_factory=dict_row) as conn:
        PostgresSaver(conn).setup()
        conn.execute("CREATE SCHEMA hitl")
        for _, text in migrations().values():
            conn.execute(text)

    assert schema(empty_url) == schema(db_url)


def test_migrations_are_numbered_without_gaps() -> None:
    """A version is the number in the file's name, from one on."""
    assert list(migrations()) == list(range(1, len(migrations()) + 1))


def test_migrating_again_changes_nothing(db_url: str) -> None:
    """A database that is current stays as it is."""
    before = schema(db_url), query(db_url, "SELECT * FROM hitl.migrations")

    migrate(db_url)

    assert (schema(db_url), query(db_url, "SELECT * FROM hitl.migrations")) == before


@pytest.mark.parametrize("opens", [open_checkpointer, Desk], ids=["open_checkpointer", "Desk"])
def test_newer_tables_are_refused(db_url: str, opens: Any) -> None:
    """Tables of a later version: an error that says what to do, and nothing is changed."""
    with psycopg.connect(db_url) as conn:
        conn.execute("INSERT INTO hitl.migrations (version, name) VALUES (9999, 'later')")
    before = schema(db_url)

    with pytest.raises(MigrationError, match=r"9999.*install the newer hitl_graph"), opens(db_url):
        pass

    assert schema(db_url) == before


def test_a_failing_migration_keeps_nothing(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rolled back whole, says which it was, and one that was put right runs afterwards."""
    before, newest = schema(db_url), max(migrations())
    half = "CREATE TABLE hitl.half (id int); ALTER TABLE hitl.reviews ADD COLUMN half int; "
    known = migrations()

    with monkeypatch.context() as patch:
        patch.setattr(
            module, "migrations", lambda: {**known, newest + 1: ("9_half.sql", half + "SELECT 1 / 0")}
        )
        with pytest.raises(MigrationError, match=r"9_half\.sql.*nothing of it was kept"):
            migrate(db_url)
        assert schema(db_url) == before
        assert query(db_url, "SELECT max(version) FROM hitl.migrations") == [(newest,)]

        patch.setattr(module, "migrations", lambda: {**known, newest + 1: ("9_half.sql", half)})
        migrate(db_url)
    assert query(db_url, "SELECT max(version) FROM hitl.migrations") == [(newest + 1,)]


def test_langgraphs_tables_alone_are_completed(empty_url: str) -> None:
    """A database that LangGraph's own saver has set up gets our schema beside it."""
    from langgraph.checkpoint.postgres import PostgresSaver

    with PostgresSaver.from_conn_string(empty_url) as stock:
        stock.setup()

    migrate(empty_url)

    assert query(empty_url, "SELECT max(version) FROM hitl.migrations") == [(max(migrations()),)]


def test_a_sealed_log_from_before_the_ways_still_holds(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that were written without the way in which they came stay as they were sealed; later ones say it."""
    known = migrations()
    with monkeypatch.context() as patch:
        patch.setattr(module, "migrations", lambda: {v: one for v, one in known.items() if v <= 12})
        with Desk(empty_url) as desk:
            desk.codes.put(kind="reason", code="before", by="ana")
            desk.audit.seal()
            anchor = desk.audit.anchor()
    with Desk(empty_url) as desk:
        desk.codes.put(kind="reason", code="after", by="ana")
        desk.audit.seal()
        assert desk.audit.verify(anchor).ok
    said = (
        "SELECT data ->> 'code', data -> 'through', way FROM hitl.events WHERE type = 'code_put' ORDER BY id"
    )
    assert query(empty_url, said) == [("before", None, None), ("after", {"way": "code"}, "code")]
