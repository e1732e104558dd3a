"""What people read of a refusal: every error of the tree in words, and the texts that the log keeps."""

from __future__ import annotations

import pytest

from hitl_graph import errors
from hitl_graph.errors import (
    AmbiguousReview,
    AnswerError,
    AuditError,
    CaseClaimed,
    DecisionConflict,
    EffectUnknown,
    HitlError,
    IdempotencyConflict,
    LinkRefused,
    NotAuthorised,
    NoticeError,
    PlainJsonError,
    ReviewClosed,
    StaleReview,
    ThreadBusy,
    TooLate,
)
from hitl_graph.views.refusals import logged_words, refusal_words, rule_words
from hitl_graph.views.said_words import answer_words, said_words
from tests.views.test_field_words import CODE

ID = "98b6ff8e76622418248dcacb52835780"
AT = "2026-03-01T12:00:00.123456+00:00"
MADE: dict[str, HitlError] = {
    "AmbiguousReview": AmbiguousReview(ID, ("t1", "t2")),
    "AnswerError": AnswerError("decide", "reason", "is missing: name one of wrong_tone, wrong_facts"),
    "AuditError": AuditError("anchor: hash: is no SHA-256 in hexadecimal"),
    "BoundaryError": errors.BoundaryError("send can be reached without a gate"),
    "CaseClaimed": CaseClaimed(ID, "ben", AT),
    "DecisionConflict": DecisionConflict(ID, "ben", "ask_info", AT),
    "DefinitionError": errors.DefinitionError("gate", "owner", "is None"),
    "EffectUnknown": EffectUnknown("t1/send/1", "send_email", "its process is gone"),
    "IdempotencyConflict": IdempotencyConflict("inbox AbC_123"),
    "LinkRefused": LinkRefused("expired"),
    "NotAuthorised": NotAuthorised(ID, "ben", "has no authority for send_email"),
    "NoticeError": NoticeError(
        "target", "address", "is in a private network: say trusted=True if it is meant"
    ),
    "PlainJsonError": PlainJsonError("", "changes.to", "holds a NUL character at 3: it cannot be stored"),
    "ProposalError": errors.ProposalError("gate", "draft", "is missing in the state"),
    "ReviewClosed": ReviewClosed(f"review {ID} is closed: the thread went on without it"),
    "StaleReview": StaleReview(ID, "sha256:abc", "sha256:def"),
    "ThreadBusy": ThreadBusy("t1", "runs"),
    "TooLate": TooLate(f"too late: the thread was told what ben decided at {AT}"),
}


def _error(name: str) -> HitlError:
    if name in MADE:
        return MADE[name]
    kind = getattr(errors, name)
    made = kind(f"{name}: review {ID}: desk.some_method() raised RuntimeError('x')")
    assert isinstance(made, HitlError)
    return made


@pytest.mark.parametrize("name", errors.__all__)
def test_a_refusal_is_said_without_code(name: str) -> None:
    words = refusal_words(_error(name))
    assert not CODE.search(words.replace(AT, ""))
    assert not any(part in words for part in (ID, "sha256", "desk.", "Error", "thread_id", "AbC_123", name))


@pytest.mark.parametrize("name", errors.__all__)
def test_a_refusal_says_that_nothing_was_done_and_what_to_do(name: str) -> None:
    words = refusal_words(_error(name))
    assert "othing " in words and words.endswith(".")
    assert len(words.split(". ")) > 1 or ":" in words


def test_who_was_faster_is_named_with_what_they_did_and_when() -> None:
    assert refusal_words(MADE["DecisionConflict"]) == (
        f"ben asked for information before you, {AT}. Nothing of yours was done. If that decision is wrong, ask ben to "
        "take it back while that is possible."
    )


def test_who_was_faster_than_themselves_is_told_so() -> None:
    assert refusal_words(MADE["DecisionConflict"], "BEN") == (
        f"You asked for information before, {AT}. Nothing more was done: look at it as it is now."
    )


def test_who_is_at_a_case_is_named() -> None:
    assert refusal_words(MADE["CaseClaimed"]) == (
        f"ben is working on this case until {AT}. Nothing was done: wait until then, or take the case from them and "
        "say why."
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ReviewClosed(f"review {ID} is applied, not failed: there is nothing to retry"),
            "This case does not stand still after an error any more. Nothing was done: load the page again.",
        ),
        (
            ReviewClosed(f"review {ID} is pending: there is no decision to undo"),
            "There is no decision to take back any more. Nothing was done: load the page again.",
        ),
        (
            AnswerError("review x", "changes.due_day", "should be at least 1"),
            "“Due day” must be 1 or more. Nothing was done.",
        ),
        (
            AuditError("anchor: is of tenant 'a', and this chain of tenant 'b'"),
            "This is of tenant “a”, and this chain of tenant “b”. Nothing was changed.",
        ),
    ],
)
def test_errors_of_one_kind_are_told_apart(error: HitlError, words: str) -> None:
    assert refusal_words(error) == words


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("is not in finance or support-leads", "ben is not in finance or support-leads"),
        ("has no authority for send_email", "ben has no authority for “send email”"),
        (
            "may let pay_out through up to 50, and this is about 489.5",
            "ben may let “pay out” through up to 50, and this is about 489.5",
        ),
        (
            "nobody of this name is listed (desk.people, hitl-graph people add)",
            "ben is not listed among the people here",
        ),
        ("agents do not decide", "ben is an agent, and agents do not decide"),
        ("is not active any more", "ben is not active any more"),
    ],
)
def test_a_rule_is_said_after_the_name(why: str, words: str) -> None:
    assert rule_words("ben", why) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (str(MADE["DecisionConflict"]), f"ben asked for information before, {AT}"),
        (str(MADE["StaleReview"]), "the case had changed since it was shown"),
        (str(MADE["CaseClaimed"]), f"ben was at it until {AT}"),
        (str(MADE["ReviewClosed"]), "the graph had gone on without it"),
        (str(MADE["TooLate"]), f"the graph had been told what ben decided, {AT}"),
        (str(MADE["IdempotencyConflict"]), "the same form had been sent before with something else in it"),
        (
            "nobody of this name is listed (desk.people, hitl-graph people add)",
            "is not listed among the people here",
        ),
        (f"review {ID}: changes.due_day: should be at least 1", "“Due day” must be 1 or more."),
        (
            f"review {ID}: reason: is missing: name one of wrong_tone",
            "The reason is missing: choose one of wrong tone.",
        ),
    ],
)
def test_why_an_attempt_was_refused_is_read_from_the_log(text: str, words: str) -> None:
    assert logged_words(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("review of gate 'reply': changes.body: should be text", "“Body” has to be a text."),
        (
            "review of gate 'reply': changes.lines.2.count: input should be a valid integer",
            "“Count” in “Lines 3” has to be a whole number, such as 12.",
        ),
        (
            "review of gate 'reply': digest: is not that of the case as it stands: look at it again",
            "Digest is not that of the case as it stands: look at it again.",
        ),
    ],
)
def test_what_a_gate_had_against_an_answer_is_said_in_words(text: str, words: str) -> None:
    assert answer_words(text) == words


@pytest.mark.parametrize(
    ("field", "problem", "words"),
    [
        (
            "reason",
            "is empty: say why, in a word to count by",
            "The reason is empty: say why, in a word to count by.",
        ),
        (
            "to",
            "'carl' is nobody who could decide: see desk.people",
            "“carl” is nobody who could decide this: choose somebody else.",
        ),
        (
            "to",
            "nobody who could decide is in the group 'night'",
            "Nobody who could decide this is in the group “night”: choose another group.",
        ),
        (
            "cause",
            "is 'bad', and should be one of wrong_tone, other",
            "Where the mistake comes from has to be one of wrong tone, other.",
        ),
        ("hours", "9000.0 is not from 0 to 8784", "How long has to be from 0 to 8784."),
        (
            "evidence",
            "open it first: 1 of 2 not opened yet",
            "Open the evidence first: 1 of 2 not opened yet.",
        ),
        (
            "type",
            "edit is not allowed here: decide approve or ask_info",
            "This case does not take that decision: decide approve or ask info.",
        ),
        (
            "max_amount",
            "'plenty' is no amount from 0 up; None is any amount",
            "The amount has to be a number from 0 up; empty is any amount.",
        ),
        (
            "address",
            "is plain http to another machine: use https, or say trusted=True",
            "Address is plain http to another machine: use https, or tick that you vouch for it.",
        ),
        (
            "time_zone",
            "'Mars' is none, such as Europe/Lisbon",
            "“Mars” is no time zone, such as Europe/Lisbon.",
        ),
    ],
)
def test_what_is_wrong_with_a_small_form_is_said_in_words(field: str, problem: str, words: str) -> None:
    assert said_words(field, problem) == words
