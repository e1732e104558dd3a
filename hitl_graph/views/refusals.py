"""What the desk refused, in words for people: what happened, that nothing was done, and what to do next. Pure.

The texts of errors are for who writes programs, and stay as they are for the API, the library and the log. Moments
are written in ISO 8601 here: the pages make the reader's time of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hitl_graph.errors import (
    AmbiguousReview,
    AnswerError,
    AuditError,
    CaseClaimed,
    DecisionConflict,
    DefinitionError,
    EffectError,
    EffectHeld,
    EffectNotApproved,
    EffectNotFound,
    EffectUnderWay,
    EffectUnknown,
    HitlError,
    HoldNotFound,
    IdempotencyConflict,
    LinkRefused,
    NotAuthorised,
    NotClaimed,
    NoticeError,
    PlainJsonError,
    ProposalError,
    ReviewClosed,
    ReviewNotFound,
    RunTakenOver,
    StaleReview,
    StorageError,
    ThreadBusy,
    TooLate,
)
from hitl_graph.plain import key_of
from hitl_graph.views.code_words import DECIDED
from hitl_graph.views.field_words import field_words
from hitl_graph.views.reading import EditForm
from hitl_graph.views.said_words import plain_words, said_words

__all__ = ["error_words", "is_of_changes", "logged_words", "refusal_words", "rule_words"]

_OF_CHANGES = re.compile(r"(?:act\d+\.)?changes[.\[]")


def refusal_words(error: HitlError, by: str = "") -> str:
    """What a page says of an error, whole sentences. Text of others in it is not made safe here.

    Args:
        error: What was refused. by: Whoever reads it, where that is known.
    """
    if isinstance(error, DecisionConflict) and by and key_of(error.by) == key_of(by):
        at = f", {error.at}" if error.at[:2] == "20" else ""
        did = DECIDED.get(error.decision, "decided it")
        return f"You {did} before{at}. Nothing more was done: look at it as it is now."
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words(error)
    return "This could not be done, for something changed meanwhile. Nothing was done: load the page again and look."


def error_words(error: AnswerError | NoticeError | PlainJsonError, form: EditForm | None = None) -> str:
    """What is said beside the field that an error names."""
    if is_of_changes(error.field):
        return field_words(error.field, error.problem, form)
    return said_words(error.field, error.problem)


def is_of_changes(field: str) -> bool:
    """Whether a field is of an edit form, and none of a small one."""
    return _OF_CHANGES.match(field) is not None


def rule_words(by: str, why: str) -> str:
    """A rule that stands against somebody, as a sentence without its full stop.

    Example:
        >>> rule_words("ben", "has no authority for send_email")
        'ben has no authority for “send email”'
    """
    for text, words in _RULES:
        if found := re.fullmatch(text, why, re.DOTALL):
            parts = {name: part.replace("_", " ") for name, part in found.groupdict().items()}
            return words.format(by=by, **parts)
    return f"{by} {plain_words(why)}"


def logged_words(text: str) -> str:
    """Why an attempt was refused, as the log keeps it: the text of an error, or the rule that stood against it."""
    for pattern, words in _LOGGED:
        if found := re.fullmatch(pattern, text, re.DOTALL):
            parts = {
                name: DECIDED.get(part, part) if name == "did" else part
                for name, part in found.groupdict().items()
            }
            return words.format(**parts)
    if found := re.fullmatch(
        r"review [^:]{1,80}: ((?:act\d+\.)?[a-z_]+(?:[.\[][^:]*)?): (.+)", text, re.DOTALL
    ):
        field, problem = found.groups()
        return field_words(field, problem) if is_of_changes(field) else said_words(field, problem)
    return rule_words("", text).strip()


def _conflict(error: DecisionConflict) -> str:
    at = f", {error.at}" if error.at[:2] == "20" else ""
    did = DECIDED.get(error.decision, "decided it")
    return (
        f"{error.by} {did} before you{at}. Nothing of yours was done. If that decision is wrong, ask {error.by} "
        "to take it back while that is possible."
    )


def _claimed(error: CaseClaimed) -> str:
    return (
        f"{error.by} is working on this case until {error.until}. Nothing was done: wait until then, or take the case "
        "from them and say why."
    )


def _closed(error: ReviewClosed) -> str:
    text = str(error)
    if "there is nothing to retry" in text:
        return (
            "This case does not stand still after an error any more. Nothing was done: load the page again."
        )
    if "there is no decision to undo" in text:
        return "There is no decision to take back any more. Nothing was done: load the page again."
    return (
        "The graph went on without this case. Nothing was done, and nothing is to be decided here any more."
    )


def _too_late(error: TooLate) -> str:
    found = re.fullmatch(r"too late: the thread was told what (.+?) decided(?: at (\S+))?", str(error))
    by, at = found.groups() if found else ("somebody", None)
    return (
        f"It is too late to take this back: the graph was told what {by} decided{f', {at}' if at else ''}. Nothing "
        "was changed. What is still to come can be held on the thread's page."
    )


def _not_authorised(error: NotAuthorised) -> str:
    return f"{rule_words(error.by, error.why)}. Nothing was done: ask somebody who may do this."


def _audit(error: AuditError) -> str:
    text = re.sub(r"\A(?:anchor|export|erase): (?:\w+: )?", "", str(error))
    if re.match(r"is (?:no JSON|missing|no SHA|below)", text):
        return "This is no anchor: paste the whole of what this page gave before. Nothing was changed."
    return f"This {plain_words(text)}. Nothing was changed."


def _in_a_field(error: Any) -> str:
    return f"{error_words(error)} Nothing was done."


def _always(words: str) -> Callable[[Any], str]:
    return lambda _: words


_MISSING = _always("There is nothing here. Nothing was done.")
_WORDS: tuple[tuple[type[HitlError], Callable[[Any], str]], ...] = (
    (DecisionConflict, _conflict),
    (CaseClaimed, _claimed),
    (
        StaleReview,
        _always(
            "This case has changed since you opened it. Nothing was decided: look at it again, and decide on what "
            "stands there now."
        ),
    ),
    (ReviewClosed, _closed),
    (TooLate, _too_late),
    (
        NotClaimed,
        _always(
            "You are not at this case any more. Nothing was changed: claim it again if you go on with it."
        ),
    ),
    (NotAuthorised, _not_authorised),
    (
        IdempotencyConflict,
        _always(
            "This form was sent before with something else in it. Nothing was done this time: load the page again, "
            "and decide on what stands there then."
        ),
    ),
    (
        AmbiguousReview,
        _always(
            "This case stands in several threads. Nothing was done: open the one that you mean from the queue."
        ),
    ),
    (ReviewNotFound, _MISSING),
    (EffectNotFound, _MISSING),
    (HoldNotFound, _MISSING),
    (
        RunTakenOver,
        _always("Another worker runs this thread now. Nothing was done here: load the page again and look."),
    ),
    (
        ThreadBusy,
        _always("This thread is busy. Nothing was done: wait until it has come to its end, and try again."),
    ),
    (LinkRefused, _always("This link decides nothing. Nothing was done: open the case in the inbox.")),
    (AuditError, _audit),
    (
        EffectUnderWay,
        _always(
            "Somebody else's run is doing just this now. Nothing was done here: wait, and look what came of it."
        ),
    ),
    (
        EffectUnknown,
        _always(
            "This act was begun, and whether it was done is not known. Nothing more was done: somebody has to look, "
            "and say what happened."
        ),
    ),
    (
        EffectHeld,
        _always("This act is held back. Nothing was done: it waits until that ends, or is asked again."),
    ),
    (
        EffectNotApproved,
        _always("Nobody has approved just this. Nothing was done: it has to be asked again."),
    ),
    (EffectError, _always("The act was not done, and nothing was changed: it can be tried again.")),
    (AnswerError, _in_a_field),
    (NoticeError, _in_a_field),
    (PlainJsonError, _in_a_field),
    (
        DefinitionError,
        _always("The graph behind this has a mistake in it. Nothing was done: tell whoever built it."),
    ),
    (
        ProposalError,
        _always("What the graph proposes cannot be shown. Nothing was done: tell whoever built it."),
    ),
    (
        StorageError,
        _always("The database cannot be used as it is. Nothing was done: tell whoever runs this."),
    ),
)

_RULES: tuple[tuple[str, str], ...] = (
    (r"nobody of this name is listed.*", "{by} is not listed among the people here"),
    (r"agents do not decide", "{by} is an agent, and agents do not decide"),
    (r"is no admin, and there are some who say .*", "{by} is no admin, and only admins do this"),
    (r"does not lead, and there are some who do", "{by} does not lead, and only those who lead do this"),
    (r"has no authority for (?P<act>\S+)", "{by} has no authority for “{act}”"),
    (r"may let (?P<act>\S+) through up to (?P<most>.*)", "{by} may let “{act}” through up to {most}"),
    (r"only looks", "{by} may look, and decide nothing"),
)
_AT = r"(?P<at>20\S+?)"
_LOGGED: tuple[tuple[str, str], ...] = (
    (rf"review \S+ was already decided: (?P<did>\w+) by (?P<by>.+) at {_AT}", "{by} {did} before, {at}"),
    (r"review \S+ was already decided: (?P<did>\w+) by (?P<by>.+) at an unknown time", "{by} {did} before"),
    (r"review \S+ has changed since it was shown .*", "the case had changed since it was shown"),
    (rf"review \S+ is claimed by (?P<by>.+) until {_AT}: .*", "{by} was at it until {at}"),
    (r"review \S+ is closed: the thread went on without it", "the graph had gone on without it"),
    (r"review \S+ is \S+, not failed: .*", "it did not stand still after an error"),
    (r"review \S+ is \S+: there is no decision to undo", "there was no decision to take back"),
    (r"review \S+ is not claimed by .*", "they were not at it any more"),
    (r"review \S+ changed while this was under way: .*", "it changed meanwhile"),
    (
        rf"too late: the thread was told what (?P<by>.+) decided at {_AT}",
        "the graph had been told what {by} decided, {at}",
    ),
    (r"too late: the thread was told what (?P<by>.+) decided", "the graph had been told what {by} decided"),
    (r"idempotency key .*", "the same form had been sent before with something else in it"),
    (r"this link decides nothing: .*", "the link decides nothing any more"),
    (r"review \S+: (?P<what>[a-z ]+): (?P<why>[^:]+)", "{why}"),
)
"""Texts that the log keeps, and what people read of them."""
