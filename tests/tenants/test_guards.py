"""The two guards themselves: no table, key, statement or function is left out of either (I11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from hitl_graph import Desk, open_checkpointer
from hitl_graph.errors import TenantError
from hitl_graph.storage.statements import load_statements
from hitl_graph.storage.tenants import checked_tenant
from tests.support.graphs import mail_graph, thread
from tests.tenants.owned import owned_database

OURS = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'p', 'm', 'f') AND relname <> 'migrations'"""
LANGGRAPHS = {"checkpoints", "checkpoint_blobs", "checkpoint_writes"}
FILES = sorted(
    str(file)
    for file in Path(str(resources.files("hitl_graph"))).rglob("*.sql")
    if "migrations" not in str(file)
)
CALL = re.compile(r"\bhitl\.\w+\(")


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """As a superuser."""
    with psycopg.connect(url, autocommit=True) as conn:
        return conn.execute(query).fetchall()


def names(url: str, query: str) -> set[str]:
    """The first column."""
    return {row[0] for row in rows(url, query)}


def test_every_table_has_its_tenant_and_its_policy(db_url: str) -> None:
    """Not null, filled by the connection, and forced on the owner too; LangGraph's own tables as well."""
    guarded = names(
        db_url,
        """
        SELECT c.relname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND a.attnotnull
        JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        JOIN pg_policy p ON p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive
        WHERE c.relrowsecurity AND c.relforcerowsecurity AND pg_get_expr(d.adbin, d.adrelid) = 'hitl.tenant()'
          AND pg_get_expr(p.polqual, c.oid) = '(tenant = hitl.tenant())'
          AND pg_get_expr(p.polwithcheck, c.oid) = '(tenant = hitl.tenant())'""",
    )

    assert guarded == names(db_url, OURS) | LANGGRAPHS


def test_nothing_is_unique_beyond_its_tenant(db_url: str) -> None:
    """A foreign thread id or idempotency key can neither be met nor found out by a conflict."""
    found = rows(
        db_url,
        """
        SELECT indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'hitl'::regnamespace AND i.indisunique AND c.relname <> 'migrations'
          AND NOT hitl.names_tenant(i.indrelid, i.indkey::smallint[])""",
    )

    assert found == []


def test_nothing_points_into_another_tenant(db_url: str) -> None:
    """Every foreign key carries the tenant along."""
    found = rows(
        db_url,
        """
        SELECT conname FROM pg_constraint
        WHERE connamespace = 'hitl'::regnamespace AND contype = 'f' AND NOT hitl.names_tenant(conrelid, conkey)""",
    )

    assert found == []


def test_every_view_has_all_columns_of_its_table(db_url: str) -> None:
    """A migration that adds a table or a column ends with hitl.guard_tables()."""
    query = """
        SELECT table_name, string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns
        WHERE table_schema = '{}' AND table_name <> 'migrations' GROUP BY table_name ORDER BY 1"""

    assert rows(db_url, query.format("hitl_tenant")) == rows(db_url, query.format("hitl"))


@pytest.mark.parametrize(
    "file", [str(Path(file).relative_to(str(resources.files("hitl_graph")))) for file in FILES]
)
def test_every_statement_names_the_tenant(file: str) -> None:
    """What runs names the tenants' views, and keys that begin with the tenant; only functions are called in `hitl`."""
    package = ".".join(("hitl_graph", *Path(file).parent.parts))

    for name, text in load_statements(package, Path(file).name).items():
        assert not re.search(r"(?<!')\bhitl\.", CALL.sub("", text)), name
        for keys in re.findall(r"INSERT INTO hitl_tenant\.[^;]*?ON CONFLICT \(([^)]*)\)", text):
            assert keys.startswith("tenant, "), name
        assert "ON CONSTRAINT" not in text, name


def test_every_function_names_the_tenant(db_url: str) -> None:
    """As statements do: through the views; those that run as their owner name it themselves."""
    tables = "|".join(sorted(names(db_url, OURS)))
    found = rows(
        db_url,
        "SELECT proname, prosrc, prosecdef FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace "
        "AND proname NOT IN ('guard_tables', 'unguard_tables', 'grant_member')",
    )

    for name, source, as_owner in found:
        if as_owner:
            assert "tenant = hitl.tenant()" in source or "NEW.tenant" in source, name
        else:
            assert not re.search(rf"(?<!')\bhitl\.({tables})\b(?!\()", source), name


async def test_row_level_security_holds_by_itself(db_url: str) -> None:
    """A statement that forgets the tenant finds only the connection's own rows, and writes no others."""
    async with Desk(db_url, tenant="acme") as acme, Desk(db_url, tenant="other") as other:
        await acme.refused(by="a", what="b", why="c")
        seen = await other.rows("SELECT * FROM hitl.events")
        own = await acme.rows("SELECT * FROM hitl.events")
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            await other.rows("INSERT INTO hitl.events (tenant, type) VALUES ('acme', 'forged')")

    assert (len(seen), len(own)) == (0, 1)


async def test_a_desk_acts_as_no_superuser(db_url: str) -> None:
    """Whom row-level security would not bind: connections of ours take another role."""
    async with Desk(db_url) as desk:
        [row] = await desk.rows(
            "SELECT current_user::text AS role, row_security_active('hitl.reviews') AS bound"
        )

    assert row == {"role": "hitl_member", "bound": True}


@pytest.mark.parametrize(
    "slip",
    [
        "SET hitl.tenant = 'other'",
        "RESET hitl.tenant",
        "SELECT set_config('hitl.tenant', 'other', false)",
        "RESET ROLE",
        "SET ROLE pg_read_all_data",
        "SET search_path = hitl_jobs",
    ],
)
async def test_what_own_sql_sets_on_a_desks_connection_is_gone_when_it_comes_back(
    db_url: str, slip: LiteralString
) -> None:
    """The next who gets the connection, or the one in its place, is bound as before."""
    async with Desk(db_url, tenant="acme", max_size=1) as desk:
        async with desk.pool.connection() as conn:
            await conn.execute(slip)
        [row] = await desk.rows(
            "SELECT hitl.tenant() AS tenant, current_user::text AS role, to_regclass('checkpoints')::text AS found"
        )

    assert row == {"tenant": "acme", "role": "hitl_member", "found": "checkpoints"}


def test_a_connection_that_cannot_be_bound_is_refused(db_url: str) -> None:
    """Fail closed: nothing is read or written past row-level security."""
    with psycopg.connect(db_url) as conn:
        conn.execute("ALTER TABLE checkpoints DISABLE ROW LEVEL SECURITY")

    with pytest.raises(TenantError, match="row-level security"), Desk(db_url):
        pass
    with pytest.raises(TenantError, match="row-level security"), open_checkpointer(db_url):
        pass


@pytest.fixture
def owned_url(db_url: str) -> Iterator[str]:
    """A database of an ordinary user, who may make no roles: as on a managed server."""
    with owned_database(db_url) as url:
        yield url


def test_an_ordinary_owner_is_bound_without_the_role(owned_url: str, tmp_path: Path) -> None:
    """The owner of the tables is no exception, and everything works for them."""
    with open_checkpointer(owned_url, tenant="acme") as checkpointer, Desk(owned_url, tenant="acme") as acme:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "T", "sink": str(tmp_path / "sink")}, thread("t1"))
        with Desk(owned_url) as default:
            seen = (len(acme.pending()), len(default.pending()))
    with psycopg.connect(owned_url) as conn:
        whole = conn.execute("SELECT count(*) FROM hitl.reviews").fetchone()

    assert (seen, whole) == ((1, 0), (0,))


@pytest.mark.parametrize(
    "name", ["", " ", " acme", "a\tb", "a\x00b", "a\ud800", "a\ufe0f", "a\u2800", "a\u200b", "x" * 101, 5]
)
def test_what_is_no_name_is_no_tenant(name: Any) -> None:
    """Said before anything is opened."""
    with pytest.raises(TenantError, match="tenant: "):
        Desk("postgresql://nowhere", tenant=name)
    with pytest.raises(TenantError, match="tenant: "):
        open_checkpointer("postgresql://nowhere", tenant=name)


def test_the_environment_names_the_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    """HITL_TENANT is for programs that name none, such as an Agent Server's checkpointer."""
    monkeypatch.setenv("HITL_TENANT", "acme")
    by_environment = (checked_tenant(None), checked_tenant("other"))
    monkeypatch.delenv("HITL_TENANT")

    assert (*by_environment, checked_tenant(None)) == ("acme", "other", "default")
