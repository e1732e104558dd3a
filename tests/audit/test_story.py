"""One case's story: proposed, seen, who, when, edited or not, what followed, which versions (R45, R46)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Desk, Edit, Versions, open_checkpointer
from hitl_graph.desk.audit import Wrong
from hitl_graph.errors import ReviewNotFound
from tests.support.graphs import mail_graph, thread

from .log import tamper


@pytest.fixture
def story(db_url: str, tmp_path: Path) -> dict[str, Any]:
    """A mail that was edited and sent, and a try that was refused."""
    versions = Versions(prompt="p7", policy="2026-01", workflow="v3")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph(versions=versions).compile(checkpointer=checkpointer, name="support")
        graph.invoke({"ticket": "Where is it?", "sink": str(tmp_path / "sink")}, thread("t1"))
        [case] = desk.pending()
        desk.refused(by="mallory", what="decide", why="no authority", thread_id="t1", review_id=case.id)
        desk.decide(case.id, Edit({"body": "On Monday."}, reason="tone"), by="ana", digest=case.digest)
        desk.resume(graph)
        desk.audit.seal()
        return desk.audit.story(case.id)


def test_it_tells_what_was_proposed_and_what_was_seen(story: dict[str, Any]) -> None:
    """Exactly the payload that was shown, with its digest (R45)."""
    assert story["proposed"]["arguments"] == {"to": "ana@example.com", "body": "Draft 1"}
    assert story["seen"]["payload"]["evidence"][0]["content"] == "Where is it?"
    assert story["seen"]["digest"] == story["seen"]["payload"]["digest"]


def test_it_tells_who_decided_what_and_when(story: dict[str, Any]) -> None:
    """With the identity as the server knew it, and each changed field (R45)."""
    decided = story["decided"]

    assert (decided["type"], decided["by"], decided["via"], decided["edited"]) == (
        "edit",
        "ana",
        "desk",
        True,
    )
    assert decided["patch"] == [{"op": "replace", "path": "/body", "value": "On Monday."}]
    assert decided["final"] == {"to": "ana@example.com", "body": "On Monday."}
    assert decided["decided_at"] and decided["waited_s"] >= 0 and decided["identity"]["id"] == "ana"


def test_it_proves_that_the_decision_was_informed(story: dict[str, Any]) -> None:
    """What was decided on is what was shown (R46)."""
    assert (story["informed"], story["decided"]["digest"]) == (True, story["seen"]["digest"])


TABLES = {
    "who decided": "UPDATE hitl.decisions SET by = 'ben'",
    "as whom": 'UPDATE hitl.decisions SET identity = \'{"id": "ben"}\'',
    "what": 'UPDATE hitl.decisions SET decision = \'{"type": "approve"}\'',
    "on what": "UPDATE hitl.decisions SET digest = 'sha256:0'; UPDATE hitl.reviews SET digest = 'sha256:0'",
    "the act": "UPDATE hitl.decisions SET final_digest = 'sha256:0'; UPDATE hitl.effects SET digest = 'sha256:0'",
    "who acted": "UPDATE hitl.effects SET by = 'ben'",
    "past the desk": "UPDATE hitl.decisions SET via = 'resume', by = 'ben'",
    "no event": "DELETE FROM hitl.chain; DELETE FROM hitl.events WHERE type = 'decided'; "
    "INSERT INTO hitl.unsealed SELECT id FROM hitl.events",
}


@pytest.mark.parametrize("what", TABLES)
def test_tables_that_say_something_else_than_the_events_are_found(
    db_url: str, story: dict[str, Any], what: str
) -> None:
    """The chain covers the events: what is told from other tables is compared with them (I8)."""
    tamper(db_url, *TABLES[what].split("; "))
    with Desk(db_url) as desk:
        report, told = desk.audit.verify(), desk.audit.story(story["review"]["id"])

    assert (story["consistent"], told["consistent"], report.ok) == (True, False, False)
    assert report.broken is not None and report.broken.wrong is Wrong.DIVERGED


def test_a_payload_that_was_changed_proves_nothing(db_url: str, story: dict[str, Any]) -> None:
    """Its digest is computed anew: nobody can say afterwards that something else was shown (R46)."""
    tamper(db_url, "UPDATE hitl.reviews SET payload = replace(payload::text, 'Draft 1', 'Draft 2')::json")
    with Desk(db_url) as desk:
        told = desk.audit.story(story["review"]["id"])

    assert told["proposed"]["arguments"]["body"] == "Draft 2"
    assert (told["informed"], told["consistent"]) == (False, False)


def test_it_tells_which_act_followed(story: dict[str, Any]) -> None:
    """From the ledger: what was done is what was approved (R45, I4)."""
    [effect] = story["effects"]

    assert (effect["action"], effect["status"], effect["by"]) == ("send_email", "done", "ana")
    assert effect["digest"] == story["decided"]["final_digest"]


def test_it_tells_the_versions(story: dict[str, Any]) -> None:
    """Of prompt, policy and workflow (R45)."""
    assert story["versions"] == {"prompt": "p7", "model": None, "policy": "2026-01", "workflow": "v3"}


def test_it_tells_the_events_with_their_seals(story: dict[str, Any]) -> None:
    """In order, refused tries among them."""
    events = [(event["type"], event["seal"]) for event in story["events"]]

    assert events[:3] == [("asked", 1), ("refused_attempt", 2), ("decided", 3)]
    assert story["events"][1]["data"]["by"] == "mallory"


def test_a_case_that_nobody_decided_has_a_story_too(db_url: str, tmp_path: Path) -> None:
    """Nothing is claimed about it."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "T", "sink": str(tmp_path / "sink")}, thread("t1"))
        story = desk.audit.story(desk.pending()[0].id)

    assert (story["decided"], story["informed"], story["effects"]) == (None, False, [])


def test_an_answer_from_elsewhere_is_told_as_it_came(db_url: str, tmp_path: Path) -> None:
    """By a bare resume: nobody is known, and nothing is proven."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "T", "sink": str(tmp_path / "sink")}, thread("t1"))
        [case] = desk.pending()
        graph.invoke(Command(resume={case.id: {"type": "approve"}}), thread("t1"))
        decided = desk.audit.story(case.id)["decided"]

    assert (decided["type"], decided["via"], decided["by"]) == ("elsewhere", "resume", "unknown")
    assert decided["final"] == {"to": "ana@example.com", "body": "Draft 1"}


def test_a_case_that_is_not_there_has_none(db_url: str) -> None:
    """The same error as everywhere."""
    with Desk(db_url) as desk, pytest.raises(ReviewNotFound):
        desk.audit.story("nothing")
