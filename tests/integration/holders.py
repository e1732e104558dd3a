"""Processes that hold the embedded server, and what can be seen of it."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from hitl_graph.storage.home import Home

IS_ROOT = os.geteuid() == 0


JOIN = """
import sys
from hitl_graph.storage.embedded import embedded_url
print(embedded_url(), flush=True)
sys.stdin.read()
"""


class Holder:
    """A process that uses a server until it is told to end."""

    def __init__(self, program: str = JOIN, *arguments: object, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def url(self) -> str:
        """The URL that it printed."""
        assert self.process.stdout
        url = self.process.stdout.readline().strip()
        return url or pytest.fail(f"no URL: {self.process.communicate()[1]}")

    def end(self) -> int:
        """Let it end in good order; returns its exit code."""
        self.process.communicate()
        return self.process.returncode

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait; returns its exit code."""
        self.process.send_signal(number)
        return self.end()


Start = Callable[..., Holder]


def execute(url: str, statement: LiteralString) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def server_pid(home: Path) -> int:
    return Home(home, Path()).server_pid() or pytest.fail("no server")


def keeper_pid(home: Path) -> int:
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    [line] = [line for line in listed.splitlines() if "home.py" in line and str(home) in line.split()]
    return int(line.split()[0])


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.lstat().st_mode))
