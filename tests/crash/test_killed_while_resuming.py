"""A process is killed with -9 between the gate's answer and the act; the next resume goes on from there."""

from __future__ import annotations

import signal
from pathlib import Path

from hitl_graph import Approve, Desk, open_checkpointer
from tests.crash.test_killed_while_paused import run
from tests.support.graphs import lines, mail_graph, thread

DIE = """
import os, signal, sys
from hitl_graph import Desk, open_checkpointer
from tests.support.graphs import mail_graph
url = sys.argv[1]
def die(state):
    os.kill(os.getpid(), signal.SIGKILL)  # approved, and not yet sent
with open_checkpointer(url) as checkpointer, Desk(url) as desk:
    builder = mail_graph()
    builder.nodes["send"].runnable.func = die
    desk.resume(builder.compile(checkpointer=checkpointer), durability="sync")
"""


def test_an_approved_act_is_not_lost_with_its_process(db_url: str, tmp_path: Path) -> None:
    """The case is not closed in silence: the run is listed as unfinished, and the next resume sends, once."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        with run(DIE, db_url) as process:
            assert process.wait(60) == -signal.SIGKILL
        assert [left["thread_id"] for left in desk.unfinished_runs()] == ["t1"]

        [resumed] = desk.resume(graph)

        assert resumed.applied == (case.id,)
        assert len(lines(sink)) == 1
        assert desk.show(case.id).status == "applied"
        assert desk.unfinished_runs() == []
        assert desk.resume(graph) == []
