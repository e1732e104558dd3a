"""What is shown of a request and of a record: plain JSON of printable text, for the card and for the pages alike."""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from hitl_graph.plain import JSON, hidden_characters, printable
from hitl_graph.reviews import Record, ReviewRequest
from hitl_graph.views.diff import value_text, word_diff
from hitl_graph.views.form import form_fields
from hitl_graph.wire import ForeignCase, Shape

__all__ = [
    "clock",
    "confirmation",
    "foreign_view",
    "record_view",
    "request_view",
    "shown_diff",
    "span",
    "target",
    "typeable",
]

View = dict[str, Any]

_CONFIRM = ("amount", "total", "price", "to", "recipient", "recipients", "account", "name", "id")
_MOST_TYPED = 60
"""Characters that a person can be asked to type."""


def request_view(request: ReviewRequest, asked_at: dt.datetime | None = None) -> View:
    """A request of our own: all that a person needs, in the order in which they read it."""
    action = request.action
    return {
        "foreign": None,
        "gate": printable(request.gate),
        "kind": request.kind.value,
        "question": printable(request.question),
        "act": printable(request.act),
        "risk": str(action.get("risk") or ""),
        "irreversible": action.get("reversible") is False,
        "if_wrong": printable(str(action.get("if_wrong") or "")),
        "consequence": printable(request.consequence),
        "why": [printable(reason.text) for reason in request.why if reason.asks],
        "uncertainty": [printable(text) for text in request.uncertainty],
        "warnings": [printable(text) for text in request.warnings],
        "owner": printable(str(request.owner)),
        "priority": request.priority.value,
        "blocks": [printable(text) for text in request.blocks],
        "limit": _limit(request),
        "due": _due(request, asked_at),
        "evidence": [
            {
                "title": printable(item.title),
                "source": printable(item.source or ""),
                "url": printable(item.url or ""),
                **_content(item.content),
            }
            for item in request.evidence
        ],
        "fields": _fields(request.proposal),
        "form": [field.to_json() for field in form_fields(request)] if "edit" in request.allowed else [],
        "tools": _tools(request),
        "options": [
            {
                "value": option.value,
                "label": printable(option.label or option.value.replace("_", " ")),
                "consequence": printable(option.consequence),
            }
            for option in request.options
        ],
        "allowed": list(request.allowed),
        "leads": {word: target(to) for word, to in request.continuation.items()},
        "confirm": confirmation(request, request.proposal),
        "previous": _previous(request),
        "transcript": [
            {"role": printable(turn.role), "at": printable(turn.at or ""), "text": printable(turn.content)}
            for turn in request.transcript
        ],
        "versions": ", ".join(
            f"{name} {printable(str(value))}" for name, value in vars(request.versions).items() if value
        ),
    }


def foreign_view(foreign: ForeignCase) -> View:
    """As much of an interrupt of other origin as can be read."""
    acts = [{"name": printable(act["name"]), "fields": _fields(act["args"])} for act in foreign.proposals]
    one = len(acts) <= 1
    template: JSON = {"decisions": [{"type": "approve"} for _ in acts]}
    if foreign.shape is Shape.AGENT_INBOX:
        template = [{"type": "accept", "args": None} for _ in acts]
    elif foreign.shape is not Shape.LANGCHAIN_BATCH:
        template = {"type": "approve"} if foreign.shape is Shape.LANGCHAIN_CALL else ""
    title = foreign.title.strip()
    return {
        "foreign": foreign.shape.value,
        "question": printable(title),
        "description": printable(foreign.description) if foreign.description.strip() != title else "",
        "acts": acts,
        "allowed": [word for word in foreign.allowed if word != "edit"] if one else [],
        "template": json.dumps(template, ensure_ascii=False),
        "schema": json.dumps(foreign.response_schema, ensure_ascii=False, indent=2)
        if foreign.response_schema
        else "",
    }


def confirmation(request: ReviewRequest, final: Mapping[str, JSON], act: str = "") -> View | None:
    """What a person types before an irreversible act of high risk happens: its amount, its recipient, or its name.

    Args:
        request: The case.
        final: What will be done.
        act: What will be called, where it is not what was asked about.

    Returns:
        The field and the text, which fits one line and can be typed; None where nothing has to be.
    """
    if request.action.get("risk") != "high" or request.action.get("reversible") is not False:
        return None
    for name in _CONFIRM:
        value = final.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            text = typeable(value_text(value))
            if 0 < len(text) <= _MOST_TYPED and text == printable(text):
                return {"field": name, "text": text}
    return {"field": "", "text": printable(typeable(act or request.act))}


def typeable(text: str) -> str:
    """A text as an input of one line has it, and as a page shows it: any blanks and line breaks are one blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def record_view(record: Record) -> View:
    """A decision that was made: who, when, why, and what became of the proposal."""
    said = record.answer
    names = dict.fromkeys((*record.proposed, *(record.final or {})))
    return {
        "id": record.review,
        "gate": printable(record.gate),
        "act": printable(record.final_tool or (record.tool_call.name if record.tool_call else record.action)),
        "decision": record.decision,
        "outcome": record.outcome,
        "by": printable(record.by),
        "via": printable(record.via),
        "at": clock(record.at),
        "waited": "" if record.waited_s is None else span(record.waited_s),
        "reason": printable(record.reason or ""),
        "cause": record.cause or "",
        "recurrence": record.recurrence or "",
        "note": printable(record.note or ""),
        "words": printable(str(said.get("message") or said.get("question") or "")),
        "option": printable(str(said.get("option") or "")),
        "route": target(record.route or ""),
        "final": record.final is not None,
        "fields": [
            {
                "name": printable(name),
                "diff": shown_diff(record.proposed.get(name), _final(record).get(name)),
                "changed": record.final is not None and record.proposed.get(name) != record.final.get(name),
            }
            for name in names
        ],
    }


def shown_diff(before: JSON, after: JSON) -> list[list[str]]:
    """A word diff whose pieces are printable."""
    return [[kind, printable(text)] for kind, text in word_diff(before, after)]


def span(seconds: float) -> str:
    """A length of time in one or two units: 40 s, 3 min, 2 h 5 min, 4 d 3 h."""
    minutes, rest = divmod(int(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    first = next((place for place, (number, _) in enumerate(units) if number), 3)
    several = units[first : first + (2 if first < 2 else 1)]
    return " ".join(f"{number} {unit}" for number, unit in several if number) or "0 s"


def clock(text: str | None) -> str:
    """A stored moment as people write it, in UTC."""
    try:
        return (
            ""
            if text is None
            else f"{dt.datetime.fromisoformat(text).astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
        )
    except ValueError:
        return printable(str(text))


def target(node: str) -> str:
    """Where a decision leads, in words."""
    return "the end" if node == "__end__" else printable(node)


def _final(record: Record) -> Mapping[str, JSON]:
    return record.proposed if record.final is None else record.final


def _fields(values: Mapping[str, JSON]) -> list[View]:
    return [
        {
            "name": printable(name),
            "text": printable(value_text(value)),
            "mono": not isinstance(value, (str, int, float)) and value is not None,
            "hidden": hidden_characters(value) if isinstance(value, str) else [],
        }
        for name, value in values.items()
    ]


def _content(value: JSON) -> View:
    """Text as it is, a flat object as names and values, the rest as JSON."""
    if isinstance(value, dict) and value and not any(isinstance(one, (dict, list)) for one in value.values()):
        return {
            "pairs": [[printable(k), printable(value_text(v))] for k, v in value.items()],
            "text": "",
            "mono": False,
        }
    return {"pairs": [], "text": printable(value_text(value)), "mono": isinstance(value, (dict, list))}


def _tools(request: ReviewRequest) -> list[View]:
    """The other tools that an edit may call instead, each with its form."""
    return [
        {
            "name": printable(name),
            "tool": name,
            "form": [field.to_json() for field in form_fields(request, name)],
        }
        for name in request.other_tools
    ]


def _previous(request: ReviewRequest) -> View | None:
    """The attempt before this one, and what is different now."""
    before = request.previous
    if not before:
        return None
    said = [printable(str(before[key])) for key in ("reason", "note") if before.get(key)]
    old: Mapping[str, JSON] = before.get("proposed") or {}
    names = dict.fromkeys((*old, *request.proposal))
    changed = [name for name in names if old.get(name) != request.proposal.get(name)]
    return {
        "decision": str(before.get("decision") or ""),
        "by": printable(str(before.get("by") or "")),
        "said": said,
        "fields": [
            {"name": printable(name), "diff": shown_diff(old.get(name), request.proposal.get(name))}
            for name in changed
        ],
    }


def _limit(request: ReviewRequest) -> str:
    """What happens when nobody acts."""
    if request.sla is None:
        return ""
    then, to = request.sla.on_expiry.replace("_", " "), request.sla.escalate_to or request.sla.default
    time = f"{request.sla.hours:g} working hours" if request.sla.calendar else span(request.sla.hours * 3600)
    return f"after {time} without an answer: {then}" + (f" to {printable(to)}" if to else "")


def _due(request: ReviewRequest, asked_at: dt.datetime | None) -> str | None:
    if request.sla is None or asked_at is None:
        return None
    try:
        return request.sla.due(asked_at).isoformat()
    except OverflowError:
        return None
