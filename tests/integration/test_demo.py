"""The demo: its runs are counted from what is stored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.decisions import Edit
from hitl_graph.demo.counting import counted
from hitl_graph.demo.graph import build_support_desk
from hitl_graph.demo.inbox_reader import Message, read_messages
from hitl_graph.demo.maildir import count
from hitl_graph.demo.parallel import in_parallel
from hitl_graph.demo.report import Report
from hitl_graph.demo.reviewer import ScriptedReviewer
from hitl_graph.demo.run import Run, new_run, run_demo
from tests.integration.handling import Always, handle


def test_the_shipped_messages_are_handled_and_the_counts_add_up(db_url: str, tmp_path: Path) -> None:
    """Every message ends; every sum holds; the mails lie there."""
    handled = handle(db_url, tmp_path, reviewer=ScriptedReviewer(seed=1))
    report = handled.report

    assert report.problems == ()
    assert report.messages == report.finished == len(read_messages(None))
    assert report.finished == report.sent + report.taken_over + report.handed_over
    assert report.proceeded == sum(report.passed.values()) > 0
    assert all(n == report.passed.get(g, 0) + report.asked.get(g, 0) for g, n in report.judged.items())
    assert report.reviews == sum(report.asked.values()) == sum(report.decisions.values())
    assert report.sent == count(handled.run.maildir) == len(handled.mails())
    assert report.edited == report.decisions["edit"] > 0
    assert set(report.asked) == {"triage", "escalation", "reply"}


def test_an_edit_stands_in_the_state_beside_what_was_proposed(db_url: str, tmp_path: Path) -> None:
    """The record holds both versions and the patch between; the mail is the edited one."""
    edit = Always({"reply": lambda _: Edit({"subject": "Your card, edited"}, reason="subject")})

    handled = handle(db_url, tmp_path, "When will my new card get here?", reviewer=edit)

    record = handled.states()[1]["reviews"][-1]
    assert record["proposed"]["subject"] != record["final"]["subject"] == "Your card, edited"
    assert record["patch"] == [{"op": "replace", "path": "/subject", "value": "Your card, edited"}]
    assert (record["by"], record["reason"]) == ("ana", "subject")
    assert handled.report.edits_by_field == {"subject": 1}
    assert "Subject: Your card, edited" in handled.mails()[0]


def test_the_same_seed_decides_the_same(db_url: str, tmp_path: Path) -> None:
    """Two runs come to the same mails, whatever ran beside what; another seed does not."""
    first, again, other = (
        handle(db_url, tmp_path, limit=30, reviewer=ScriptedReviewer(seed=seed)).states()
        for seed in (7, 7, 8)
    )

    def emails(states: dict[int, dict[str, Any]]) -> dict[int, Any]:
        return {row: (state.get("email"), len(state["reviews"])) for row, state in states.items()}

    assert emails(first) == emails(again)
    assert emails(first) != emails(other)


def test_a_run_counts_its_own_threads_only(db_url: str, tmp_path: Path) -> None:
    """What an earlier run left paused is neither decided nor counted."""
    left = handle(
        db_url, tmp_path, "Why was my transfer declined?", reviewer=Always({"reply": lambda _: None})
    )

    later = handle(db_url, tmp_path, "Why was my transfer declined?")

    assert (left.report.paused, later.report.messages, later.report.finished) == (1, 1, 1)
    with Desk(db_url) as desk:
        assert [case.thread_id for case in desk.pending()] == list(left.run.threads)


def test_a_missing_mail_is_found_out(db_url: str, tmp_path: Path) -> None:
    """The counts are compared across places: a mail that is not there is a problem, not a number."""
    handled = handle(db_url, tmp_path, "Why was my transfer declined?")

    async def again() -> Report:
        async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
            return await counted(handled.run.threads, build_support_desk(checkpointer), desk, mails=0)

    assert asyncio.run(again()).problems == ("sent: 1, but mails in the maildir: 0",)


def test_a_thread_that_raises_is_counted_and_named(db_url: str, tmp_path: Path) -> None:
    """A maildir that cannot be written fails the thread; the report says which and why."""
    run_id = new_run()
    (tmp_path / run_id).write_text("in the way", encoding="utf-8")
    message = Message(index=1, text="Why was my transfer declined?")
    run = Run(id=run_id, messages=[message], maildir=tmp_path / run_id, url=db_url)

    report = asyncio.run(run_demo(run, Always()))

    assert (report.finished, report.failed, report.sent) == (0, 1, 0)
    assert any(f"demo-{run_id}-1 failed" in problem for problem in report.problems)


async def test_the_first_error_of_several_workers_is_raised_as_it_is() -> None:
    """A database that goes away ends the run with its own error, and the other workers are stopped."""
    stopped = []

    async def worker() -> None:
        if len(stopped) == 2:
            raise psycopg.OperationalError("gone")
        stopped.append(1)
        await asyncio.Event().wait()

    with pytest.raises(psycopg.OperationalError, match="gone"):
        await in_parallel(worker, workers=3)
