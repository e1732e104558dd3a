"""Threads of tenants: the same name is two threads, and a saver reaches only its own (I11)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint

from hitl_graph import Approve, Desk, Edit, open_checkpointer
from hitl_graph.checkpointers import ReviewSaver
from tests.support.graphs import lines, mail_graph, thread

from .foreign import everything

T1 = thread("t1")
ROOT = {"configurable": {"thread_id": "t1", "checkpoint_ns": ""}}


def paused(saver: Any, sink: Path) -> Any:
    """The graph, with thread t1 at its pause."""
    graph = mail_graph().compile(checkpointer=saver)
    graph.invoke({"ticket": "Ours", "sink": str(sink)}, T1)
    return graph


def test_threads_of_the_same_name_know_nothing_of_each_other(db_url: str, tmp_path: Path) -> None:
    """Each pauses, is decided and sends by itself; neither sees the other's case, state or history."""
    sinks = (tmp_path / "acme", tmp_path / "other")
    with (
        open_checkpointer(db_url, tenant="acme") as ours,
        open_checkpointer(db_url, tenant="other") as theirs,
        Desk(db_url, tenant="acme") as acme,
        Desk(db_url, tenant="other") as other,
    ):
        graphs = (paused(ours, sinks[0]), paused(theirs, sinks[1]))
        [one], [two] = acme.pending(), other.pending()
        acme.decide(
            one.id, Edit({"body": "Acme's"}, reason="tone"), by="ana", digest=one.digest, idempotency_key="k"
        )
        other.decide(two.id, Approve(), by="bo", digest=two.digest, idempotency_key="k")
        acme.resume(graphs[0])
        between = (lines(sinks[0]), lines(sinks[1]))
        other.resume(graphs[1])

    assert between == ([f"{one.id} Acme's"], [])
    assert lines(sinks[1]) == [f"{two.id} Draft 1"]


@pytest.mark.parametrize(
    "reach",
    [
        lambda saver: saver.put(ROOT, empty_checkpoint(), {"source": "update", "step": 1}, {}),
        lambda saver: saver.delete_thread("t1"),
        lambda saver: saver.prune(["t1"], strategy="delete"),
        lambda saver: saver.prune(["t1"]),
        lambda saver: saver.copy_thread("t1", "t2"),
        lambda saver: saver.delete_for_runs(["run-1"]),
        lambda saver: mail_graph().compile(checkpointer=saver).update_state(T1, {"ticket": "Forged"}),
        lambda saver: (
            mail_graph().compile(checkpointer=saver).invoke({"ticket": "Forged", "sink": "/dev/null"}, T1)
        ),
    ],
    ids=["put", "delete", "prune whole", "prune", "copy", "roll back", "update", "run"],
)
def test_no_write_reaches_another_tenants_thread(
    db_url: str, tmp_path: Path, reach: Callable[[ReviewSaver], Any]
) -> None:
    """Whatever a saver is told to do with the thread's name, not one row of the other changes."""
    with (
        open_checkpointer(db_url, tenant="acme") as ours,
        open_checkpointer(db_url, tenant="other") as theirs,
    ):
        mail_graph().compile(checkpointer=ours).invoke(
            {"ticket": "Ours", "sink": str(tmp_path / "sink")}, {**T1, "metadata": {"run_id": "run-1"}}
        )
        before = everything(db_url, "acme")
        reach(theirs)

    assert everything(db_url, "acme") == before


def test_no_read_reaches_another_tenants_thread(db_url: str, tmp_path: Path) -> None:
    """Neither by its name nor by a checkpoint's own id."""
    with (
        open_checkpointer(db_url, tenant="acme") as ours,
        open_checkpointer(db_url, tenant="other") as theirs,
    ):
        paused(ours, tmp_path / "sink")
        found = ours.get_tuple(T1)
        assert found is not None

        assert theirs.get_tuple(T1) is None
        assert theirs.get_tuple(found.config) is None
        assert list(theirs.list(None)) == list(theirs.list(T1)) == []
        assert mail_graph().compile(checkpointer=theirs).get_state(T1).values == {}


async def test_the_async_saver_is_bound_too(db_url: str) -> None:
    """Reading, listing and writing."""
    async with (
        open_checkpointer(db_url, tenant="acme") as ours,
        open_checkpointer(db_url, tenant="other") as theirs,
    ):
        await ours.aput(ROOT, empty_checkpoint(), {"source": "input"}, {})
        await theirs.adelete_thread("t1")

        assert await theirs.aget_tuple(T1) is None
        assert await ours.aget_tuple(T1) is not None


def test_a_foreign_checkpoint_cannot_be_overwritten_by_its_own_id(db_url: str) -> None:
    """Whoever knows a checkpoint's id by heart is stopped by row-level security."""
    checkpoint = empty_checkpoint()
    with (
        open_checkpointer(db_url, tenant="acme") as ours,
        open_checkpointer(db_url, tenant="other") as theirs,
    ):
        ours.put(ROOT, checkpoint, {"source": "input"}, {})
        before = everything(db_url, "acme")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            theirs.put(ROOT, checkpoint, {"source": "update"}, {})

    assert everything(db_url, "acme") == before


def test_each_tenant_has_a_chain_of_its_own(db_url: str) -> None:
    """Both begin at one, each verifies by itself, and one that was changed does not touch the other."""
    with Desk(db_url, tenant="acme") as acme, Desk(db_url, tenant="other") as other:
        for desk in (acme, other, acme):
            desk.refused(by="mallory", what="decide", why="no authority")
        sealed = (acme.audit.seal(), other.audit.seal())
        with psycopg.connect(db_url) as conn:
            conn.execute("SET session_replication_role = replica")
            conn.execute("UPDATE hitl.events SET type = 'x' WHERE tenant = 'acme'")
        reports = (acme.audit.verify(), other.audit.verify())

    assert sealed == (2, 1)
    assert [report.ok for report in reports] == [False, True]
