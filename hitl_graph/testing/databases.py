"""Fresh Postgres databases for tests: real, prepared once, and copied in milliseconds.

`hitl_graph.testing.fixtures` gives each test one. Without pytest:

```python
with Databases(prepare=migrate) as databases, databases.fresh_database() as url, open_checkpointer(url) as saver:
    ...
```
"""

import contextlib
import itertools
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self

import psycopg
from psycopg import sql

from hitl_graph.storage.embedded import EmbeddedServer, leave_embedded
from hitl_graph.storage.home import Home

__all__ = ["Databases", "temporary_home"]

# A fresh database is some 350 small files: 8 ms in memory, 25 to 100 ms on a disk. Not if memory is scarce.
_MEMORY = "/dev/shm"  # noqa: S108  # a private folder there
_MEMORY_LEAST_FREE = 2 << 30  # Bytes.

_TEMPLATE = "hitl_template"
_BUILDING = "hitl_template_building"


class Databases:
    """A throwaway server with a template database, of which each test takes its own copy.

    The processes of one pytest-xdist run share the server. It is stopped and its files are deleted when the
    last of them has left or ended, also when a run is interrupted or killed.

    Args:
        prepare: called with the URL of the template, once for each server. It must close what it opens.
        run: processes that name the same run share a server; None: the pytest-xdist run, else nobody else.
    """

    def __init__(self, prepare: Callable[[str], None] | None = None, *, run: str | None = None) -> None:
        run = run or os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
        folder = Path(_base(), f"hitl-test-{os.geteuid()}-{run[:16]}")
        self._prepare = prepare
        self._server = EmbeddedServer(folder, throwaway=True)
        self._admin: psycopg.Connection | None = None
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        self._server.join()
        try:
            self._admin = psycopg.connect(self._server.url("postgres"), autocommit=True)
            self._make_template()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the server; it stops, and its files go, when nobody else uses it."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        self._server.leave()

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """A copy of the template for one test: its URL. Dropped at the end, open connections and all."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, _TEMPLATE)
        try:
            yield self._server.url(name)
        finally:
            self._drop(name)

    def _drop(self, name: str) -> None:
        # A connection that was just closed takes the server a moment, and DROP would sleep 100 ms over it.
        query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
        deadline = time.monotonic() + 2
        while self._execute(query, [name]).fetchone() != (0,) and time.monotonic() < deadline:
            time.sleep(0.001)
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _make_template(self) -> None:
        # The workers of a run arrive together: one prepares, the others wait for it.
        self._execute("SELECT pg_advisory_lock(hashtext(%s))", [_TEMPLATE])
        try:
            query = "SELECT FROM pg_database WHERE datname = %s"
            if self._execute(query, [_TEMPLATE]).fetchone() is None:
                self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", _BUILDING)
                self._run("CREATE DATABASE {}", _BUILDING)
                if self._prepare:
                    self._prepare(self._server.url(_BUILDING))
                self._run("ALTER DATABASE {} RENAME TO {}", _BUILDING, _TEMPLATE)
        finally:
            self._execute("SELECT pg_advisory_unlock(hashtext(%s))", [_TEMPLATE])

    def _run(self, statement: LiteralString, *names: str) -> None:
        self._execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _execute(
        self, statement: LiteralString | sql.Composed, values: list[str] | None = None
    ) -> psycopg.Cursor[tuple[object, ...]]:
        if self._admin is None:
            raise RuntimeError("the server is closed: use these databases inside their `with` block")
        return self._admin.execute(statement, values)


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A new folder to name in HITL_HOME, for tests that start processes which meet in an embedded server.

    At the end, this process leaves that server, and the folder goes when the server has stopped: that waits
    for the processes that still use it.
    """
    folder = Path(tempfile.mkdtemp(prefix="hitl-home-", dir=_base()))
    try:
        yield folder
    finally:
        leave_embedded(folder)
        Home(folder, Path()).wait_until_shut()
        shutil.rmtree(folder, ignore_errors=True)


def _base() -> str:
    in_memory = "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK)
    return (
        _MEMORY
        if in_memory and shutil.disk_usage(_MEMORY).free > _MEMORY_LEAST_FREE
        else tempfile.gettempdir()
    )
