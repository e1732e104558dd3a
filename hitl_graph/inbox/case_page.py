"""One case as a page or as its body alone: everything that a template needs, gathered once."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Request
from fastapi.responses import Response

from hitl_graph.decisions import Cause, Recurrence
from hitl_graph.desk import Case, Desk
from hitl_graph.errors import AnswerError, DecisionConflict, HitlError, StaleReview
from hitl_graph.inbox.begun import begun_by, over, typed_of
from hitl_graph.inbox.look import Look
from hitl_graph.inbox.place import came_from
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.queue import Queue
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import is_htmx
from hitl_graph.inbox.sent import Sent, changes_of, digest_of_edits, edits_of, form_of
from hitl_graph.inbox.standing import standing
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements
from hitl_graph.views.case_view import case_shown, due, friction
from hitl_graph.views.comparing import snapshot, stale_diff
from hitl_graph.views.diff import Piece, Work, part_diffs, value_text, word_diff
from hitl_graph.views.history import decided_words, history_lines
from hitl_graph.views.inputs import Input
from hitl_graph.views.reading import EditForm, form_over

__all__ = [
    "FRESH_S",
    "SQL",
    "Problem",
    "address",
    "case_page",
    "changed_diff",
    "draft_values",
    "now_values",
    "opened_by",
    "trail_of",
]

SQL = load_statements("hitl_graph.inbox", "case.sql")
_PLACES = frozenset(
    {"changes", "diff", "evidence", "decision", "tool", "confirmed", "option", "message", "question"}
    | {"reason", "cause", "to", "hours"}
)
_NAMED = re.compile(r"(changes\.[^\s:]+): (.+)", re.DOTALL)
FRESH_S = 45.0
"""After so many seconds without a sign somebody is not at a case any more."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """What was wrong with a form: the words, the field that they belong to, and which form it was."""

    text: str
    field: str = ""
    form: str = ""
    kind: str = "error"

    @classmethod
    def of(cls, error: HitlError, form: str) -> Problem:
        """What an error says, beside its field where it has one."""
        if isinstance(error, AnswerError):
            return cls(text=error.problem, field=error.field, form=form)
        return cls(text=str(error), form=form)


def address(case: Case, what: str = "") -> str:
    """Where a case is, or something of it."""
    return f"/cases/{quote(case.id, safe='')}{what}?thread={quote(case.thread_id, safe='')}"


async def opened_by(desk: Desk, case: Case, by: str) -> list[int]:
    """The numbers of the pieces of evidence that somebody has opened of the case as it stands."""
    opened: list[int] = (await _look(desk, case, by))["opened"]
    return opened


async def case_page(
    request: Request,
    desk: Desk,
    who: Principal,
    case: Case,
    *,
    sent: Sent | None = None,
    problem: Problem | None = None,
    error: HitlError | None = None,
    status: int = 200,
) -> Response:
    """The whole page, or its body where a form of the page asked.

    Args:
        request: What asked. desk: The desk. who: Who sees it. case: As it stands.
        sent: What stood in the form that was sent, which is shown again.
        problem: What was wrong with it. error: What the desk refused, where it was that.
        status: Of the answer.
    """
    look = Look.of_trail(trail_of(request))
    history = await desk.history(case.id, thread_id=case.thread_id)
    draft = (
        await desk.drafts.load(case.id, by=who.id, thread_id=case.thread_id) if who.may("decide") else None
    )
    begun = begun_by(who, case, draft, history)
    stale = isinstance(error, StaleReview) and case.request is not None
    as_shown = sent.shown if sent else {}
    sent = begun if sent is None else over(begun, typed_of(case, sent) if stale else sent)
    shown = case_shown(case)
    diffs, wrong = changed_diff(case, sent)
    tool = sent.tool if sent.tool in dict(shown.tools) else ""
    form = form_of(case, dataclasses.replace(sent, tool=tool)) if tool or shown.fields else None
    values: dict[str, Any] = {
        **(await now_values(desk, case, who)),
        "shown": shown,
        "sent": sent,
        "tool": tool,
        "fields": form.inputs if form else (),
        "act_forms": _act_forms(case, sent),
        "errors": _errors(problem or wrong or _of_the_gate(case), form),
        "problem": problem,
        "plain": _plain(request, problem),
        "on_top": problem is not None and not _has_place(problem.field, form),
        "conflict": error if isinstance(error, DecisionConflict) else None,
        "diffs": diffs,
        "diffed": _diffed(case, sent),
        "decided_diff": _decided_diff(case),
        "friction": _asks(case, sent),
        "draft": draft,
        "codes": await _codes(desk, case),
        **(await _whom(desk)),
        "snapshot": json.dumps(snapshot(case)),
        "stale": stale_diff(as_shown, case) if stale else (),
        "is_stale": stale,
        "lines": history_lines(history),
        "new_key": lambda: secrets.token_urlsafe(18),
        "value_text": value_text,
        "look": look,
        "neighbours": await Queue(desk, who).beside(look, case),
    }
    template = "parts/case_body.html" if is_htmx(request) else "case.html"
    return page(request, template, values, status=status)


def _plain(request: Request, problem: Problem | None) -> str:
    """The dialog that stands open on a whole page: the one asked for, or the one with something wrong in it."""
    if is_htmx(request):
        return ""
    return problem.form if problem is not None else request.query_params.get("plain", "")


def trail_of(request: Request) -> str:
    """Which view of the queue the case was opened from: as the page's address says, also where a form of it asks."""
    if "from" in request.query_params:
        return request.query_params["from"]
    return dict(parse_qsl(urlsplit(came_from(request)).query)).get("from", "")


async def now_values(desk: Desk, case: Case, who: Principal) -> dict[str, Any]:
    """What changes while the page is open: who is at it, what was decided, how long that can be taken back."""
    look = await _look(desk, case, who.id)
    now = look["now"]
    me, votes = key_of(who.id), [vote for vote in case.votes if vote["counts"]]
    undo_left = None
    if case.status == "decided" and case.dispatched_at is None and case.dispatch_at is not None:
        undo_left = max(0.0, (case.dispatch_at - now).total_seconds())
    return {
        "case": case,
        "who": who,
        "now": now,
        "base": f"/cases/{quote(case.id, safe='')}",
        "opened": look["opened"],
        "others": [one for one in look["presence"] if one["person"] != me],
        "mine": case.claimed_by is not None and key_of(case.claimed_by) == me,
        "due": due(case, now),
        "undo_left": undo_left,
        "decided": decided_words(case.decision, case.decision_type),
        "votes": votes,
        "standing": await standing(desk, case, who),
        "held": await desk.holds.held(
            thread_id=case.thread_id, workflow=case.workflow, action=case.action or ""
        ),
        "may": who.may,
    }


def changed_diff(case: Case, sent: Sent) -> tuple[list[tuple[str, list[Piece]]], Problem | None]:
    """What the typed fields change, field by field, and what is wrong with them so far."""
    try:
        edits = edits_of(case, sent)
    except AnswerError as error:
        return [], Problem(text=error.problem, field=error.field, form="main")
    several, work = len(edits) > 1 or bool(sent.acts), Work()
    return [
        (f"{one.label}: {name}" if several else name, word_diff(one.before.get(name), value, work))
        for one in edits
        for name, value in one.changes.items()
    ], None


def _decided_diff(case: Case) -> list[tuple[str, list[Piece]]]:
    """What an edit that was decided changes."""
    said = case.decision or {}
    changes = said.get("changes") if case.decision_type == "edit" else None
    if not isinstance(changes, Mapping):
        return []
    before = {} if said.get("tool") else case.proposal
    work = Work()
    return [
        part
        for name, value in changes.items()
        for part in part_diffs(str(name), before.get(name), value, work)
    ]


def draft_values(case: Case, sent: Sent) -> dict[str, Any]:
    """What the page says about what is being typed."""
    diffs, wrong = changed_diff(case, sent)
    return {
        "shown": case_shown(case),
        "diffs": diffs,
        "wrong": wrong,
        "diffed": _diffed(case, sent),
        "friction": _asks(case, sent),
        "errors": {},
    }


def _diffed(case: Case, sent: Sent) -> str:
    """Which changes the page shows as a diff."""
    try:
        return digest_of_edits(edits_of(case, sent))
    except AnswerError:
        return ""


def _asks(case: Case, sent: Sent) -> Any:
    """What a yes takes, to the proposal as it would be with the changes."""
    request = case.request
    if request is None:
        return friction(None, None)
    try:
        changes = changes_of(case, sent) if sent.texts else {}
    except AnswerError:
        changes = {}
    final = changes if sent.tool else {**request.proposal, **changes}
    return friction(request, final, sent.tool)


async def _look(desk: Desk, case: Case, by: str) -> Mapping[str, Any]:
    params = {"thread_id": case.thread_id, "id": case.id, "by": by, "digest": case.digest, "fresh_s": FRESH_S}
    [row] = await desk.rows(SQL["look"], params)
    return row


async def _codes(desk: Desk, case: Case) -> dict[str, Any]:
    """The reasons and causes that may be named here; without any a cause is one of ours, and a reason any word."""
    found = await desk.codes.list(gate=case.gate or "")
    out: dict[str, Any] = {"reason": [], "cause": [], "asked": bool(found)}
    for code in found:
        out[code.kind].append((code.code, code.label))
    out["cause"] = out["cause"] or [(one.value, one.value.replace("_", " ")) for one in Cause]
    labels = {Recurrence.EDGE: "this once", Recurrence.RECURRING: "it will come again"}
    out["recurrence"] = [(one.value, labels[one]) for one in Recurrence]
    return out


async def _whom(desk: Desk) -> dict[str, list[str]]:
    """Who a case can be given to; nobody where nobody is listed, so that any name can be typed."""
    people = [one for one in await desk.people.list() if one.active and one.kind == "human"]
    groups = sorted({group for one in people for group in one.groups})
    return {"people": [one.id for one in people], "groups": groups}


def _act_forms(case: Case, sent: Sent) -> list[tuple[Input, ...]]:
    """The form of each of several acts, with what was typed in it."""
    acts = case.foreign.proposals if case.foreign is not None else ()
    texts = [sent.acts[number].texts if number in sent.acts else {} for number in range(len(acts))]
    return [
        form_over(act["args"], act.get("schema"), typed).inputs
        for act, typed in zip(acts, texts, strict=True)
    ]


def _has_place(field: str, form: EditForm | None) -> bool:
    """Whether the page has a place for what is wrong with this field; else it is said on top."""
    return field in _PLACES or field.startswith("act") or bool(form is not None and form.place(field))


def _of_the_gate(case: Case) -> Problem | None:
    """What the gate had against the last answer, where it names a field."""
    found = _NAMED.search(case.error or "")
    return Problem(text=found[2], field=found[1], form="main") if found else None


def _errors(problem: Problem | None, form: EditForm | None) -> dict[str, str]:
    """What is wrong, by field; what is wrong with something within an input stands beside that input."""
    if problem is None or not problem.field:
        return {}
    out = {problem.field: problem.text}
    place = form.place(problem.field) if form is not None else ""
    if place and place != problem.field:
        out[place] = f"{problem.field[len(place) :].lstrip('.')}: {problem.text}"
    return out
