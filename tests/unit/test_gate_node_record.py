"""What a gate keeps: a record of each decision, once, in the shared state (R12, R18)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph.decisions import Approve, AskInfo, Edit, Reject, Respond, TakeOver
from hitl_graph.nodes import HitlState
from hitl_graph.nodes.state import keep_each, merge
from hitl_graph.reviews import Record
from tests.unit.factories import (
    CHOICES,
    EDITED,
    EMAIL,
    EVERY,
    Mode,
    Thread,
    in_both_modes,
    mail_graph,
    review_gate,
    routed,
)
from tests.unit.routes import ROUTES

# The record


@in_both_modes
def test_the_record_keeps_both_versions(mode: Mode) -> None:
    """R19, R45, rule 5: proposed, final and the patch between them."""
    thread = Thread(mail_graph(), mode).start()
    thread.answer(Edit({"body": "Better."}))
    assert thread.record["proposed"] == EMAIL and thread.record["final"] == EDITED
    assert thread.record["patch"] == [{"op": "replace", "path": "/body", "value": "Better."}]


@in_both_modes
def test_the_record_keeps_why_the_person_decided_so(mode: Mode) -> None:
    """R19: reason, cause, edge or recurring, and a note."""
    thread = Thread(mail_graph(), mode).start()
    thread.answer(
        {
            "type": "edit",
            "changes": {"body": "B"},
            "reason": "tone",
            "cause": "model",
            "recurrence": "edge",
            "note": "n",
        }
    )
    assert [thread.record[key] for key in ("reason", "cause", "recurrence", "note")] == [
        "tone",
        "model",
        "edge",
        "n",
    ]


@in_both_modes
def test_the_record_keeps_who_and_when(mode: Mode) -> None:
    """R45, R74: as the answer says it."""
    thread = Thread(mail_graph(), mode).start()
    thread.answer(
        {"type": "approve", "by": "ana", "via": "inbox", "at": "2026-01-31T09:30:00+00:00", "waited_s": 12.5}
    )
    assert [thread.record[key] for key in ("by", "via", "at", "waited_s")] == [
        "ana",
        "inbox",
        "2026-01-31T09:30:00+00:00",
        12.5,
    ]


@in_both_modes
def test_who_answers_may_stand_in_the_runs_metadata(mode: Mode) -> None:
    """R74: a client that cannot put it into the answer."""
    thread = Thread(mail_graph(), mode).start()
    config = {**thread.config, "metadata": {"hitl_by": "ana"}}
    thread.run(Command(resume={thread.open[0].id: {"type": "approve"}}), config)
    assert thread.record["by"] == "ana"


def test_an_answer_that_says_nothing_about_itself_is_by_nobody_known_and_now() -> None:
    """R45: a bare resume is kept as what it is."""
    before = dt.datetime.now(dt.UTC)
    thread = Thread(mail_graph()).start()
    thread.answer(Approve())
    at = dt.datetime.fromisoformat(thread.record["at"])
    assert (thread.record["by"], thread.record["via"], thread.record["waited_s"]) == (
        "unknown",
        "resume",
        None,
    )
    assert before <= at <= dt.datetime.now(dt.UTC)


@in_both_modes
@pytest.mark.parametrize("decision", [d for d, _, _ in ROUTES], ids=lambda d: d.type)
def test_the_record_bears_the_id_of_the_question(mode: Mode, decision: Any) -> None:
    """Rule 1: one id, in the interrupt and in the record."""
    thread = Thread(routed(review_gate(allowed=EVERY, options=CHOICES, option_field="body")), mode).start()
    [question] = thread.open
    thread.answer(decision)
    assert thread.record["review"] == question.id


@pytest.mark.parametrize("decision", [d for d, _, _ in ROUTES], ids=lambda d: d.type)
def test_the_record_reads_back(decision: Any) -> None:
    """R12: plain JSON in the state that is a Record again."""
    thread = Thread(routed(review_gate(allowed=EVERY, options=CHOICES, option_field="body"))).start()
    thread.answer(decision)
    assert Record.from_json(thread.record).to_json() == thread.record


@pytest.mark.parametrize(
    ("decision", "final"),
    [
        (Approve(), EMAIL),
        (Reject(), None),
        (AskInfo("Which?"), None),
        (Respond("Hi."), None),
        (TakeOver(), None),
    ],
    ids=lambda d: getattr(d, "type", ""),
)
def test_only_what_lets_through_has_a_final_version(decision: Any, final: Any) -> None:
    """R12, I7: a rejection is a record without one."""
    thread = Thread(routed(review_gate(allowed=EVERY, options=CHOICES, option_field="body"))).start()
    thread.answer(decision)
    assert (thread.record["final"], thread.record["patch"]) == (final, [])


def test_the_record_keeps_the_digest_that_was_shown() -> None:
    """R46, I4: proof of what was seen."""
    thread = Thread(mail_graph()).start()
    shown = thread.case["digest"]
    thread.answer(Approve())
    assert thread.record["digest"] == shown


def test_the_record_keeps_why_it_was_asked() -> None:
    """R45: the reasons that were shown."""
    thread = Thread(mail_graph()).start()
    why = thread.case["why"]
    thread.answer(Approve())
    assert thread.record["why"] == why


def test_the_whole_answer_is_kept() -> None:
    """R19: also what this version makes no use of."""
    thread = Thread(routed(review_gate(allowed=EVERY, options=CHOICES, option_field="body"))).start()
    thread.answer(AskInfo("Which order?", reason="unclear"))
    assert thread.record["answer"] == {"type": "ask_info", "question": "Which order?", "reason": "unclear"}


# The shared state


def test_a_record_is_kept_once_whatever_is_replayed() -> None:
    """R45: the reducer goes by the review's id; the later word about it counts, in its old place."""
    a, b = {"review": "a", "outcome": "measured_again"}, {"review": "b", "outcome": "approved"}
    assert keep_each([a, b], [{**a, "outcome": "approved"}, b]) == [{**a, "outcome": "approved"}, b]


def test_a_held_act_and_a_done_one_are_two_entries() -> None:
    """R75: that it was held once is not forgotten when it is done later."""
    held, done = {"key": "k", "held": "not now"}, {"key": "k"}
    assert keep_each([held], [done]) == [held, done]


@pytest.mark.parametrize(
    ("left", "right", "both"), [(None, None, []), (None, [{"key": "k"}], [{"key": "k"}])]
)
def test_a_fresh_thread_has_nothing(left: Any, right: Any, both: Any) -> None:
    """The reducer takes a state that has no such key yet."""
    assert keep_each(left, right) == both


def test_judgements_of_several_gates_stand_side_by_side() -> None:
    """R43: the last one of each."""
    assert merge({"a": {"n": 1}, "b": {"n": 1}}, {"a": {"n": 2}}) == {"a": {"n": 2}, "b": {"n": 1}}


def test_the_state_is_extended_by_inheritance() -> None:
    """The three keys and nothing else."""
    assert set(HitlState.__annotations__) == {"reviews", "judgements", "effects"}
