"""Who is at a case, and whose it is: presence, claim, takeover, moving it on, putting it off."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk import Case
from hitl_graph.errors import AnswerError, CaseClaimed, NotAuthorised, NotClaimed
from hitl_graph.inbox.case_page import SQL, address, now_values, trail_of
from hitl_graph.inbox.look import Look
from hitl_graph.inbox.pages.decide import SHOWN, decided_page, refused_page, the_form
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Decides, Moves, Refused, Signed, TheDesk, is_htmx
from hitl_graph.plain import key_of
from hitl_graph.views.history import history_lines

__all__ = ["router"]

router = APIRouter()
_DOING = ("viewing", "editing")
_MOST_HOURS = 24 * 366.0

Said = dict[str, str]
"""The fields of a form."""
Act = Callable[[Case, Said], Awaitable[Case]]


class CaseForms:
    """The small forms of a case's page: each does one thing with the case."""

    def __init__(self, request: Request, desk: TheDesk) -> None:
        self._request, self._desk = request, desk

    async def do(
        self, who: Principal, review_id: str, form: str, act: Act, *, here_only: bool = False
    ) -> Response:
        """Do it and show the case as it is then; what is refused is said on its page.

        Args:
            who: Who does it. review_id: With which case. form: Which form it was.
            act: What is done, with what the form says.
            here_only: Nothing else of the page changes, where somebody may be typing.
        """
        request, desk = self._request, self._desk
        sent, thread = await the_form(request)
        said = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        case = await desk.show(review_id, thread_id=thread)
        try:
            case = await act(case, said)
        except SHOWN as error:
            return await refused_page(request, desk, who, case, error, sent, form)
        if here_only and is_htmx(request):
            lines = history_lines(await desk.history(case.id, thread_id=case.thread_id))
            values = {**(await now_values(desk, case, who)), "lines": lines}
            return page(request, "parts/case_live.html", values)
        return await decided_page(request, desk, who, case)


Forms = Annotated[CaseForms, Depends()]


@router.post("/cases/{review_id}/claim")
async def claim(who: Decides, desk: TheDesk, forms: Forms, review_id: str) -> Response:
    """Be at it."""

    async def act(case: Case, _: Said) -> Case:
        return await desk.claim(case.id, by=who.id, thread_id=case.thread_id)

    return await forms.do(who, review_id, "claim", act, here_only=True)


@router.post("/cases/{review_id}/release")
async def release(who: Decides, desk: TheDesk, forms: Forms, review_id: str) -> Response:
    """Let it go."""

    async def act(case: Case, _: Said) -> Case:
        return await desk.release(case.id, by=who.id, thread_id=case.thread_id)

    return await forms.do(who, review_id, "release", act, here_only=True)


@router.post("/cases/{review_id}/take-claim")
async def take_claim(who: Moves, desk: TheDesk, forms: Forms, review_id: str) -> Response:
    """Be at it instead of somebody else, with a reason that is kept."""

    async def act(case: Case, said: Said) -> Case:
        why = said.get("reason", "")
        return await desk.take_over_claim(case.id, by=who.id, reason=why, thread_id=case.thread_id)

    return await forms.do(who, review_id, "take-claim", act)


@router.post("/cases/{review_id}/reassign")
async def reassign(who: Moves, desk: TheDesk, forms: Forms, review_id: str) -> Response:
    """Name the person who must act."""

    async def act(case: Case, said: Said) -> Case:
        to, why = said.get("to", ""), said.get("reason", "")
        return await desk.reassign(case.id, to=to, by=who.id, reason=why, thread_id=case.thread_id)

    return await forms.do(who, review_id, "reassign", act)


@router.post("/cases/{review_id}/reroute")
async def reroute(who: Moves, desk: TheDesk, forms: Forms, review_id: str) -> Response:
    """Give it to another group."""

    async def act(case: Case, said: Said) -> Case:
        to, why = said.get("to", ""), said.get("reason", "")
        return await desk.reroute(case.id, to=to, by=who.id, reason=why, thread_id=case.thread_id)

    return await forms.do(who, review_id, "reroute", act)


@router.post("/cases/{review_id}/snooze")
async def snooze(who: Moves, desk: TheDesk, forms: Forms, review_id: str) -> Response:
    """Put it off; its time limit goes on."""

    async def act(case: Case, said: Said) -> Case:
        return await desk.snooze(case.id, by=who.id, hours=_hours(said), thread_id=case.thread_id)

    return await forms.do(who, review_id, "snooze", act)


@router.post("/cases/{review_id}/acknowledge")
async def acknowledge(who: Decides, desk: TheDesk, forms: Forms, review_id: str) -> Response:
    """Say that it is seen, so that its level is told no more for a while."""

    async def act(case: Case, _: Said) -> Case:
        return await desk.acknowledge(case.id, by=who.id, thread_id=case.thread_id)

    return await forms.do(who, review_id, "acknowledge", act, here_only=True)


@router.post("/cases/{review_id}/here")
async def here(
    who: Signed,
    desk: TheDesk,
    review_id: str,
    thread: Annotated[str | None, Form()] = None,
    doing: Annotated[str, Form()] = "viewing",
    active: Annotated[str, Form()] = "",
) -> Response:
    """A sign of life: others see who has the case before them, and a claim of one who is active is renewed."""
    if doing not in (*_DOING, "gone"):
        raise Refused(
            422, "This was not understood, and nothing was done: load the page again.", field="doing"
        )
    case = await desk.show(review_id, thread_id=thread)
    params = {"thread_id": case.thread_id, "id": case.id, "person": key_of(who.id), "by": who.id}
    if doing == "gone":
        await desk.rows(SQL["gone"], params)
        return Response(status_code=204)
    await desk.rows(SQL["here"], {**params, "doing": doing})
    if active == "yes" and case.claimed_by is not None and key_of(case.claimed_by) == key_of(who.id):
        with contextlib.suppress(NotClaimed, CaseClaimed, NotAuthorised):
            await desk.heartbeat(case.id, by=who.id, thread_id=case.thread_id)
    return Response(status_code=204)


@router.post("/cases/{review_id}/opened")
async def opened(
    request: Request,
    who: Signed,
    desk: TheDesk,
    review_id: str,
    number: Annotated[int, Form()],
    digest: Annotated[str, Form()],
    thread: Annotated[str | None, Form()] = None,
) -> Response:
    """A piece of evidence was opened: kept once, as part of the proof that a decision was informed."""
    case = await desk.show(review_id, thread_id=thread)
    asked = case.request
    if asked is None or not 0 <= number < len(asked.evidence) or digest != case.digest:
        raise Refused(409, "This is no piece of the case as it stands now: look at it again.", field="number")
    params = {"thread_id": case.thread_id, "id": case.id, "by": who.id, "digest": digest, "number": number}
    await desk.rows(SQL["opened"], params)
    return (
        Response(status_code=204)
        if is_htmx(request)
        else RedirectResponse(address(case) + Look.of_trail(trail_of(request)).trail, 303)
    )


def _hours(values: Said) -> float:
    try:
        hours = float(values.get("hours", ""))
    except ValueError:
        raise AnswerError("snooze", "hours", "is no number of hours") from None
    if not 0 <= hours <= _MOST_HOURS:
        raise AnswerError("snooze", "hours", f"is not from 0 to {_MOST_HOURS:g}")
    return hours
