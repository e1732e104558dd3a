"""Deciding a case, taking the decision back, and letting a graph that failed try again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.decisions import Decision
from hitl_graph.desk import Case, Desk, Status
from hitl_graph.desk.acting import must_be_open
from hitl_graph.errors import (
    AnswerError,
    CaseClaimed,
    DecisionConflict,
    DeskError,
    HitlError,
    IdempotencyConflict,
    NotAuthorised,
    ReviewClosed,
    StaleReview,
    TooLate,
)
from hitl_graph.inbox.case_page import (
    Problem,
    address,
    case_page,
    opened_by,
    trail_of,
)
from hitl_graph.inbox.changed import changed
from hitl_graph.inbox.look import Look
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.requests import Decides, Refused, TheDesk, TheSettings, is_htmx
from hitl_graph.inbox.sent import Sent, decision_of, demand, read_sent
from hitl_graph.inbox.wording import Wording

__all__ = ["SHOWN", "decided_page", "refused_page", "router", "the_form"]

router = APIRouter()

_STATUS: dict[type[HitlError], int] = {AnswerError: 422, NotAuthorised: 403}
SHOWN = (
    AnswerError,
    CaseClaimed,
    DecisionConflict,
    IdempotencyConflict,
    NotAuthorised,
    ReviewClosed,
    StaleReview,
    TooLate,
)
"""What the case's own page says; everything else is said by the application."""


async def the_form(request: Request) -> tuple[Sent, str | None]:
    """What was sent, and the thread that it names."""
    form = await request.form(max_fields=5000)
    pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    if len({value for name, value in pairs if name == "decision"}) > 1:
        raise Refused(
            422,
            "This form says two different decisions, and nothing was done: load the page again.",
            field="decision",
        )
    return read_sent(pairs), dict(pairs).get("thread") or None


async def decided_page(request: Request, desk: Desk, who: Principal, case: Case) -> Response:
    """After a change that took effect: the page as it is now."""
    if not is_htmx(request):
        return RedirectResponse(address(case) + Look.of_trail(trail_of(request)).trail, 303)
    return await case_page(request, desk, who, case)


async def refused_page(
    request: Request, desk: Desk, who: Principal, case: Case, error: HitlError, sent: Sent, form: str
) -> Response:
    """After a refusal: the page as it is now, the words beside what they are about, and what was typed."""
    now = await desk.show(case.id, thread_id=case.thread_id)
    status = _STATUS.get(type(error), 409)
    problem = Problem.of(error, form, by=who.id)
    return await case_page(request, desk, who, now, sent=sent, problem=problem, error=error, status=status)


@router.post("/cases/{review_id}/decide")
async def decide(
    request: Request, who: Decides, desk: TheDesk, settings: TheSettings, review_id: str
) -> Response:
    """Take the decision that a form says, once, and keep it from its thread for as long as it can be taken back."""
    sent, thread = await the_form(request)
    case = await desk.show(review_id, thread_id=thread)
    if sent.decision == "preview":
        wrong = changed(case, sent).wrong
        problem = Problem.of(wrong[0], "main", Wording(case, sent)) if wrong else None
        return await case_page(
            request, desk, who, case, sent=sent, problem=problem, status=422 if wrong else 200
        )
    try:
        decision = await _read(desk, case, sent, who)
        case = await desk.decide(
            case.id,
            decision,
            by=who.id,
            digest=sent.digest,
            thread_id=case.thread_id,
            idempotency_key=f"inbox {sent.key}" if sent.key else None,
            undo_s=settings.undo_s,
        )
    except SHOWN as error:
        return await refused_page(request, desk, who, case, error, sent, sent.decision)
    return await decided_page(request, desk, who, case)


@router.post("/cases/{review_id}/undo")
async def undo(request: Request, who: Decides, desk: TheDesk, review_id: str) -> Response:
    """Take the decision back, as long as its thread was not told."""
    sent, thread = await the_form(request)
    case = await desk.show(review_id, thread_id=thread)
    try:
        case = await desk.undo(case.id, by=who.id, thread_id=case.thread_id)
    except SHOWN as error:
        return await refused_page(request, desk, who, case, error, sent, "undo")
    return await decided_page(request, desk, who, case)


@router.post("/cases/{review_id}/retry")
async def retry(request: Request, who: Decides, desk: TheDesk, review_id: str) -> Response:
    """Let the graph that raised try again on the decision that stands."""
    sent, thread = await the_form(request)
    case = await desk.show(review_id, thread_id=thread)
    try:
        case = await desk.retry(case.id, by=who.id, thread_id=case.thread_id)
    except SHOWN as error:
        return await refused_page(request, desk, who, case, error, sent, "retry")
    return await decided_page(request, desk, who, case)


async def _read(desk: Desk, case: Case, sent: Sent, who: Principal) -> Decision | list[Decision]:
    """The decision that a form says about what stands there now.

    Raises:
        AnswerError: What it says cannot be taken.
        DeskError: It is about what stands there no more: somebody was faster, the thread went on, or it changed.
    """
    try:
        if case.status is Status.SUPERSEDED or sent.digest != case.digest:
            must_be_open(case, sent.digest)
        try:
            decision = decision_of(case, sent)
            demand(case, decision, sent, await opened_by(desk, case, who.id))
        except AnswerError:
            must_be_open(case, sent.digest)  # which says more than what is wrong with an answer to nothing
            raise
    except DeskError as error:
        await desk.refused(
            by=who.id, what="decide", why=str(error), thread_id=case.thread_id, review_id=case.id
        )
        raise
    return decision
