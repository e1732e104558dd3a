"""A pause on a `langgraph dev` server, and every way in which it is answered."""

from __future__ import annotations

import concurrent.futures
import json
from typing import Any

import pytest

from hitl_graph.desk.sync_desk import SyncDesk
from tests.server.conftest import Begin
from tests.server.dev_server import DevServer

pytestmark = pytest.mark.xdist_group("langgraph-dev")

EDIT = {"type": "edit", "changes": {"body": "On Monday."}}
NOT_TEXT = {"type": "edit", "changes": {"body": 7}}


def interrupted(server: DevServer) -> list[str]:
    """The threads that a search for interrupted ones finds."""
    return [str(one["thread_id"]) for one in server.client.threads.search(status="interrupted", limit=1000)]


def test_a_pause_is_found_by_the_server_and_at_the_desk(
    begin: Begin, server: DevServer, desk: SyncDesk
) -> None:
    """`threads.search` finds the thread, and the desk lists its case with the served graph's name."""
    thread = begin("mail")

    assert thread.id in interrupted(server)
    assert thread.id in {case.thread_id for case in desk.pending(workflow="mail", limit=1000)}
    assert list(thread.asked) == [thread.case.id]


def test_what_is_asked_reads_as_plain_json(begin: Begin) -> None:
    """The API shows the case as the desk has it, and publishes the form of its answer."""
    thread = begin("mail")

    [shown] = thread.state["interrupts"]

    assert shown["value"] == thread.case.payload
    assert shown["value"]["question"] == "Is this reply safe to send to the customer?"
    assert shown["value"]["proposal"] == {"to": "ana@example.com", "body": "Draft 1"}
    assert shown["response_schema"] == thread.case.response_schema
    assert [form["properties"]["type"]["const"] for form in shown["response_schema"]["oneOf"]] == [
        "approve",
        "edit",
        "reject",
    ]


def test_resume_by_map(begin: Begin) -> None:
    """`{id: answer}`: applied, recorded with its author, and the act is done once."""
    thread = begin("mail")
    review = thread.case.id

    thread.resume({review: {**EDIT, "by": "ana"}})

    assert (thread.status, thread.statuses, thread.asked) == ("idle", ["applied"], {})
    assert thread.acts == [f"{review} On Monday."]
    assert (thread.record["by"], thread.record["via"], thread.record["review"]) == ("ana", "resume", review)
    assert thread.record["proposed"]["body"] == "Draft 1"
    [case] = thread.cases
    assert (case.by, case.via, case.decision) == ("ana", "resume", {**EDIT, "by": "ana"})


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("approve", "Draft 1"),
        ({"type": "approve", "note": "fine"}, "Draft 1"),
        (EDIT, "On Monday."),
        (json.dumps(EDIT), "On Monday."),
        (json.dumps(EDIT, indent=2), "On Monday."),
    ],
    ids=["word", "object", "edit", "text of an object", "text over several lines"],
)
def test_studios_way(begin: Begin, typed: Any, sent: str) -> None:
    """One value without an id, as the box of Studio sends it: a word, an object, or the text of one."""
    thread = begin("mail")
    review = thread.case.id

    thread.resume(typed)

    assert thread.acts == [f"{review} {sent}"]
    assert (thread.status, thread.statuses) == ("idle", ["applied"])
    assert thread.record["review"] == review


def test_studio_may_name_the_checkpoint(begin: Begin) -> None:
    """An answer that says at which checkpoint it was given is the same answer."""
    thread = begin("mail")

    thread.resume("approve", checkpoint=thread.state["checkpoint"])

    assert len(thread.acts) == 1
    assert thread.statuses == ["applied"]


def test_a_rejection_is_drafted_and_asked_again(begin: Begin) -> None:
    """The second draft is a case of its own."""
    thread = begin("mail")

    thread.resume("reject")

    assert (thread.status, thread.statuses, thread.acts) == ("interrupted", ["applied", "pending"], [])
    assert thread.case.proposal["body"] == "Draft 2"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("perhaps", "answer: is text, which is no answer here: decide approve or edit or reject"),
        (NOT_TEXT, "changes.body: should be text"),
        ('{"type": "approve"', "answer: looks like JSON and cannot be read"),
        (True, "answer: is of the type bool"),
        ({"type": "respond", "message": "Hello"}, "respond is not allowed here"),
    ],
    ids=["word", "field", "broken", "bool", "kind"],
)
def test_a_wrong_answer_says_what_is_wrong_and_loses_nothing(begin: Begin, typed: Any, says: str) -> None:
    """The run fails with the field's name; the question stays open, and a good answer is taken."""
    thread = begin("mail")
    asked = thread.asked

    error = thread.resume(typed)["__error__"]

    assert error["error"] == "ValidationError"
    assert says in error["message"]
    assert says in str(thread.state["tasks"][0]["error"])
    assert (thread.asked, thread.statuses, thread.acts) == (asked, ["pending"], [])
    thread.resume("approve")
    assert (len(thread.acts), thread.statuses, thread.status) == (1, ["applied"], "idle")


def test_after_a_wrong_answer_the_server_says_error_until_the_thread_runs(
    begin: Begin, server: DevServer
) -> None:
    """The server's own status is that of the run; Continue asks again, and the thread is interrupted as before."""
    thread = begin("mail")
    thread.resume("perhaps")

    assert (thread.status, thread.id in interrupted(server)) == ("error", False)
    asked = thread.asked
    thread.run()

    assert (thread.status, thread.id in interrupted(server)) == ("interrupted", True)
    assert (thread.asked, thread.statuses) == (asked, ["pending"])


@pytest.mark.parametrize(
    ("again", "by_map"), [("approve", True), ("reject", True), ("reject", False), ("nonsense", False)]
)
def test_a_second_answer_has_no_effect(begin: Begin, again: str, by_map: bool) -> None:
    """Answered twice, by map or as Studio does: one act, one record, and the first answer stands."""
    thread = begin("mail")
    review = thread.case.id
    thread.resume({review: {"type": "approve", "by": "ana"}})

    thread.resume({review: again} if by_map else again)

    assert len(thread.acts) == 1
    assert [(one["decision"], one["by"]) for one in thread.state["values"]["reviews"]] == [("approve", "ana")]
    assert (thread.statuses, thread.status) == (["applied"], "idle")


def test_after_a_rejection_an_old_answer_by_id_does_nothing(begin: Begin) -> None:
    """The new draft waits for an answer of its own: nothing is sent by one that was meant for the old."""
    thread = begin("mail")
    first = thread.case.id
    thread.resume({first: "reject"})

    thread.resume({first: "approve"})

    assert (thread.acts, thread.statuses) == ([], ["applied", "pending"])
    assert list(thread.asked) == [thread.case.id]


def test_answers_at_once(begin: Begin) -> None:
    """Three people answer in the same moment: the server runs one after the other, and one act is done."""
    thread = begin("mail")
    review = thread.case.id

    with concurrent.futures.ThreadPoolExecutor(3) as people:
        list(people.map(lambda name: thread.resume({review: {"type": "approve", "by": name}}), "abc"))

    assert len(thread.acts) == 1
    assert (len(thread.state["values"]["reviews"]), thread.statuses) == (1, ["applied"])


def test_two_gates_are_answered_by_id(begin: Begin) -> None:
    """One value cannot say which of two it answers, and is refused; by id each takes its own."""
    thread = begin("two_gates")
    cases = {case.gate: case.id for case in thread.cases}

    error = thread.resume("approve")["__error__"]
    assert "multiple pending interrupts" in error["message"]
    assert thread.statuses == ["pending", "pending"]

    thread.resume({cases["reply"]: "approve"})
    assert list(thread.asked) == [cases["refund_review"]]
    assert thread.status == "interrupted"
    thread.resume({cases["refund_review"]: "approve"})

    assert sorted(thread.acts) == sorted([f"{cases['reply']} Hi", f"{cases['refund_review']} pays 5"])
    assert thread.state["values"]["ticket"].endswith("(done)")
    assert thread.statuses == ["applied", "applied"]


def test_the_record_in_the_state_is_plain_json(begin: Begin) -> None:
    """What was proposed, what came of it, who, when and why stand in the values that the API gives."""
    thread = begin("mail")

    thread.resume({**EDIT, "by": "ana", "reason": "tone"})

    record = thread.record
    assert (record["proposed"]["body"], record["final"]["body"]) == ("Draft 1", "On Monday.")
    assert record["patch"] == [{"op": "replace", "path": "/body", "value": "On Monday."}]
    assert (record["by"], record["reason"], record["outcome"], record["route"]) == (
        "ana",
        "tone",
        "approved",
        "send",
    )
    assert thread.state["values"]["effects"][0]["key"] == record["review"]
