"""Erasing a thread: nothing of what people wrote is left anywhere, and the log still verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hitl_graph import Desk, Edit, Reject, open_checkpointer
from hitl_graph.desk.audit import verify_export
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AuditError
from tests.support.graphs import mail_graph, thread

from .log import rows

SECRET = "Vermilion-Sparrow-77"  # noqa: S105  # stands in everything that the thread holds


def dump(url: str) -> str:
    """Every table of every schema as text; bytes also as the text that they hold."""
    tables = (
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    )
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET bytea_output = 'escape'")
        names = [sql.Identifier(*row) for row in conn.execute(tables).fetchall()]
        rows_of = sql.SQL("SELECT t::text FROM {} t")
        return "\n".join(str(conn.execute(rows_of.format(name)).fetchall()) for name in names)


def run(url: str, desk: SyncDesk, sink: Path, name: str, what: str = SECRET) -> Any:
    """A thread with all that a thread can have: a draft, a refusal, a rejection, an edit, a hold and an effect."""
    with open_checkpointer(url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer, name="support")
        graph.invoke({"ticket": what, "sink": str(sink)}, thread(name))
        [case] = desk.pending(thread_id=name)
        desk.drafts.save(case.id, {"type": "reject", "reason": what}, by="ana", digest=case.digest)
        desk.refused(by=what, what="decide", why=what, thread_id=name, review_id=case.id)
        desk.decide(case.id, Reject(reason="tone", note=what), by="ana", digest=case.digest)
        desk.resume(graph)
        [case] = desk.pending(thread_id=name)
        hold = desk.holds.pause("thread", name, by="ana", reason=what)
        desk.holds.release(hold.id, by="ana", note=what)
        desk.decide(case.id, Edit({"body": what}, reason="tone", note=what), by="ana", digest=case.digest)
        desk.resume(graph)
    return case


def test_nothing_of_it_is_left_in_any_table(db_url: str, tmp_path: Path) -> None:
    """A search of the whole database for what stood in it finds nothing; the log verifies, and so does an export."""
    with Desk(db_url) as desk:
        run(db_url, desk, tmp_path / "sink", "t1")
        desk.audit.seal()
        anchor = desk.audit.anchor()
        before = dump(db_url)
        done = desk.audit.erase("t1", by="dpo", reason="asked for by the customer")
        after, report = dump(db_url), desk.audit.verify(anchor)
        exported = verify_export(list(desk.audit.export()), anchor)

    assert SECRET in before
    assert SECRET not in after
    assert report.ok and report.erased == done["events"] > 5
    assert exported.ok and exported.erased == done["events"]


def test_what_happened_when_and_by_whom_stays(db_url: str, tmp_path: Path) -> None:
    """Ids, types, times and digests, and that it was erased."""
    with Desk(db_url) as desk:
        case = run(db_url, desk, tmp_path / "sink", "t1")
        desk.audit.erase("t1", by="dpo", reason="asked")
        story, [erasure] = desk.audit.story(case.id), desk.audit.erasures()

    assert story["seen"]["payload"] == {"erased": True} and story["seen"]["digest"] == case.digest
    assert (story["decided"]["by"], story["decided"]["type"], story["informed"]) == ("ana", "edit", True)
    assert [effect["status"] for effect in story["effects"]] == ["done"]
    assert {"asked", "decided", "applied"} <= {event["type"] for event in story["events"]}
    assert (erasure["thread_id"], erasure["by"], erasure["reason"]) == ("t1", "dpo", "asked")
    assert rows(db_url, "SELECT data ->> 'reason' FROM hitl.events WHERE type = 'erased'") == [("asked",)]


def test_other_threads_are_left_alone(db_url: str, tmp_path: Path) -> None:
    """Only the one that was named."""
    with Desk(db_url) as desk:
        run(db_url, desk, tmp_path / "sink", "t1")
        run(db_url, desk, tmp_path / "sink", "t2", what="Another")
        desk.audit.erase("t1", by="dpo", reason="asked")
        others = desk.cases(thread_id="t2")

    assert all("Another" in str(case.payload) for case in others) and len(others) == 2


def test_an_open_case_stops_it(db_url: str, tmp_path: Path) -> None:
    """Somebody is still to decide: nothing is erased."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": SECRET, "sink": str(tmp_path / "sink")}, thread("t1"))
        with pytest.raises(AuditError, match="1 of its cases are open"):
            desk.audit.erase("t1", by="dpo", reason="asked")
        [case] = desk.pending()

    assert SECRET in str(case.payload)


def test_with_force_an_open_case_is_closed(db_url: str, tmp_path: Path) -> None:
    """It waits for nobody any more, and nothing of it is left."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": SECRET, "sink": str(tmp_path / "sink")}, thread("t1"))
        desk.start("support", {"ticket": SECRET}, thread_id="t1-start", by="ana")
        desk.audit.erase("t1", by="dpo", reason="asked", force=True)
        desk.audit.erase("t1-start", by="dpo", reason="asked", force=True)
        pending, [case], starts = desk.pending(), desk.cases(), desk.starts.list(status="queued")

    assert (list(pending), case.status, list(starts)) == ([], "superseded", [])
    assert SECRET not in dump(db_url)


def test_erased_twice_it_is_recorded_twice(db_url: str, tmp_path: Path) -> None:
    """After a backup was restored the same is done again; the log verifies each time."""
    with Desk(db_url) as desk:
        run(db_url, desk, tmp_path / "sink", "t1")
        for _ in range(2):
            desk.audit.erase("t1", by="dpo", reason="asked")
        report, erasures = desk.audit.verify(), desk.audit.erasures()

    assert report.ok and len(erasures) == 2


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"thread_id": "nowhere"}, "nothing of a thread 'nowhere'"),
        ({"by": ""}, "by: "),
        ({"reason": " "}, "reason: "),
        ({"reason": "a\x00"}, "reason: "),
    ],
)
def test_what_cannot_be_erased_or_kept_is_refused(db_url: str, given: dict[str, str], problem: str) -> None:
    """By its name; nothing is written."""
    with Desk(db_url) as desk, pytest.raises(AuditError, match=problem):
        desk.audit.erase(**{"thread_id": "t1", "by": "dpo", "reason": "asked", **given})

    assert rows(db_url, "SELECT * FROM hitl.erasures") == []
