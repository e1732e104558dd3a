"""A Postgres of one test's own, that may be stopped, restarted, filled up and made read-only."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from hitl_graph.storage.embedded import EmbeddedServer
from hitl_graph.storage.home import HERE, Home
from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.databases import _base

__all__ = ["PrivateServer", "private_server"]


class PrivateServer:
    """A throwaway server; see `private_server`."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._home: Home = server._home
        self.url = server.url()
        self.host = str(psycopg.conninfo.conninfo_to_dict(self.url)["host"])

    def stop(self, *, how: str = "immediate") -> None:
        """Stop it: "immediate" as a power cut does, "fast" as an administrator does."""
        self._home.run("pg_ctl", "stop", "-D", HERE, "-m", how, "-w")

    def start(self) -> None:
        """Start it again, at the same place."""
        self._server._start()

    def restart(self, *, how: str = "immediate") -> None:
        """Stop and start."""
        self.stop(how=how)
        self.start()

    def no_room(self) -> None:
        """From now on the system refuses to let its files grow, as on a full disk; a start makes room again."""
        main = Path(f"/proc/{self._home.server_pid()}")
        others = self.sql("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        owner = main.stat()  # who alone may say so
        own = {} if os.geteuid() == owner.st_uid else {"user": owner.st_uid, "group": owner.st_gid}
        for pid in (main.name, *(str(pid) for (pid,) in others)):
            done = subprocess.run(["prlimit", "--pid", pid, "--fsize=0:"], check=False, **own)
            assert done.returncode == 0, f"prlimit of {pid}"

    def wait_gone(self) -> None:
        """Wait until it has ended by itself."""
        end = time.monotonic() + 30
        while self._home.server_pid() is not None:
            assert time.monotonic() < end, "the server goes on"
            time.sleep(0.02)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """A statement on a connection of its own."""
        text: Any = statement
        with psycopg.connect(self.url, autocommit=True) as conn:
            done = conn.execute(text, values or None)
            return done.fetchall() if done.description else []

    def setting(self, name: str, value: str | None) -> None:
        """Set what new connections get; None: the default. Those that stand are ended."""
        self.sql(
            f"ALTER DATABASE hitl SET {name} = {value}" if value else f"ALTER DATABASE hitl RESET {name}"
        )
        self.end_connections()

    def end_connections(self) -> None:
        """End everybody's connections, as an administrator may."""
        ended = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = 'hitl'"
        )
        with psycopg.connect(self.url, autocommit=True) as conn:
            while conn.execute(ended).fetchone() != (0,):
                time.sleep(0.005)

    def program(self, name: str, *arguments: str) -> str:
        """Run one of Postgres' own programs against it, such as pg_dump; returns what it printed."""
        command = [str(self._home.programs / name), "-h", self.host, "-U", "postgres", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        return done.stdout


@contextlib.contextmanager
def private_server() -> Iterator[PrivateServer]:
    """A server with a migrated database, gone afterwards."""
    folder = Path(_base(), f"hitl-f-{uuid.uuid4().hex[:8]}")
    server = EmbeddedServer(folder, throwaway=True)
    server.join()
    try:
        migrate(server.url())
        made = PrivateServer(server)
        made.sql("ALTER DATABASE hitl SET synchronous_commit = on")  # what was committed outlives a power cut
        yield made
    finally:
        server.leave()
        shutil.rmtree(folder, ignore_errors=True)
