"""Workers of their own processes, and waiting for what they do."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

ROOT = Path(__file__).parents[2]
DEADLINE_S = 40.0


def until(true: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """What `true` gives, as soon as it is true."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


async def auntil(true: Callable[[], Awaitable[Any]], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The same for what is awaited."""
    async with asyncio.timeout(deadline_s):
        while not (found := await true()):  # noqa: ASYNC110  # what happens in the database sets no event
            await asyncio.sleep(0.01)
    assert found, what
    return found


def query(url: str, sql: Any, *params: Any) -> list[dict[str, Any]]:
    """The rows of one statement."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as conn:
        cursor = conn.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


class WorkerProcess:
    """`hitl-graph worker` in a process of its own.

    Args:
        url: The database. graphs: As `--graph` takes them.
        options: More options. env: More environment.
    """

    def __init__(self, url: str, *graphs: str, options: tuple[str, ...] = (), **env: str) -> None:
        named = [word for graph in graphs for word in ("--graph", graph)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hitl_graph", "worker", "--db", url, *named, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300", **env},
        )
        self.pid = self.process.pid
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())

    def says(self, words: str) -> None:
        """Wait until it has said so."""
        until(lambda: any(words in line for line in self.said), f"the worker says {words!r}: {self.said}")

    def ready(self) -> Self:
        """Wait until it works."""
        self.says("works for")
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and wait for the exit code."""
        self.send(number)
        return self.process.wait(DEADLINE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE_S)
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        sys.stdout.write(
            "\n  ".join([f"worker {self.pid} said:", *self.said, ""])
        )  # shown where the test fails


def graph(name: str) -> str:
    """As `--graph` names a graph of `graphs.py`."""
    return f"{name}=tests.workers.graphs:{name}"


def events(url: str) -> Iterator[str]:
    """The types of all events, in order."""
    return (row["type"] for row in query(url, "SELECT type FROM hitl.events ORDER BY id"))
