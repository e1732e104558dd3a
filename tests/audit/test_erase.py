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
from hitl_graph.errors import AnswerError, AuditError, NotAuthorised
from tests.detached.flows import begin, detached_graph
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
    """Ids, types and times, that it was erased, and which digests were the same."""
    with Desk(db_url) as desk:
        case = run(db_url, desk, tmp_path / "sink", "t1")
        desk.audit.erase("t1", by="dpo", reason="asked")
        story, [erasure] = desk.audit.story(case.id), desk.audit.erasures()

    assert story["seen"]["payload"] == {"erased": True}
    assert story["seen"]["digest"] == story["decided"]["digest"] != case.digest
    assert story["effects"][0]["digest"] == story["decided"]["final_digest"]
    assert (story["consistent"], story["erased"]["by"], story["erased"]["reason"]) == (True, "dpo", "asked")
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
        ({"reason": " "}, "reason: "),
        ({"reason": "a\x00"}, "reason: "),
        ({"reason": "x" * 2001}, "reason: "),
    ],
)
def test_what_cannot_be_erased_or_kept_is_refused(db_url: str, given: dict[str, str], problem: str) -> None:
    """By its name; nothing is written."""
    with Desk(db_url) as desk, pytest.raises(AuditError, match=problem):
        desk.audit.erase(**{"thread_id": "t1", "by": "dpo", "reason": "asked", **given})

    assert rows(db_url, "SELECT * FROM hitl.erasures") == []


@pytest.mark.parametrize("by", ["agent:x", "bot", "old"])
def test_no_agent_and_nobody_inactive_erases(db_url: str, tmp_path: Path, by: str) -> None:
    """The one call that cannot be taken back: nothing is erased, and the attempt is an event."""
    with Desk(db_url) as desk:
        case = run(db_url, desk, tmp_path / "sink", "t1")
        desk.people.put("bot", kind="agent")
        desk.people.put("old", active=False)
        with pytest.raises(NotAuthorised):
            desk.audit.erase("t1", by=by, reason="asked", force=True)
        kept = desk.show(case.id)

    assert SECRET in str(kept.payload)
    assert rows(db_url, "SELECT data ->> 'by' FROM hitl.events WHERE data ->> 'what' = 'erase t1'") == [(by,)]


@pytest.mark.parametrize("by", ["", "system:x", "a\u202eb"])
def test_who_erases_is_a_name(db_url: str, by: str) -> None:
    """It is kept for ever."""
    with Desk(db_url) as desk, pytest.raises(AnswerError, match="erase: by: "):
        desk.audit.erase("t1", by=by, reason="asked")


def test_no_digest_is_left_that_tells_what_it_is_of(db_url: str, tmp_path: Path) -> None:
    """What can be guessed can be hashed: nothing that was computed of the content alone stays, nor a caller's key."""
    with Desk(db_url) as desk:
        with open_checkpointer(db_url) as checkpointer:
            graph = mail_graph(approvals=2).compile(checkpointer=checkpointer, name="support")
            graph.invoke({"ticket": SECRET, "sink": str(tmp_path / "sink")}, thread("t1"))
            [case] = desk.pending()
            for by in ("ana", "ben"):
                key = {"idempotency_key": f"{by}-{SECRET}"}
                desk.decide(case.id, Edit({"body": SECRET}), by=by, digest=case.digest, **key)
            desk.resume(graph)
        bare = (
            "SELECT digest FROM hitl.reviews UNION SELECT final_digest FROM hitl.decisions UNION "
            "SELECT content FROM hitl.votes UNION SELECT body FROM hitl.requests"
        )
        guessed = [digest for (digest,) in rows(db_url, bare)]
        desk.audit.erase("t1", by="dpo", reason="asked")

    after = dump(db_url)
    assert len(guessed) == 5 and all(digest.startswith("sha256:") for digest in guessed)
    assert not [digest for digest in guessed if digest in after]
    assert SECRET not in after


def test_the_threads_of_its_detached_cases_go_with_it(db_url: str, tmp_path: Path) -> None:
    """An open one stops it as any case does; with force nothing of them is left, and nobody can decide there."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph().compile(checkpointer=checkpointer, name="support")
        graph.invoke({**begin(tmp_path / "sink"), "ticket": SECRET}, thread("t1"))
        [case] = desk.pending()
        with pytest.raises(AuditError, match="1 of its cases are open"):
            desk.audit.erase("t1", by="dpo", reason="asked")
        before = dump(db_url)
        desk.audit.erase("t1", by="dpo", reason="asked", force=True)
        report, closed = desk.audit.verify(), desk.cases()

    assert case.thread_id != "t1" and SECRET in before
    assert SECRET not in dump(db_url)
    assert report.ok and [one.status for one in closed] == ["superseded"]
