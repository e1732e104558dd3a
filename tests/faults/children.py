"""Processes to be killed: one that has everything imported forks a child for each command.

A fresh interpreter takes a second to import LangGraph; a fork takes none of it. The parent has one thread and no
connection, so that a fork of it is a clean start.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["Children"]

ROOT = Path(__file__).parents[2]


class Children:
    """`with Children() as children:` then `children.run("resume", url=…, failpoints="effect.acted=kill")`."""

    def __init__(self) -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.children"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=env,
        )

    def run(self, what: str, **given: Any) -> int:
        """Let a child do this; its exit code when it has ended, -9 when it was killed."""
        assert self._parent.stdin is not None and self._parent.stdout is not None
        self._parent.stdin.write(json.dumps({"what": what, **given}) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())

    def killed(self, what: str, **given: Any) -> None:
        """The same, and it must have been killed with -9 on its way."""
        assert self.run(what, **given) == -signal.SIGKILL, "it was not killed: it never came to that place"

    def close(self) -> None:
        """End the parent; its children have ended."""
        assert self._parent.stdin is not None and self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(20)
        self._parent.stdout.close()


def act(
    what: str, *, url: str, sink: str, failpoints: str = "", gates: int = 1, idempotent: bool = True
) -> None:
    """What a child does: start two threads, decide the first case, or resume."""
    from hitl_graph import Approve, Desk, open_checkpointer
    from hitl_graph.failpoints import arm_named
    from tests.faults.graphs import letters, request, thread

    with open_checkpointer(url, max_size=4) as saver, Desk(url, max_size=4) as desk:
        graph = letters(gates, idempotent=idempotent).compile(checkpointer=saver)
        arm_named(failpoints)
        if what == "start":
            for number in range(2):
                graph.invoke(request(Path(sink), number), thread(f"t{number}"), durability="sync")
        elif what == "decide":
            case = desk.pending()[0]
            desk.decide(
                case.id,
                Approve(),
                by="ana",
                digest=case.digest,
                thread_id=case.thread_id,
                idempotency_key="k",
            )
        else:
            desk.resume(graph, durability="sync")


def main() -> None:
    """The parent: a line in, a child, its exit code out."""
    import hitl_graph.desk  # noqa: F401  # imported before the forks, for all of them
    import tests.faults.graphs  # noqa: F401  # imported before the forks, for all of them

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                given = json.loads(line)
                act(given.pop("what"), **given)
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
