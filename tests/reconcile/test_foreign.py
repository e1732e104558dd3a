"""What LangGraph's own saver on the same database leaves behind: found, opened or freed (I5, I6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph.types import Command

from hitl_graph import Approve, Desk, Reject, Respond, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AnswerError, DeskError, ReviewClosed
from tests.reconcile.stuck import (
    begin,
    events,
    execute,
    found,
    kinds,
    meeting_graph,
    nested_graph,
    plain_graph,
    poison,
    stall,
    stock_saver,
)
from tests.support.graphs import lines, mail_graph, thread


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    """The desk of the test's database."""
    with Desk(db_url) as opened:
        yield opened


def test_a_thread_in_order_is_no_finding(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Paused, decided and applied, a thread of ours is nothing to tell of at any time."""
    told: list[str] = []
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(sink)}, thread("t1"))
        told += kinds(desk)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
    told += kinds(desk)

    assert told == []
    assert desk.reconcile(patience_s=0, alarm_s=0) == 0
    assert desk.show(case.id).status == "applied"


def test_a_pause_without_a_row_is_found_opened_and_answered(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Paused by the stock saver: no case says so, until its row is opened from what the thread asks (I5)."""
    begin(db_url, sink, mail_graph(), stock=True)
    before = kinds(desk)
    with open_checkpointer(db_url) as checkpointer:
        opened = checkpointer.open_missing(by="ana")
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(mail_graph().compile(checkpointer=checkpointer))

    assert before == ["paused_without_row"]
    assert opened == [case.id]
    assert (case.gate, case.owner, case.proposal["body"]) == ("reply", "support-leads", "Draft 1")
    assert [event["by"] for event in events(db_url, "row_opened")] == ["ana"]
    assert len(lines(sink)) == 1
    assert kinds(desk) == []


async def test_async_savers_open_what_is_missing_too(db_url: str, sink: Path) -> None:
    """Only in the threads that are named, and only once."""
    for name in ("t1", "t2"):
        begin(db_url, sink, mail_graph(), name, stock=True)
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        first = await checkpointer.aopen_missing(["t2"])
        again = await checkpointer.aopen_missing(["t2"])
        cases = await desk.pending()

    assert [(case.id, case.thread_id) for case in cases] == [(first[0], "t2")]
    assert again == []


def test_two_gates_of_one_thread_are_opened_at_once(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Each question is a case; the thread is one finding."""
    begin(db_url, sink, meeting_graph(), stock=True)
    before = kinds(desk)

    with open_checkpointer(db_url) as checkpointer:
        checkpointer.open_missing(["t1"])

    assert before == ["paused_without_row"]
    assert sorted(case.question for case in desk.pending()) == ["a?", "b?"]


def test_a_question_that_was_closed_on_purpose_is_not_opened_again(
    db_url: str, sink: Path, desk: SyncDesk
) -> None:
    """A stopped thread still stands at its interrupt: the kill switch is no fault to repair."""
    begin(db_url, sink, mail_graph())
    desk.holds.stop("thread", "t1", by="ana", reason="wrong customer")

    with open_checkpointer(db_url) as checkpointer:
        opened = checkpointer.open_missing()

    assert (opened, kinds(desk)) == ([], [])


def test_an_answer_that_stock_langgraph_keeps_is_found_and_taken_back(
    db_url: str, sink: Path, desk: SyncDesk
) -> None:
    """A bad scalar answer would be given to whatever the thread asks next: reopened, it is gone."""
    begin(db_url, sink, mail_graph())
    poison(db_url)
    before = found(desk)
    [case] = desk.pending()

    desk.reopen(case.id, by="ana", reason="the answer was none")

    assert [(one.kind.value, one.review_id) for one in before] == [("poisoned", case.id)]
    assert "repair t1 --reopen" in before[0].fix
    assert kinds(desk) == []
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        assert graph.invoke(None, thread("t1"))["__interrupt__"][0].id == case.id  # nothing replays
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
    assert len(lines(sink)) == 1


def test_a_thread_that_stock_langgraph_paused_and_poisoned_is_freed(
    db_url: str, sink: Path, desk: SyncDesk
) -> None:
    """Both at once: first its row, then the answer that is stored."""
    begin(db_url, sink, mail_graph(), stock=True)
    poison(db_url)
    before = kinds(desk)
    with open_checkpointer(db_url) as checkpointer:
        [id_] = checkpointer.open_missing(["t1"])
        desk.reopen(id_, by="ana", reason="the answer was none")
        case = desk.show(id_)
        desk.decide(id_, Approve(), by="ana", digest=case.digest)
        desk.resume(mail_graph().compile(checkpointer=checkpointer))

    assert before == ["poisoned", "paused_without_row"]
    assert len(lines(sink)) == 1
    assert kinds(desk) == []


def test_an_answer_on_which_the_node_raised_is_taken_back_and_asked_again(
    db_url: str, sink: Path, desk: SyncDesk
) -> None:
    """Retried, it is given the same bad answer for ever; reopened, a good one counts, and the act is done once."""
    begin(db_url, sink, plain_graph())
    [case] = desk.pending()
    with open_checkpointer(db_url) as checkpointer:
        graph = plain_graph().compile(checkpointer=checkpointer)
        desk.decide(case.id, Respond("bad"), by="ana", digest=case.digest)
        desk.resume(graph)
        before = kinds(desk)
        desk.retry(case.id, by="ana")
        desk.resume(graph)
        still = desk.show(case.id).status

        open_again = desk.reopen(case.id, by="bob", reason="a slip")
        desk.decide(case.id, Respond("yes"), by="bob", digest=case.digest)
        desk.resume(graph)

    assert (before, still) == (["poisoned"], "failed")
    assert open_again.status == "pending"
    assert "asked again by bob: a slip" in str(open_again.error)
    assert lines(sink) == ["acted"]
    [told] = events(db_url, "reopened")
    assert (told["by"], told["decided_by"], told["decision"]["type"]) == ("bob", "ana", "respond")


def test_a_bad_answer_in_a_subgraph_is_taken_back_whole(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """LangGraph stores it in the subgraph's own place as well as at the root."""
    begin(db_url, sink, nested_graph())
    [case] = desk.pending()
    with open_checkpointer(db_url) as checkpointer:
        graph = nested_graph().compile(checkpointer=checkpointer)
        desk.decide(case.id, Respond("bad"), by="ana", digest=case.digest)
        desk.resume(graph)
        failed = kinds(desk)

        desk.reopen(case.id, by="bob", reason="a slip")
        desk.decide(case.id, Respond("yes"), by="bob", digest=case.digest)
        desk.resume(graph)

    assert len(failed) == 1
    assert lines(sink) == ["acted"]
    assert kinds(desk) == []


def test_reopening_is_refused_when_an_act_was_begun(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """The answer is what the act was done on: it is settled or retried, not asked again (I2)."""
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(sink / "no" / "file")}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

    with pytest.raises(ReviewClosed, match="does not stand at it any more"):
        desk.reopen(case.id, by="ana", reason="again")
    assert desk.show(case.id).status == "failed"
    assert [event["what"] for event in events(db_url, "refused_attempt")] == ["reopen"]


def test_reopening_is_refused_while_the_ledger_knows_an_act(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Also where the thread still stands at the case, as one that acts in the step that asked (I2)."""
    begin(db_url, sink, plain_graph())
    [case] = desk.pending()
    with open_checkpointer(db_url) as checkpointer:
        desk.decide(case.id, Respond("bad"), by="ana", digest=case.digest)
        desk.resume(plain_graph().compile(checkpointer=checkpointer))
    execute(
        db_url,
        "INSERT INTO hitl.effects (key, thread_id, review_id, action, by, status, idempotent) "
        "VALUES ('k', 't1', %s, 'pay', 'ana', 'unknown', false)",
        case.id,
    )

    with pytest.raises(ReviewClosed, match="pay is unknown on the strength of it"):
        desk.reopen(case.id, by="ana", reason="again")
    assert desk.show(case.id).status == "failed"


def test_reopening_a_case_that_is_in_order_is_refused(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Nothing is stored to be taken back, and whoever asks must say who and why."""
    begin(db_url, sink, mail_graph())
    [case] = desk.pending()

    with pytest.raises(ReviewClosed, match="nothing of an answer is stored"):
        desk.reopen(case.id, by="ana", reason="again")
    with pytest.raises(AnswerError, match="reason: is empty"):
        desk.reopen(case.id, by="ana", reason=" ")
    desk.decide(case.id, Reject(), by="ana", digest=case.digest)
    with pytest.raises(ReviewClosed, match="is decided, not failed"):
        desk.reopen(case.id, by="ana", reason="again")


def test_a_thread_that_looks_finished_is_found_and_runs_on(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Two stock resumes of two gates at once: next is (), the join never ran; run on, it acts once."""
    stall(db_url, sink)
    before = found(desk)
    with open_checkpointer(db_url) as checkpointer:
        graph = meeting_graph().compile(checkpointer=checkpointer)
        looks = graph.get_state(thread("t1"))

        desk.run_on(graph, "t1", by="ana")

        assert (looks.next, looks.interrupts) == ((), ())
        assert [one.kind.value for one in before] == ["stalled"]
        assert "--run-on --graph" in before[0].fix
        assert lines(sink) == ["acted"]
        with pytest.raises(DeskError):
            desk.run_on(graph, "no-such-thread", by="ana")
    assert kinds(desk) == []
    assert [event["by"] for event in events(db_url, "run_on")] == ["ana"]


def test_a_thread_that_waits_for_an_answer_is_not_run_on(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Running on is for what is stuck; a pause waits for its person, and a poisoned one for its repair."""
    begin(db_url, sink, mail_graph())
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        with pytest.raises(DeskError, match="it waits for an answer"):
            desk.run_on(graph, "t1", by="ana")
        poison(db_url)
        with pytest.raises(DeskError, match="reopen its case first"):
            desk.run_on(graph, "t1", by="ana")


def test_a_case_that_was_answered_past_our_saver_is_superseded(
    db_url: str, sink: Path, desk: SyncDesk
) -> None:
    """The stock saver moved the thread on: nobody is asked any more, and the event says why (I5)."""
    begin(db_url, sink, plain_graph())
    [case] = desk.pending()
    with stock_saver(db_url) as saver:
        plain_graph().compile(checkpointer=saver).invoke(Command(resume={case.id: "yes"}), thread("t1"))
    before = found(desk)

    assert desk.reconcile() == 1
    assert desk.reconcile() == 0
    assert [one.kind.value for one in before] == ["row_without_pause"]
    assert (desk.show(case.id).status, kinds(desk)) == ("superseded", [])
    assert "past our savers" in events(db_url, "superseded")[0]["because"]


def test_a_decision_whose_thread_has_gone_is_failed_and_can_be_set_aside(
    db_url: str, sink: Path, desk: SyncDesk
) -> None:
    """It is told to a person, not dropped; then it is closed by name."""
    begin(db_url, sink, mail_graph())
    [case] = desk.pending()
    desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    execute(db_url, "DELETE FROM checkpoints")

    desk.reconcile()
    failed = desk.show(case.id)
    told = found(desk)
    with pytest.raises(ReviewClosed, match="does not stand at it any more"):
        desk.reopen(case.id, by="ana", reason="again")
    desk.set_aside(case.id, by="bob", reason="the thread was deleted by hand")

    assert failed.status == "failed"
    assert "the thread is gone" in str(failed.error)
    assert [(one.kind.value, one.needs_person) for one in told] == [("row_without_pause", True)]
    assert (desk.show(case.id).status, kinds(desk)) == ("superseded", [])


def test_a_failed_case_at_its_place_is_not_set_aside(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """What can still be answered is not closed without an answer."""
    begin(db_url, sink, plain_graph())
    [case] = desk.pending()
    with open_checkpointer(db_url) as checkpointer:
        desk.decide(case.id, Respond("bad"), by="ana", digest=case.digest)
        desk.resume(plain_graph().compile(checkpointer=checkpointer))

    with pytest.raises(ReviewClosed, match="still stands at it"):
        desk.set_aside(case.id, by="ana", reason="tired")
