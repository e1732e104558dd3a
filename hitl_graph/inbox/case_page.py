"""One case as a page or as its body alone: everything that a template needs, gathered once."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Request
from fastapi.responses import Response

from hitl_graph.decisions import Cause, Recurrence
from hitl_graph.desk import Case, Desk
from hitl_graph.errors import AnswerError, DecisionConflict, HitlError, StaleReview
from hitl_graph.inbox.begun import begun_by, lines_of, over, typed_of
from hitl_graph.inbox.changed import Changed, changed, decided_diff
from hitl_graph.inbox.look import Look
from hitl_graph.inbox.place import came_from
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.queue import Queue
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import is_htmx
from hitl_graph.inbox.sent import Sent, form_of
from hitl_graph.inbox.standing import standing
from hitl_graph.inbox.wording import Wording
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements
from hitl_graph.views.case_view import case_shown, due
from hitl_graph.views.comparing import snapshot, stale_diff
from hitl_graph.views.diff import value_text
from hitl_graph.views.history import decided_words, history_lines
from hitl_graph.views.inputs import Input
from hitl_graph.views.reading import EditForm, form_over
from hitl_graph.views.refusals import error_words, refusal_words

__all__ = [
    "FRESH_S",
    "SQL",
    "Problem",
    "address",
    "case_page",
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
    def of(cls, error: HitlError, form: str, words: Wording | None = None, by: str = "") -> Problem:
        """What an error says to people, beside its field where it has one.

        Args:
            error: What was refused. form: Which form it was. words: Those of the case. by: Whoever sent it.
        """
        if isinstance(error, AnswerError):
            return cls(text=words.error(error) if words else error_words(error), field=error.field, form=form)
        return cls(text=refusal_words(error, by), form=form)


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
    written = sent or Sent()
    sent = begun if sent is None else over(begun, typed_of(case, sent) if stale else sent)
    shown = case_shown(case)
    now = await now_values(desk, case, who)
    words = Wording(case, sent)
    if problem is not None and isinstance(error, AnswerError):
        problem = Problem.of(error, problem.form, words)
    change = changed(case, sent, now["standing"])
    tool = sent.tool if sent.tool in dict(shown.tools) else ""
    form = form_of(case, dataclasses.replace(sent, tool=tool)) if tool or shown.fields else None
    values: dict[str, Any] = {
        **now,
        "shown": shown,
        "sent": sent,
        "tool": tool,
        "fields": form.inputs if form else (),
        "act_forms": _act_forms(case, sent),
        "errors": _errors(_problems(case, change, problem, words), form),
        "problem": problem,
        "plain": _plain(request, problem),
        "on_top": problem is not None and not _has_place(problem.field, form),
        "conflict": error if isinstance(error, DecisionConflict) else None,
        "change": change,
        "decided_diff": decided_diff(case),
        "kept": lines_of(over(begun, typed_of(case, written))),
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
    mine = case.claimed_by is not None and key_of(case.claimed_by) == me
    stand = await standing(desk, case, who)
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
        "mine": mine,
        "due": due(case, now),
        "undo_left": undo_left,
        "error_words": Wording(case, Sent()).answer(case.error) if case.error else "",
        "decided": decided_words(case.decision, case.decision_type),
        "votes": votes,
        "standing": stand,
        "holder": "" if mine or stand.nothing or case.claimed_by is None else case.claimed_by,
        "held": await desk.holds.held(
            thread_id=case.thread_id, workflow=case.workflow, action=case.action or ""
        ),
        "may": who.may,
    }


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


def _of_the_gate(case: Case, words: Wording) -> Problem | None:
    """What the gate had against the last answer, where it names a field."""
    found = _NAMED.search(case.error or "")
    return Problem(text=words.answer(found[0]), field=found[1], form="main") if found else None


def _problems(case: Case, change: Changed, problem: Problem | None, words: Wording) -> list[Problem]:
    """What is wrong with the form: what was refused first, then every field that could not be sent either."""
    found = [] if problem is None else [problem]
    found += [Problem.of(error, "main", words) for error in change.wrong]
    return found or [one for one in (_of_the_gate(case, words),) if one is not None]


def _errors(problems: Sequence[Problem], form: EditForm | None) -> dict[str, str]:
    """What is wrong, by field; what is wrong with something within an input stands beside that input."""
    out: dict[str, str] = {}
    for one in problems:
        if not one.field:
            continue
        out.setdefault(one.field, one.text)
        place = form.place(one.field) if form is not None else ""
        if place and place != one.field:
            out.setdefault(place, one.text)
    return out
