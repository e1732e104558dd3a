"""What is wrong with a small form, in words for people: a decision's reason, who a case goes to, a setting. Pure."""

from __future__ import annotations

import re

from hitl_graph.views.field_rules import rule_of
from hitl_graph.views.field_words import VERB, field_words, problem_words
from hitl_graph.views.inputs import label_of
from hitl_graph.views.reading import EditForm

__all__ = ["answer_words", "plain_words", "said_words", "sentence_of"]

_LABELS = {
    "by": "Your name",
    "reason": "The reason",
    "cause": "Where the mistake comes from",
    "recurrence": "Whether it will come again",
    "to": "Who it goes to",
    "hours": "How long",
    "until": "Until when",
    "option": "Your choice",
    "message": "Your answer",
    "words": "Your answer",
    "question": "What is missing",
    "evidence": "The evidence",
    "confirmed": "What is typed to confirm",
    "tool": "What is called",
    "changes": "The changes",
    "decision": "The decision",
    "type": "The decision",
    "id": "The name",
    "max_amount": "The amount",
    "days": "The number of days",
    "target": "The name",
    "sender": "The name",
    "holder": "The name of the group or person",
}
_TEXTS: tuple[tuple[str, str], ...] = (
    (
        r"is empty: nothing was changed|nothing was changed",
        "Nothing was changed: change a field, or decide without changes.",
    ),
    (
        r"(?P<one>.*): you changed (?:it|them), and this would go without: send the changes",
        "You changed {one}, and this would go without that: send it with the changes.",
    ),
    (r"open it first: (?P<one>.*)", "Open the evidence first: {one}."),
    (r"is empty: say it(?: in words)?", "{label} is empty: say it in words."),
    (r"is missing: name one of (?P<one>.*)", "{label} is missing: choose one of {one}."),
    (
        r"'(?P<one>.*)' is unknown: name one of (?P<two>.*)",
        "“{one}” is none of those known here: choose one of {two}.",
    ),
    (r"is '?(?P<one>.*?)'?, and should be (?:one of )?(?P<two>.*)", "{label} has to be one of {two}."),
    (
        r"'(?P<one>.*)' is nobody who could decide: see desk\.people",
        "“{one}” is nobody who could decide this: choose somebody else.",
    ),
    (
        r"nobody who could decide is in the group '(?P<one>.*)'",
        "Nobody who could decide this is in the group “{one}”: choose another group.",
    ),
    (r".+ is not from (?P<one>\S+) to (?P<two>\S+)", "{label} has to be from {one} to {two}."),
    (r"is no number of (?P<one>.*)", "{label} has to be a number of {one}."),
    (
        r".+ is no amount from 0 up; None is any amount",
        "{label} has to be a number from 0 up; empty is any amount.",
    ),
    (r".* is not allowed here: decide (?P<one>.*)", "This case does not take that decision: decide {one}."),
    (r"is none of those that this case takes", "This case does not take that decision: choose another one."),
    (r"is none of the options: choose (?P<one>.*)", "Choose one of these: {one}."),
    (r"say what becomes of it: (?P<one>.*)", "Say what becomes of it: {one}."),
    (r"'(?P<one>.*)' is none, such as (?P<two>.*)", "“{one}” is no time zone, such as {two}."),
    (
        r".*may not be called instead.*",
        "That may not be called instead: choose one of those that are offered.",
    ),
    (r"is of no use: .*", "Nothing else can be called here: change the values, or decide without changes."),
    (r"is no decision.*", "This was not understood: load the page again and decide once more."),
    (r"is a list of one or more of (?P<one>.*)", "Tick one or more of {one}."),
    (r"should be a list out of (?P<one>.*)", "{label} has to be some of {one}."),
    (r"must be said, or else .*", "{label} is empty: fill it in."),
)
"""Texts of the desk that hold what only programs say, and what people read instead."""

_LONGEST, _LONGEST_LABEL = 4_000, 80
"""Of a longer text the beginning is read: others wrote it."""

_METHODS = re.compile(
    r" ?\([^()]{0,200}\b(?:desk\.\w|hitl-graph )[^()]{0,200}\)"
    r"|(?:: see|, see|: use)? ?\bdesk\.[\w.]+(?:\([^()]{0,200}\))?"
)
_CODES = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")


def said_words(field: str, problem: str) -> str:
    """A whole sentence for an error about a field of a small form.

    Example:
        >>> said_words("reason", "is missing: name one of wrong_tone, wrong_facts")
        'The reason is missing: choose one of wrong tone, wrong facts.'
    """
    problem = problem[:_LONGEST]
    label = _LABELS.get(field.rpartition(".")[2], label_of(field.rpartition(".")[2])[:_LONGEST_LABEL])
    for text, words in _TEXTS:
        if found := re.fullmatch(text, problem, re.DOTALL):
            parts = {
                name: part if f"'(?P<{name}>" in text or "options" in text else _spaced(part)
                for name, part in found.groupdict().items()
            }
            return words.format(label=label, **parts)
    if rule_of(problem)[0]:
        return problem_words(problem, label)
    cleaned = plain_words(problem)
    return _closed(f"{label} {cleaned}" if VERB.match(cleaned) else cleaned)


def answer_words(text: str, form: EditForm | None = None) -> str:
    """What a gate had against the last answer, as it is kept: `review of gate 'reply': changes.to: is missing`."""
    if found := re.fullmatch(r"(?:review of gate '.*?': )?(changes(?:[.\[][^:]*)?): (.+)", text, re.DOTALL):
        return (
            field_words(found[1], found[2], form) if found[1] != "changes" else said_words(found[1], found[2])
        )
    if found := re.fullmatch(r"review of gate '.*?': (\w+): (.+)", text, re.DOTALL):
        return said_words(found[1], found[2])
    return _closed(plain_words(text))


def sentence_of(text: str) -> str:
    """`plain_words` as a sentence."""
    return _closed(plain_words(text))


def plain_words(text: str) -> str:
    """Any text of ours without the names of methods and commands, and with quotes as people write them."""
    text = _METHODS.sub("", text[:_LONGEST])
    text = re.sub(r"(: |, or )say trusted=True(?: if it is meant)?", r"\1tick that you vouch for it", text)
    return re.sub(r"(?<!\w)'([^'\n]*)'(?!\w)", "“\\1”", text).strip()


def _spaced(text: str) -> str:
    return _CODES.sub(lambda found: found[0].replace("_", " "), text)


def _closed(text: str) -> str:
    text = f"{text[:1].upper()}{text[1:]}"
    return text if text[-1:] in ".!?…" else f"{text}."
