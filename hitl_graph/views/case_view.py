"""What the page of one case shows, in the order in which a person reads it. Pure: a case in, plain values out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_graph.desk.case import Case
from hitl_graph.plain import JSON
from hitl_graph.reviews import Evidence, ReviewRequest
from hitl_graph.views.comparing import Comparison, compared, merge_rows
from hitl_graph.views.diff import value_text
from hitl_graph.views.form import Field, fields_of, form_fields
from hitl_graph.views.nested import nested
from hitl_graph.views.places import marked
from hitl_graph.views.request import confirmation, span, target
from hitl_graph.views.text import link_of, markdown_of

__all__ = ["Friction", "Shown", "case_shown", "due", "friction"]

JOBS = {
    "safe_to_send": "Say whether this may be done as it stands, with changes, or not at all.",
    "choose": "Choose one of the options.",
    "verify_value": "Check each value against the document beside it.",
    "merge": "Say whether these two records are one, and what the one says.",
    "rule": "Say whether this case becomes a rule for all cases like it.",
    "respond": "Write the answer.",
    "": "Another program asks this. Answer it as it wants to be answered.",
}
YES = {
    "safe_to_send": "Approve",
    "verify_value": "The values are right",
    "merge": "Merge them",
    "rule": "Make it a rule",
}
_INEXACT = "Parts of this are no plain JSON: they are shown as the program prints them."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Friction:
    """What stands between a person and a yes.

    Attributes:
        one_key: Whether the key alone approves; otherwise it goes to the button, and Enter approves.
        evidence: How many pieces of evidence must have been opened.
        confirm: What must be typed: `field` and `text`; None for nothing.
    """

    one_key: bool
    evidence: int
    confirm: dict[str, Any] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shown:
    """All that the page says about what is asked; what changes while it is open is not in it."""

    kind: str
    job: str
    yes: str
    gate: str
    act: str
    question: str
    description: str
    why: tuple[str, ...]
    uncertainty: tuple[str, ...]
    warnings: tuple[str, ...]
    blocks: tuple[str, ...]
    consequence: str
    irreversible: bool
    risk: str
    if_wrong: str
    words: str
    limit: str
    evidence: tuple[dict[str, Any], ...]
    proposal: tuple[tuple[str, JSON], ...]
    fields: tuple[Field, ...]
    tools: tuple[tuple[str, tuple[Field, ...]], ...]
    acts: tuple[dict[str, Any], ...]
    options: tuple[dict[str, str], ...]
    allowed: tuple[str, ...]
    leads: tuple[tuple[str, str], ...]
    compared: Comparison | None
    merge: tuple[dict[str, Any], ...]
    sides: tuple[str, ...]
    transcript: tuple[dict[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    friction: Friction
    foreign: str
    schema: dict[str, Any] | None


def case_shown(case: Case) -> Shown:
    """A case as its page shows it; text is as it came, for the template to make safe."""
    request = case.request
    return _ours(request) if request else _foreign(case)


def friction(request: ReviewRequest | None, final: Mapping[str, JSON] | None, act: str = "") -> Friction:
    """What a yes to `final` takes: nothing for a low risk; for a high one the evidence, and a text typed.

    Args:
        request: The case; None for one of other origin, of which no risk is known.
        final: What would be done; None: nothing.
        act: What would be called, where it is not what was asked about.
    """
    if request is None or final is None:
        return Friction(one_key=False, evidence=0, confirm=None)
    risk = str(request.action.get("risk") or "")
    return Friction(
        one_key=risk == "low" and not request.warnings,
        evidence=len(request.evidence) if risk == "high" else 0,
        confirm=confirmation(request, final, act),
    )


def due(case: Case, now: dt.datetime) -> dict[str, Any] | None:
    """Until when, and how long that is from now; None where there is no limit."""
    if case.due_at is None:
        return None
    left = (case.due_at - now).total_seconds()
    return {"at": case.due_at, "left": span(left), "over": left < 0, "soon": 0 <= left < 3600}


def _ours(request: ReviewRequest) -> Shown:
    kind = request.kind.value
    sides, rows = merge_rows(request) if kind == "merge" else ((), ())
    return Shown(
        kind=kind,
        job=JOBS[kind],
        yes=YES.get(kind, "Approve"),
        gate=request.gate,
        act=request.act,
        question=request.question,
        description="",
        why=tuple(reason.text for reason in request.why if reason.asks),
        uncertainty=request.uncertainty,
        warnings=request.warnings,
        blocks=request.blocks,
        consequence=request.consequence,
        irreversible=request.action.get("reversible") is False,
        risk=str(request.action.get("risk") or ""),
        if_wrong=str(request.action.get("if_wrong") or ""),
        words=_words(request),
        limit=_limit(request),
        evidence=tuple(_evidence(item, n, request) for n, item in enumerate(request.evidence)),
        proposal=tuple(request.proposal.items()),
        fields=tuple(form_fields(request)) if "edit" in request.allowed else (),
        tools=tuple((name, tuple(form_fields(request, name))) for name in request.other_tools),
        acts=(),
        options=tuple(
            {
                "value": one.value,
                "label": one.label or one.value.replace("_", " "),
                "consequence": one.consequence,
            }
            for one in request.options
        ),
        allowed=request.allowed,
        leads=_leads(request),
        compared=compared(request),
        merge=rows,
        sides=sides,
        transcript=tuple({"role": t.role, "at": t.at or "", "text": t.content} for t in request.transcript),
        versions=tuple((name, str(value)) for name, value in vars(request.versions).items() if value),
        friction=friction(request, request.proposal),
        foreign="",
        schema=None,
    )


def _foreign(case: Case) -> Shown:
    found = case.foreign
    assert found is not None
    acts: tuple[dict[str, Any], ...] = tuple(
        {
            "name": str(act["name"]),
            "allowed": tuple(act["allowed"]),
            "args": tuple(act["args"].items()),
            "fields": tuple(fields_of(act["args"], act.get("schema"))) if "edit" in act["allowed"] else (),
        }
        for act in found.proposals
    )
    one = acts[0] if len(acts) == 1 else None
    schema = found.response_schema if not acts else None
    asked = tuple(fields_of({}, schema)) if schema and "edit" in found.allowed else ()
    said = found.description if found.description.strip() != found.title.strip() else ""
    return Shown(
        kind="",
        job=JOBS[""],
        yes="Approve",
        gate="",
        act=one["name"] if one else "",
        question=found.title.strip() or found.node,
        description=said,
        why=(),
        uncertainty=(),
        warnings=() if found.exact else (_INEXACT,),
        blocks=(),
        consequence="",
        irreversible=False,
        risk="",
        if_wrong="",
        words="",
        limit="",
        evidence=(),
        proposal=one["args"] if one else (),
        fields=one["fields"] if one else asked,
        tools=(),
        acts=acts if len(acts) > 1 else (),
        options=(),
        allowed=_taken(found.allowed, fields=bool(asked or (one and one["fields"]))) if len(acts) < 2 else (),
        leads=(),
        compared=None,
        merge=(),
        sides=(),
        transcript=(),
        versions=(),
        friction=friction(None, None),
        foreign=found.shape.value,
        schema=schema,
    )


def _taken(allowed: Sequence[str], *, fields: bool) -> tuple[str, ...]:
    """What a page can offer of it: an edit needs fields."""
    return tuple(word for word in allowed if word != "edit" or fields)


def _evidence(item: Evidence, number: int, request: ReviewRequest) -> dict[str, Any]:
    content = item.content
    words = markdown_of(item)
    whole = isinstance(content, (dict, list))
    flat = (
        isinstance(content, dict)
        and content
        and not any(isinstance(v, (dict, list)) for v in content.values())
    )
    verified = request.kind.value == "verify_value"
    text = "" if words or (whole and not verified) or flat else value_text(content)
    pieces, found = marked(text, request.proposal.items() if verified else ())
    href, host = link_of(item.url or "")
    return {
        "number": number,
        "title": item.title,
        "source": item.source or "",
        "url": item.url or "",
        "href": href,
        "host": host,
        "pairs": [(name, value_text(value)) for name, value in content.items()] if flat and not words else [],
        "markdown": words,
        "tree": nested(content) if whole and not flat and not words and not verified else None,
        "whole": json.dumps(content, ensure_ascii=False, indent=2) if whole and not flat else words,
        "pieces": pieces,
        "found": found,
        "mono": whole and not flat,
    }


def _words(request: ReviewRequest) -> str:
    """What the agent itself says for its proposal, where its judgement carries it."""
    for name in ("rationale", "reasoning", "explanation"):
        if isinstance(said := request.judgement.get(name), str) and said.strip():
            return said
    return ""


def _leads(request: ReviewRequest) -> tuple[tuple[str, str], ...]:
    """Where each decision leads, those that lead to the same together."""
    found: dict[str, list[str]] = {}
    for word, to in request.continuation.items():
        found.setdefault(target(to), []).append(word.replace("_", " "))
    return tuple((" or ".join(words), to) for to, words in found.items())


def _limit(request: ReviewRequest) -> str:
    """What happens when nobody acts."""
    if request.sla is None:
        return ""
    then = {
        "escalate": "it goes to",
        "reject": "it is rejected",
        "safe_default": "the safe default is taken:",
        "keep_waiting": "it goes on waiting",
    }.get(str(request.sla.on_expiry), str(request.sla.on_expiry).replace("_", " "))
    to = request.sla.escalate_to or request.sla.default
    return f"{then} {to}" if to else then
