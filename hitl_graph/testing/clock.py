"""A clock that a test sets: for what graphs write into their state, and for the database that times the cases."""

from __future__ import annotations

import contextlib
import datetime as dt
from types import TracebackType
from typing import LiteralString, Self

import psycopg

from hitl_graph.nodes.clock import replaced_clock

__all__ = ["FakeClock"]

MONDAY = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)

# Every statement of this library says `now()` and not `pg_catalog.now()`. Names are looked up along the search path,
# where Postgres puts its own first only if the path does not name them.
_INSTALL: LiteralString = """
CREATE TABLE public.hitl_fake_clock (at timestamptz NOT NULL);
GRANT SELECT ON public.hitl_fake_clock TO PUBLIC;
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT at FROM public.hitl_fake_clock), pg_catalog.now())
$$;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = "$user", public, pg_catalog', current_database());
END $$;
"""
_REMOVE: LiteralString = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
END $$;
DROP FUNCTION public.now();
DROP TABLE public.hitl_fake_clock;
"""
# A column's default was bound to Postgres's own function when the table was made.
_DEFAULTS: LiteralString = """
DO $$ DECLARE found record; BEGIN
    FOR found IN
        SELECT d.adrelid::regclass AS relation, a.attname AS name
        FROM pg_attrdef d
        JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        JOIN pg_class c ON c.oid = d.adrelid AND c.relkind IN ('r', 'p') AND c.relname <> 'migrations'
        WHERE c.relnamespace = 'hitl'::regnamespace
          AND pg_get_expr(d.adbin, d.adrelid) IN ('now()', 'public.now()', 'pg_catalog.now()')
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT FUNCTION', found.relation, found.name);
    END LOOP;
END $$;
"""
_OTHERS: LiteralString = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class FakeClock:
    """Time that stands still until the test moves it: `with FakeClock(url) as clock: clock.advance(hours=5)`.

    While it is open, `at` in the records and effects of graphs in this process is its time. With a `url`, so is every
    time that the savers and the desk of that database know, in all processes: when a case was asked, when it is
    due, how long it has waited, when it was decided. LangGraph's own times, such as a checkpoint's, stay real.

    Args:
        url: A test's own database, already migrated, in which nobody is connected yet; None: no database.
        start: What it shows first, with a zone.

    Raises:
        ValueError: `start` has no zone.
        RuntimeError: The database holds cases, or somebody is connected to it, whose connection would go on with the
            real time. Nothing was changed.
    """

    def __init__(self, url: str | None = None, *, start: dt.datetime = MONDAY) -> None:
        self._url = url
        self._now = _with_zone(start)
        self._conn: psycopg.Connection[tuple[object, ...]] | None = None
        self._stack = contextlib.ExitStack()

    def now(self) -> dt.datetime:
        """What it shows."""
        return self._now

    def set(self, at: dt.datetime) -> None:
        """Show this time from now on; earlier ones too.

        Raises:
            ValueError: It has no zone. Nothing was changed.
        """
        self._now = _with_zone(at)
        if self._conn is not None:
            self._conn.execute("UPDATE public.hitl_fake_clock SET at = %s", [self._now])

    def advance(
        self, by: dt.timedelta = dt.timedelta(0), *, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> dt.datetime:
        """Move on by a timedelta, by hours, minutes and seconds, or by all of these. Returns the new time."""
        self.set(self._now + by + dt.timedelta(hours=hours, minutes=minutes, seconds=seconds))
        return self._now

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            if self._url is not None:
                self._conn = stack.enter_context(psycopg.connect(self._url, autocommit=True))
                self._install(self._conn)
                stack.callback(self._remove)
            stack.enter_context(replaced_clock(self.now))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _install(self, conn: psycopg.Connection[tuple[object, ...]]) -> None:
        if _count(conn, "SELECT count(*) FROM hitl.reviews"):
            raise RuntimeError("this database holds cases: a fake clock is for a fresh database of a test")
        if _count(conn, _OTHERS):
            raise RuntimeError(
                "somebody is connected to this database already, and would go on with the real time: open the clock "
                "before savers and desks"
            )
        with conn.transaction():
            conn.execute(_INSTALL)
            conn.execute(_DEFAULTS.replace("FUNCTION", "public.now()"))
            conn.execute("INSERT INTO public.hitl_fake_clock VALUES (%s)", [self._now])

    def _remove(self) -> None:
        assert self._conn is not None
        with self._conn.transaction():
            self._conn.execute("SET LOCAL lock_timeout = '10s'")
            self._conn.execute(_DEFAULTS.replace("FUNCTION", "pg_catalog.now()"))
            self._conn.execute(_REMOVE)
        self._conn = None


def _count(conn: psycopg.Connection[tuple[object, ...]], query: LiteralString) -> int:
    row = conn.execute(query).fetchone()
    return int(str(row[0])) if row else 0


def _with_zone(at: dt.datetime) -> dt.datetime:
    if at.tzinfo is None:
        raise ValueError(f"at: {at} has no zone: give tzinfo, such as datetime.UTC")
    return at
