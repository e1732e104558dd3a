"""A real `langgraph dev` server in a process of its own: offline, on a free port, with our saver."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from hitl_graph import Case
from hitl_graph.desk.sync_desk import SyncDesk
from tests.server.graphs import SERVED
from tests.support.graphs import lines

__all__ = ["ROOT", "DevServer", "Thread", "own_config"]

ROOT = Path(__file__).parents[2]
START_S = 90.0
QUIET = {
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_API_KEY": "",
    "HTTP_PROXY": "http://127.0.0.1:9",  # nobody listens there: what tries to leave this machine fails at once
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}


class DevServer:
    """The server of a `langgraph.json`.

    Args:
        folder: Where it runs, and keeps its own table of threads.
        db_url: The database of checkpoints and reviews.
        config: The file's content; None: that of this repository, with the graphs of the tests added.
        env: More of its environment.
    """

    def __init__(self, folder: Path, db_url: str, config: str | None = None, **env: str) -> None:
        self._folder = folder
        self._config = config or json.dumps(own_config())
        self._env = env
        self._db_url = db_url
        self._process: subprocess.Popen[bytes] | None = None
        self._client: SyncLangGraphClient | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def client(self) -> SyncLangGraphClient:
        """A client of the SDK; another one after each start."""
        assert self._client is not None, "the server is not running"
        assert self._process is not None
        assert self._process.poll() is None, (
            f"the server ended with {self._process.returncode}:\n{self.log[-4000:]}"
        )
        return self._client

    @property
    def log(self) -> str:
        """What it has printed."""
        return (self._folder / "log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        config = self._folder / "langgraph.json"
        config.write_text(self._config, encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
        command += ["--port", str(self._port), "--n-jobs-per-worker", "4", "--config", str(config)]
        env = {**os.environ, **QUIET, **self._env, "HITL_DATABASE_URL": self._db_url, "PYTHONPATH": str(ROOT)}
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, env=env, stdout=log, stderr=log)
        self._wait_until_it_answers()
        self._client = get_sync_client(url=self.url, api_key=None)

    def stop(self) -> None:
        """Ask it to end, as Ctrl-C does, and wait."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it with -9: it gets to save nothing."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"the server ended:\n{self.log[-4000:]}"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/ok", timeout=5).close()  # noqa: S310  # our own server
                return
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log[-4000:]}")


def own_config() -> dict[str, Any]:
    """`langgraph.json` with whole paths: the server runs in another folder, where it may write."""
    config: dict[str, Any] = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))
    graphs = {name: str(ROOT / path) for name, path in config["graphs"].items()}
    graphs |= {name: f"tests.server.graphs:{name}" for name in SERVED}
    path = str(ROOT / config["checkpointer"]["path"])
    auth = {"path": f"{ROOT / 'tests/server/sign_in.py'}:auth"}
    return {
        **config,
        "dependencies": [str(ROOT)],
        "graphs": graphs,
        "checkpointer": {"path": path},
        "auth": auth,
    }


class Thread:
    """A thread of a served graph, as a client of the API sees it.

    Args:
        server: The server.
        desk: A desk on the same database.
        sink: The file that the graph's acts write to; one for each thread.
        graph: The name that the graph is served under.
        thread_id: Its id; None: a new one, which has not run.
    """

    def __init__(
        self, server: DevServer, desk: SyncDesk, sink: Path, graph: str, thread_id: str | None = None
    ) -> None:
        self.server = server
        self.desk = desk
        self.sink = sink
        self.graph = graph
        self.id = thread_id or str(server.client.threads.create()["thread_id"])

    def start(self) -> str:
        """Begin to run on a ticket, and do not wait for it. Returns the run's id."""
        given = {"ticket": "Where is my card?", "sink": str(self.sink)}
        return str(self.server.client.runs.create(self.id, self.graph, input=given)["run_id"])

    def wait_for(self, run_id: str) -> str:
        """The status of a run that has ended."""
        deadline = time.monotonic() + START_S
        while (status := self.server.client.runs.get(self.id, run_id)["status"]) in ("pending", "running"):
            assert time.monotonic() < deadline, f"run {run_id} is still {status}"
            time.sleep(0.02)
        return status

    def run(self, given: Any = None, **options: Any) -> dict[str, Any]:
        """New input, or none: Studio's Submit and Continue. What is wrong stands under `__error__`."""
        return self._wait(input=given, **options)

    def resume(self, answer: Any, **options: Any) -> dict[str, Any]:
        """An answer: what Studio's box sends, or a map by id."""
        return self._wait(command={"resume": answer}, **options)

    def _wait(self, **options: Any) -> dict[str, Any]:
        """A run to its end. Streamed, as clients do: `runs.wait` looks only every half second."""
        out: Any = {}
        for event in self.server.client.runs.stream(self.id, self.graph, **options):
            if event.event == "error":
                return {"__error__": event.data}
            if event.event == "values":
                out = event.data
        assert isinstance(out, dict)
        return out

    @property
    def status(self) -> str:
        """What the server's table of threads says after a run: idle, interrupted or error.

        It is written a moment after the run's last event.
        """
        deadline = time.monotonic() + START_S
        while (status := self.server.client.threads.get(self.id)["status"]) == "busy":
            assert time.monotonic() < deadline, "the thread is busy for ever"
            time.sleep(0.02)
        return status

    @property
    def state(self) -> dict[str, Any]:
        """The thread's state, as the API gives it."""
        return dict(self.server.client.threads.get_state(self.id))

    @property
    def asked(self) -> dict[str, Any]:
        """What the server says is open: id → what is asked."""
        return {one["id"]: one["value"] for one in self.state["interrupts"]}

    @property
    def record(self) -> dict[str, Any]:
        """The newest record in the state."""
        return dict(self.state["values"]["reviews"][-1])

    @property
    def cases(self) -> list[Case]:
        """The thread's cases at the desk, oldest first."""
        return list(self.desk.cases(thread_id=self.id))

    @property
    def case(self) -> Case:
        """The one case that waits at the desk."""
        [case] = self.desk.pending(thread_id=self.id)
        return case

    @property
    def statuses(self) -> list[str]:
        """Where the cases stand."""
        return [case.status.value for case in self.cases]

    @property
    def acts(self) -> list[str]:
        """What was done, in order."""
        return lines(self.sink)
