"""Processes killed with -9 between any two steps of a detached gate: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hitl_graph import Approve, Desk, open_checkpointer
from tests.detached.flows import begin, detached_graph
from tests.support.graphs import lines, thread

ROOT = Path(__file__).parents[2]

START = """
import sys
from hitl_graph import open_checkpointer
from tests.detached.flows import begin, detached_graph
from pathlib import Path
from tests.support.graphs import thread
with open_checkpointer(sys.argv[1]) as checkpointer:
    graph = detached_graph().compile(checkpointer=checkpointer)
    graph.invoke(begin(Path(sys.argv[2])), thread("t"), durability="sync")
"""

RESUME = """
import sys
from hitl_graph import Desk, open_checkpointer
from tests.detached.flows import detached_graph
with open_checkpointer(sys.argv[1]) as checkpointer, Desk(sys.argv[1]) as desk:
    desk.resume(detached_graph().compile(checkpointer=checkpointer), durability="sync")
"""


def killed(code: str, failpoint: str, *args: str) -> None:
    """Run the code in a process that kills itself at the failpoint."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HITL_FAILPOINTS": failpoint}
    ended = subprocess.run([sys.executable, "-c", code, *args], env=env, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL, f"{failpoint} was not passed"


def test_killed_after_the_case_was_opened_it_is_found_again(db_url: str, tmp_path: Path) -> None:
    """The graph does not know yet that it asked; run again, it asks nothing twice."""
    sink = tmp_path / "sink"
    killed(START, "detached.opened=kill", db_url, str(sink))
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        [before] = desk.pending()

        graph.invoke(None, thread("t"))

        [after] = desk.pending()
        assert after == before.__class__(**{**vars(before), "waited_s": after.waited_s})
        desk.decide(after.id, Approve(), by="ana", digest=after.digest)
        desk.resume(graph)
        assert len(lines(sink)) == 1


def test_decided_before_its_graph_knew_that_it_asked(db_url: str, tmp_path: Path) -> None:
    """The case is decided and told while the graph lies dead; it finds the result when it is run again."""
    sink = tmp_path / "sink"
    killed(START, "detached.opened=kill", db_url, str(sink))
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

        graph.invoke(None, thread("t"))

        assert len(lines(sink)) == 1
        assert len(list(desk.cases())) == 1


@pytest.mark.parametrize(
    "failpoint",
    [
        "run.begun=kill",
        "resume.before_run=kill",
        "resume.after_run=kill",
        "run.begun=kill@2",
        "going_on.before_run=kill",
        "effect.begun=kill",
        "effect.acted=kill",
        "effect.stored=kill",
        "going_on.after_run=kill",
    ],
)
def test_killed_while_the_result_is_told(db_url: str, tmp_path: Path, failpoint: str) -> None:
    """I6: wherever the resuming process dies, the next one takes both threads to their ends, and the act is done.

    An act that was done and not written down is told again under the same key: its target takes it once.
    """
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer)
        graph.invoke(begin(sink), thread("t"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        killed(RESUME, failpoint, db_url)

        desk.resume(graph)

        assert graph.get_state(thread("t")).next == ()
        assert graph.get_state(thread("t")).values["effects"][0]["key"] == case.id
        assert set(lines(sink)) == {f"{case.id} Draft 1"}
        assert len(lines(sink)) == (2 if failpoint.startswith("effect.acted") else 1)
        assert desk.resume(graph) == []
        assert desk.unfinished_runs() == []
