"""Deciding a case, undoing it, being at it, and giving it to others."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter

from hitl_graph.decisions import Decision, decision_from_json
from hitl_graph.desk import Case as DeskCase
from hitl_graph.desk import Desk, Status
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.api.answers import told
from hitl_graph.inbox.api.models import Case, Decide, Give, Lease, Reason, Snooze, Where
from hitl_graph.inbox.api.strict import StrictRoute
from hitl_graph.inbox.case_page import SQL, opened_by
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.requests import Decides, Moves, TheDesk, TheSettings
from hitl_graph.inbox.sent import demand_of_all

__all__ = ["router"]

router = APIRouter(prefix="/cases/{review_id}", tags=["deciding"], route_class=StrictRoute)


@router.post("/decide")
async def decide(who: Decides, desk: TheDesk, settings: TheSettings, review_id: str, body: Decide) -> Case:
    """Take one decision, once. It names what was shown by its digest; the first wins, the others get 409.

    Of a high risk a yes asks what it asks on the page: the evidence opened, and the amount or recipient typed.
    """
    decision = _decision(body.decision)
    case = await desk.show(review_id, thread_id=body.thread_id)
    if case.status is Status.PENDING and case.digest == body.digest:  # else the desk says what is wrong
        await _keep_opened(desk, case, who, body.opened)
        demand_of_all(case, decision, body.confirmed, await opened_by(desk, case, who.id))
    case = await desk.decide(
        review_id,
        decision,
        by=who.id,
        digest=body.digest,
        thread_id=body.thread_id,
        idempotency_key=None if body.idempotency_key is None else _key(who, body.idempotency_key),
        undo_s=settings.undo_s if body.undo_s is None else body.undo_s,
    )
    return Case(**told(case))


@router.post("/undo")
async def undo(who: Decides, desk: TheDesk, review_id: str, body: Where) -> Case:
    """Take a decision back, as long as its thread was not told; 409 where it is too late."""
    return Case(**told(await desk.undo(review_id, by=who.id, thread_id=body.thread_id)))


@router.post("/retry")
async def retry(who: Decides, desk: TheDesk, review_id: str, body: Where) -> Case:
    """Let a thread that failed try again on the decision that stands."""
    return Case(**told(await desk.retry(review_id, by=who.id, thread_id=body.thread_id)))


@router.post("/acknowledge")
async def acknowledge(who: Decides, desk: TheDesk, review_id: str, body: Where) -> Case:
    """Say that an escalated case is seen: its level repeats no more for a while."""
    return Case(**told(await desk.acknowledge(review_id, by=who.id, thread_id=body.thread_id)))


@router.post("/claim")
async def claim(who: Decides, desk: TheDesk, review_id: str, body: Lease) -> Case:
    """Be at a case: until the lease ends, nobody else decides it."""
    return Case(
        **told(await desk.claim(review_id, by=who.id, minutes=body.minutes, thread_id=body.thread_id))
    )


@router.post("/heartbeat")
async def heartbeat(who: Decides, desk: TheDesk, review_id: str, body: Lease) -> Case:
    """Renew one's lease."""
    case = await desk.heartbeat(review_id, by=who.id, minutes=body.minutes, thread_id=body.thread_id)
    return Case(**told(case))


@router.post("/release")
async def release(who: Decides, desk: TheDesk, review_id: str, body: Where) -> Case:
    """Let a case go."""
    return Case(**told(await desk.release(review_id, by=who.id, thread_id=body.thread_id)))


@router.post("/take-over")
async def take_over(who: Decides, desk: TheDesk, review_id: str, body: Reason) -> Case:
    """Be at a case that somebody else is at. Their draft stays theirs."""
    given: dict[str, Any] = {"reason": body.reason, "minutes": body.minutes, "thread_id": body.thread_id}
    return Case(**told(await desk.take_over_claim(review_id, by=who.id, **given)))


@router.post("/reassign")
async def reassign(who: Moves, desk: TheDesk, review_id: str, body: Give) -> Case:
    """Name the person who must act."""
    given: dict[str, Any] = {"to": body.to, "reason": body.reason, "thread_id": body.thread_id}
    return Case(**told(await desk.reassign(review_id, by=who.id, **given)))


@router.post("/reroute")
async def reroute(who: Moves, desk: TheDesk, review_id: str, body: Give) -> Case:
    """Give a case to another group."""
    given: dict[str, Any] = {"to": body.to, "reason": body.reason, "thread_id": body.thread_id}
    return Case(**told(await desk.reroute(review_id, by=who.id, **given)))


@router.post("/snooze")
async def snooze(who: Moves, desk: TheDesk, review_id: str, body: Snooze) -> Case:
    """Hide a case for a while; its time limit goes on."""
    given: dict[str, Any] = {"until": body.until, "hours": body.hours, "thread_id": body.thread_id}
    return Case(**told(await desk.snooze(review_id, by=who.id, **given)))


async def _keep_opened(desk: Desk, case: DeskCase, who: Principal, numbers: list[int]) -> None:
    """As the page does: each piece once, as part of the proof that the decision was informed."""
    pieces = range(len(case.request.evidence) if case.request else 0)
    for number in sorted(set(numbers)):
        if number not in pieces:
            raise AnswerError(f"review {case.id}", "opened", f"{number} is no piece of its evidence")
        params = {"thread_id": case.thread_id, "id": case.id, "by": who.id, "digest": case.digest}
        await desk.rows(SQL["opened"], {**params, "number": number})


def _decision(said: Any) -> Decision | list[Decision]:
    try:
        return (
            [decision_from_json(one) for one in said] if isinstance(said, list) else decision_from_json(said)
        )
    except AnswerError as error:
        raise AnswerError("", f"decision.{error.field}", error.problem) from None
    except (TypeError, ValueError):
        raise AnswerError("", "decision", "is none: see the examples") from None


def _key(who: Principal, key: str) -> str:
    """One's own key: nobody learns by it what others sent."""
    return f"api:{hashlib.sha256(f'{who.key} {key}'.encode('utf-8', 'replace')).hexdigest()}"
