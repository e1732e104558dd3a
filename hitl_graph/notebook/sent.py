"""What the card's page sends, read: the form with the person's texts in it, and what a decision cannot do without."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hitl_graph.answers import apply_decision, check_decision
from hitl_graph.coercion import parse_json
from hitl_graph.decisions import Decision, Edit, decision_from_json
from hitl_graph.errors import AnswerError
from hitl_graph.notebook.thread import OpenCase
from hitl_graph.plain import JSON, plain_json, printable
from hitl_graph.reviews import ReviewRequest
from hitl_graph.views.form import form_fields, read_form
from hitl_graph.views.request import confirmation, shown_diff, typeable

__all__ = ["decision_of", "json_of", "preview_of"]

_NEEDED = {
    "choose": ("option", "take one of the options"),
    "respond": ("message", "is empty: write what to answer"),
    "ask_info": ("question", "is empty: say what is missing"),
}
"""What a decision cannot do without, and what to say when it is not there."""


def decision_of(case: OpenCase, content: Mapping[str, Any]) -> Decision:
    """The decision that the page sent, with the form read and what must be said with it said.

    Raises:
        AnswerError: The case does not take it, or something that it needs is missing; `field` names it.
    """
    sent = dict(content.get("decision") or {})
    body = {key: value for key, value in sent.items() if value is not None and str(value).strip()}
    kind = body.get("type")
    where = f"review of gate {case.request.gate!r}" if case.request else "interrupt"
    needed = _NEEDED.get(str(kind))
    if needed and not str(body.get(needed[0], "")).strip():
        raise AnswerError(where, *needed)
    if case.request is None:
        return decision_from_json(body)
    decision: Decision
    if kind == "edit":
        decision = check_decision(
            case.request, dataclasses.replace(_edit(case.request, content), **_grounds(body))
        )
    else:
        decision = check_decision(case.request, decision_from_json(body))
    if kind == "reject" and not (decision.reason or decision.note):
        raise AnswerError(where, "reason", "is empty: say why, in a word to count by")
    final = apply_decision(case.request, decision).final
    wanted = confirmation(case.request, final, _tool(decision)) if final is not None else None
    if wanted and typeable(str(content.get("confirmed", ""))) != typeable(wanted["text"]):
        raise AnswerError(where, "confirm", f"type {wanted['text']} to confirm: this cannot be undone")
    return decision


def preview_of(review: str, request: ReviewRequest, content: Mapping[str, Any]) -> dict[str, Any]:
    """The word diff of what is being typed, what is wrong with it so far, and what confirms it. Decides nothing.

    The diffs are pairs of a field and its pieces: a page may not make an object of names that a model chose.
    """
    problem: dict[str, Any] | None = None
    diffs: list[list[Any]] = []
    confirm: dict[str, Any] | None = None
    try:
        edit = _edit(request, content)
        final = apply_decision(request, edit).final or {}
        names = final if edit.tool else edit.changes
        diffs = [[name, shown_diff(request.proposal.get(name), final.get(name))] for name in names]
        confirm = confirmation(request, final, _tool(edit))
    except AnswerError as error:
        problem = {"review": review, "field": error.field, "text": printable(error.problem)}
    return {
        "type": "preview",
        "review": review,
        "number": content.get("number"),
        "diffs": diffs,
        "confirm": confirm,
        "problem": problem,
    }


def _edit(request: ReviewRequest, content: Mapping[str, Any]) -> Edit:
    """The edit that the form says, as the case takes it."""
    tool = content.get("tool") or None
    if tool is not None and tool not in request.other_tools:
        raise AnswerError(request.gate, "tool", "may not be called instead")
    typed = {str(name): str(text) for name, text in dict(content.get("texts") or {}).items()}
    changes = read_form(form_fields(request, tool), typed, request.gate)
    if not changes and tool is None:
        raise AnswerError(request.gate, "changes", "is empty: nothing was changed")
    edit = check_decision(request, Edit(changes, tool=tool))
    assert isinstance(edit, Edit)
    return edit


def _tool(decision: Decision) -> str:
    return (decision.tool if isinstance(decision, Edit) else None) or ""


def _grounds(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in ("reason", "cause", "recurrence", "note") if key in body}


def json_of(text: str) -> JSON:
    """The JSON that was typed as an answer.

    Raises:
        AnswerError: It is none.
    """
    try:
        return plain_json(parse_json(text), "answer")
    except ValueError as error:
        raise AnswerError(
            "interrupt", "answer", f'should be JSON, such as "yes" in quotes: {error}'
        ) from None
