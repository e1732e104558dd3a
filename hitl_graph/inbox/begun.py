"""What somebody had begun at a case: their draft, or what they said in a decision that waits no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping, Sequence
from typing import Any

from hitl_graph.desk import Case
from hitl_graph.desk.drafts import Draft
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.sent import Sent, from_kept
from hitl_graph.plain import JSON
from hitl_graph.views.field_places import place_words
from hitl_graph.views.inputs import FORM, ORDER, label_of
from hitl_graph.views.reading import form_over

__all__ = ["begun_by", "lines_of", "over", "typed_of"]

_WORDS = ("message", "question", "reason", "cause", "recurrence", "note")
_TURNS = ("undone", "refused", "decided", "changed")


def begun_by(who: Principal, case: Case, draft: Draft | None, history: Sequence[Mapping[str, Any]]) -> Sent:
    """The form as this person had left it: their draft, or else their last decision, if it was taken back or refused.

    Args:
        who: The person. case: As it stands. draft: Theirs. history: The case's events.
    """
    if draft is not None:
        return from_kept(draft.body)
    turns = [event for event in history if event["type"] in _TURNS]
    if not turns or turns[-1]["type"] not in ("undone", "refused"):
        return Sent()
    given = next((event["data"] or {} for event in reversed(turns) if event["type"] == "decided"), {})
    said = given.get("decision")
    if given.get("by") != who.id or not isinstance(said, Mapping):
        return Sent()
    tool, changes = str(said.get("tool") or ""), said.get("changes")
    words = {name: str(said[name]) for name in _WORDS if said.get(name)}
    texts = _texts(case, changes, tool) if isinstance(changes, Mapping) else {}
    return Sent(texts=texts, said=words, tool=tool)


def over(begun: Sent, sent: Sent) -> Sent:
    """A form that was sent, with what the other forms of the page hold besides it."""
    return dataclasses.replace(
        sent,
        texts=sent.texts or begun.texts,
        said={**begun.said, **sent.said},
        tool=sent.tool or begun.tool,
        acts=sent.acts or begun.acts,
    )


def typed_of(case: Case, sent: Sent) -> Sent:
    """A form that was sent, without the fields that say just what was shown.

    Where the case changes, those are not brought back as somebody's own: only what was typed is.
    """
    as_it_stands = case.proposal if sent.digest == case.digest else None
    request, foreign = case.request, case.foreign
    shown = sent.shown.get("proposal", as_it_stands) if request else as_it_stands
    proposals = foreign.proposals if foreign is not None else ()
    acts = {
        number: dataclasses.replace(
            one, texts=_touched(one.texts, proposals[number]["args"], proposals[number].get("schema"))
        )
        for number, one in sent.acts.items()
        if number < len(proposals) and sent.digest == case.digest
    }
    sent = dataclasses.replace(sent, acts={**sent.acts, **acts})
    if sent.tool or not isinstance(shown, Mapping):
        return sent
    schema = (
        request.edit_schema if request else proposals[0].get("schema") if proposals else case.response_schema
    )
    return dataclasses.replace(sent, texts=_touched(sent.texts, shown, schema))


def lines_of(sent: Sent) -> list[tuple[str, str]]:
    """What somebody wrote, to be read: what it is about, and the text."""
    typed = [(place_words(name), text) for name, text in sent.texts.items()]
    said = [(label_of(name), text) for name, text in sent.said.items()]
    return [*typed, *said] + [
        (f"{number + 1}. {name}", text)
        for number, one in sorted(sent.acts.items())
        for name, text in lines_of(one)
    ]


def _touched(texts: Mapping[str, str], shown: Mapping[str, JSON], schema: Any) -> dict[str, str]:
    """Of texts those of the fields that say something else than what was shown."""
    untouched = _as_typed(shown, schema, shown)
    fields = {name: _field_of(name, shown) for name in (*untouched, *texts)}
    changed = {
        field
        for name, field in fields.items()
        if untouched.get(name, "").replace("\r\n", "\n") != texts.get(name, "")
    }
    return {name: text for name, text in texts.items() if fields[name] in changed}


def _field_of(name: str, proposal: Mapping[str, JSON]) -> str:
    """The field of a proposal that an input is part of: `lines` of `lines[0].amount`."""
    within = (field for field in proposal if name.startswith(tuple(f"{field}{sign}" for sign in ".[{")))
    return name if name in proposal else max(within, key=len, default=name)


def _texts(case: Case, changes: Mapping[str, JSON], tool: str) -> dict[str, str]:
    """What would be typed in the form to make these changes."""
    request = case.request
    if request is None:
        acts = case.foreign.proposals if case.foreign else ()
        before, schema = (acts[0]["args"], acts[0].get("schema")) if acts else ({}, case.response_schema)
    elif tool:
        before, schema = {}, request.other_tools.get(tool)
    else:
        before, schema = request.proposal, request.edit_schema
    return _as_typed({**before, **changes}, schema, changes)


def _as_typed(content: Mapping[str, JSON], schema: Any, fields: Container[str]) -> dict[str, str]:
    """What stands in the form of some content, for these of its fields."""
    ends = {"list": ORDER, "variant": FORM}
    return {
        f"{one.name}{ends.get(one.kind, '')}": one.text
        for top in form_over(content, schema).inputs
        if str(top.key) in fields
        for one in top.walk()
        if one.kind not in ("group", "fixed")
    }
