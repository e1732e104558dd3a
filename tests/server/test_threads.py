"""What else the API does to a thread: copy, delete, time travel, edited state, rollback. Review rows follow."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.server.conftest import Begin

pytestmark = pytest.mark.xdist_group("langgraph-dev")

BY_HAND = {"email": {"to": "b@example.com", "body": "By hand"}}


def test_a_copy_is_paused_with_a_case_of_its_own(begin: Begin) -> None:
    """Answering the copy leaves the source as it was."""
    thread = begin("mail")

    copied = thread.server.client.http.post(f"/threads/{thread.id}/copy", json=None)
    copy = begin.known(thread, copied["thread_id"])

    assert copy.asked == thread.asked
    copy.resume("approve")

    assert (copy.statuses, len(copy.acts)) == (["applied"], 1)
    assert thread.statuses == ["pending"]
    assert copy.state["metadata"]["thread_id"] == copy.id


def test_a_deleted_thread_closes_its_case(begin: Begin) -> None:
    """The case is superseded, and stays in the books."""
    thread = begin("mail")

    thread.server.client.threads.delete(thread.id)

    assert thread.statuses == ["superseded"]


def test_history_shows_where_it_paused(begin: Begin) -> None:
    """The newest checkpoint asks; the ones before it do not."""
    thread = begin("mail")

    history = thread.server.client.threads.get_history(thread.id)

    assert [len(one["interrupts"]) for one in history] == [1, 0, 0]
    assert history[0]["next"] == ["reply"]


def test_time_travel_without_an_answer_asks_anew(begin: Begin) -> None:
    """From the older pause on: the newer case is superseded, and the old draft is a case with a new id."""
    thread = begin("mail")
    old = thread.state["checkpoint"]
    first = thread.case
    thread.resume("reject")

    thread.run(checkpoint=old)

    assert thread.statuses == ["applied", "superseded", "pending"]
    assert thread.case.id != first.id
    assert thread.case.proposal == first.proposal
    assert list(thread.asked) == [thread.case.id]
    thread.resume("approve")
    assert len(thread.acts) == 1


@pytest.mark.parametrize(
    ("first", "second"), [("reject", "approve"), ("approve", "reject"), ("approve", "approve")]
)
def test_an_answer_at_a_pause_that_was_answered_is_refused(begin: Begin, first: str, second: str) -> None:
    """A second page still names the old checkpoint. Nothing is done a second time, and nothing is taken back."""
    thread = begin("mail")
    old = thread.state["checkpoint"]
    thread.resume(first)
    done, statuses = thread.acts, thread.statuses

    error = thread.resume(second, checkpoint=old)["__error__"]

    assert "left behind" in error["message"]
    assert thread.acts == done
    assert thread.statuses == statuses


def test_an_answer_at_a_pause_that_was_superseded_is_refused(begin: Begin) -> None:
    """I7: the draft was corrected since; the old one is not sent, and the newer case stays open."""
    thread = begin("mail")
    old = thread.state["checkpoint"]
    thread.server.client.threads.update_state(thread.id, BY_HAND, as_node="draft")
    thread.run()

    error = thread.resume("approve", checkpoint=old)["__error__"]

    assert "left behind" in error["message"]
    assert thread.acts == []
    assert thread.statuses == ["superseded", "pending"]


def test_an_edited_state_is_asked_about_anew(begin: Begin) -> None:
    """The case about the old content is superseded; Continue asks about the new one."""
    thread = begin("mail")

    thread.server.client.threads.update_state(thread.id, BY_HAND, as_node="draft")
    assert thread.statuses == ["superseded"]
    thread.run()

    assert thread.statuses == ["superseded", "pending"]
    assert thread.case.proposal == BY_HAND["email"]
    assert list(thread.asked) == [thread.case.id]


def test_an_answer_to_what_nobody_was_shown_is_dropped(begin: Begin) -> None:
    """After an edit an answer without an id comes before the new question: that is asked, and nothing is sent."""
    thread = begin("mail")
    thread.server.client.threads.update_state(thread.id, BY_HAND, as_node="draft")

    thread.resume("approve")

    assert (thread.acts, thread.statuses) == ([], ["superseded", "pending"])
    assert thread.case.proposal == BY_HAND["email"]
    thread.resume("approve")
    assert (len(thread.acts), thread.statuses) == (1, ["superseded", "applied"])


def test_new_input_while_paused(begin: Begin) -> None:
    """The old case is superseded, and the new one is the only one that is open."""
    thread = begin("mail")

    thread.run({"ticket": "Another one", "sink": str(thread.sink)})

    assert thread.statuses == ["superseded", "pending"]
    assert list(thread.asked) == [thread.case.id]


def test_a_rolled_back_run_takes_its_answer_with_it(begin: Begin) -> None:
    """Cancelled with rollback between the answer and the act: asked as before, answered anew, nothing was sent."""
    thread = begin("slow")
    before, client = thread.case, thread.server.client
    run = client.runs.create(thread.id, "slow", command={"resume": {before.id: "approve"}})
    held, deadline = Path(f"{thread.sink}.held"), time.monotonic() + 60
    while not held.exists():
        assert time.monotonic() < deadline, "the run did not get to where it is held"
        time.sleep(0.02)

    client.runs.cancel(thread.id, run["run_id"], wait=True, action="rollback")
    while thread.statuses != ["pending"]:
        assert time.monotonic() < deadline, f"the case is {thread.statuses}"
        time.sleep(0.02)

    assert list(thread.asked) == [before.id]
    assert (thread.case.payload, thread.acts) == (before.payload, [])
    thread.resume("reject")
    assert thread.statuses == ["applied"]
