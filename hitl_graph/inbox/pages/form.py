"""The rows of a list in an edit form: added, removed, moved. Nothing is decided, and nothing that was typed is lost."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hitl_graph.desk import Case
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.case_page import case_page
from hitl_graph.inbox.pages.decide import the_form
from hitl_graph.inbox.requests import Decides, TheDesk
from hitl_graph.inbox.sent import CHANGES, Sent, form_of
from hitl_graph.views.reading import form_over, moved_row

__all__ = ["router"]

router = APIRouter()


@router.post("/cases/{review_id}/form")
async def form(request: Request, who: Decides, desk: TheDesk, review_id: str) -> Response:
    """The page with the form as it is after one more row, one less, or another order; works without JavaScript."""
    sent, thread = await the_form(request)
    case = await desk.show(review_id, thread_id=thread)
    row = (await request.form()).get("row")
    if isinstance(row, str):
        sent = _moved(case, sent, row)
    return await case_page(request, desk, who, case, sent=sent)


def _moved(case: Case, sent: Sent, row: str) -> Sent:
    """What was sent after `add - changes.lines`, `up 2 changes.lines`, or the same of `act0.changes.lines`."""
    what, _, rest = row.partition(" ")
    key, _, name = rest.partition(" ")
    head, dot, field = name.partition(".")
    if head == CHANGES.rstrip("."):
        try:
            return dataclasses.replace(sent, texts=moved_row(form_of(case, sent), what, field, key))
        except AnswerError:
            return sent
    acts = case.foreign.proposals if case.foreign is not None else ()
    number = int(head[3:]) if head.startswith("act") and head[3:].isdecimal() and len(head) < 8 else len(acts)
    if not dot or number >= len(acts) or not field.startswith(CHANGES):
        return sent
    act, one = acts[number], sent.acts.get(number, Sent())
    texts = moved_row(
        form_over(act["args"], act.get("schema"), one.texts), what, field.removeprefix(CHANGES), key
    )
    return dataclasses.replace(sent, acts={**sent.acts, number: dataclasses.replace(one, texts=texts)})
