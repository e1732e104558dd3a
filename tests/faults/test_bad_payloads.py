"""One thread's data is broken: it is shown with its error, and all the others go on."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Desk, open_checkpointer

from .graphs import letters
from .sink import Sink

BREAKS = {
    "a blob that is no msgpack": "UPDATE checkpoint_blobs SET blob = '\\xc1' WHERE thread_id = 't1'",
    "a type that nobody knows": "UPDATE checkpoint_blobs SET type = 'pickle' WHERE thread_id = 't1'",
    "a write that is cut off": (
        "UPDATE checkpoint_writes SET blob = substring(blob FOR 5)"
        " WHERE thread_id = 't1' AND channel = '__interrupt__'"
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_the_others_go_on(db_url: str, sink: Sink, paused: Any, what: str) -> None:
    """Quarantined: the case says why, nothing of it acts, and it can be tried again once it is mended (I6)."""
    paused(sink, "t0", "t1", "t2")
    with Desk(db_url) as desk:
        cases = desk.pending()
        for case in cases:
            desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id=case.thread_id)
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(BREAKS[what])

    with open_checkpointer(db_url, max_size=4) as saver, Desk(db_url) as desk:
        desk.resume(letters().compile(checkpointer=saver))

    assert sorted(act["thread"] for act in sink.acts()) == ["t0", "t2"]
    with Desk(db_url) as desk:
        [broken] = desk.cases(status="failed")
        assert broken.thread_id == "t1"
        assert broken.error
