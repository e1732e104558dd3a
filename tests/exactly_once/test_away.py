"""A database that goes away while a run reads from it: the run is taken up again, and no person is asked (I6)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from tests.support.graphs import lines, mail_graph, thread
from tests.workers.processes import query, until

WAITING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%checkpoint_blobs%%'
"""


def cut_while_it_loads(url: str, desk: SyncDesk, graph: Any) -> None:
    """Resume, and end the connection on which the thread's checkpoint is being loaded, and no other."""
    raised: list[BaseException] = []

    def resume() -> None:
        try:
            desk.resume(graph)
        except psycopg.Error as error:
            raised.append(error)

    with psycopg.connect(url) as lock:
        lock.execute("LOCK TABLE checkpoint_blobs IN ACCESS EXCLUSIVE MODE")
        running = threading.Thread(target=resume)
        running.start()
        until(lambda: query(url, WAITING), "it loads the checkpoint")
        running.join(30)
    assert raised


def test_a_connection_that_is_cut_while_a_checkpoint_is_loaded(db_url: str, tmp_path: Path) -> None:
    """The answer is given again by the next resume: nothing has failed."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        cut_while_it_loads(db_url, desk, graph)
        between = desk.show(case.id).status
        desk.resume(graph)

        assert (between, len(lines(sink))) == ("decided", 1)
        assert desk.show(case.id).status == "applied"
