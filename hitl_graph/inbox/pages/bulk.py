"""Deciding from the queue: one case in one step, or several that are alike; each by itself at the desk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hitl_graph.decisions import Approve
from hitl_graph.desk import Case, Desk
from hitl_graph.errors import AmbiguousReview, HitlError, ReviewNotFound
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.queue_rows import bulk_key, case_address
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Decides, Refused, TheDesk, TheSettings, is_htmx
from hitl_graph.inbox.settings import Settings
from hitl_graph.plain import digest as digest_of
from hitl_graph.views.refusals import refusal_words

__all__ = ["MOST_AT_ONCE", "router"]

router = APIRouter()

MOST_AT_ONCE = 20
_ALONE = "It is decided by itself: open it and look at it."
_UNKNOWN = "The database went away: whether it was taken will be seen in the queue."


@router.post("/queue/bulk")
async def bulk(request: Request, who: Decides, desk: TheDesk, settings: TheSettings) -> Response:
    """Approve several cases that are alike, each by its own decision; what one is refused for stops no other.

    Only of one gate and one shape, of low risk, to be taken back, without warnings, at most twenty. Where they are
    not, nothing is decided.
    """
    form = await request.form(max_fields=100)
    asked = [_named(one) for one in form.getlist("case") if isinstance(one, str)]
    if not asked:
        raise Refused(422, "Nothing is ticked.", field="case")
    if len(asked) > MOST_AT_ONCE:
        raise Refused(422, f"At most {MOST_AT_ONCE} at once; nothing was decided.", field="case")
    if len({(one["thread"], one["id"]) for one in asked}) < len(asked):
        raise Refused(422, "A case is named twice; nothing was decided.", field="case")
    cases = [await _found(desk, one) for one in asked]
    keys = {_key(case) for case in cases if case is not None and case.status.value == "pending"}
    if "" in keys or len(keys) > 1:
        raise Refused(
            422,
            "Only cases of one gate that are alike, of low risk, can be undone and carry no warning are approved "
            "together; nothing was decided.",
            field="case",
        )
    key = str(form.get("key") or "")
    said = [
        await _approve(desk, settings, who, case, one, key) for case, one in zip(cases, asked, strict=True)
    ]
    return _answer(request, said)


@router.post("/queue/act")
async def act(
    request: Request,
    who: Decides,
    desk: TheDesk,
    settings: TheSettings,
    act: Annotated[str, Form()] = "",
    id: Annotated[str, Form()] = "",  # noqa: A002  # the form's own word
    thread: Annotated[str, Form()] = "",
    digest: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """One step with one case: approve it where that is one step, claim it, give it back, or take a decision back."""
    one = {"id": id, "thread": thread, "digest": digest}
    if act == "approve":
        case = await desk.show(id, thread_id=thread)
        if case.status.value == "pending" and not _key(case):
            raise Refused(422, _ALONE, field="act")
        return _answer(request, [await _approve(desk, settings, who, case, one, key)])
    if act in ("claim", "release"):
        case = await (desk.claim if act == "claim" else desk.release)(id, by=who.id, thread_id=thread)
        told = "You have claimed it." if act == "claim" else "You have given it back."
        return _answer(request, [_item(case, ok=True, text=told)])
    if act == "undo":
        case = await desk.undo(id, by=who.id, thread_id=thread)
        return _answer(request, [_item(case, ok=True, text="Taken back: it waits again.")])
    raise Refused(422, "This was not understood, and nothing was done: load the queue again.", field="act")


def _named(text: str) -> dict[str, str]:
    """The case that a ticked box names: its id, its thread and the digest of what was shown."""
    try:
        one = json.loads(text)
        named = {name: one[name] for name in ("id", "thread", "digest")}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(
            422, "This was not understood, and nothing was decided: load the queue again.", field="case"
        ) from None
    if not all(isinstance(value, str) for value in named.values()):
        raise Refused(
            422, "This was not understood, and nothing was decided: load the queue again.", field="case"
        )
    return named


async def _found(desk: Desk, one: Mapping[str, str]) -> Case | None:
    try:
        return await desk.show(one["id"], thread_id=one["thread"])
    except (ReviewNotFound, AmbiguousReview):
        return None


def _key(case: Case) -> str:
    """What the case must have in common with others; empty where it is decided by itself."""
    request = case.request
    if request is None:
        return ""
    row = {"status": case.status.value, "gate": case.gate, "kind": case.kind, "approvals": case.approvals}
    return bulk_key(request.to_json(), row)


async def _approve(
    desk: Desk, settings: Settings, who: Principal, case: Case | None, one: Mapping[str, str], key: str
) -> dict[str, Any]:
    """One decision, and what came of it."""
    if case is None:
        return {
            "question": one["id"][:40],
            "address": "",
            "ok": False,
            "text": "There is no such case.",
            "undo": None,
        }
    named = digest_of({"bulk": [key, case.thread_id, case.id]}) if key else None
    try:
        taken = await desk.decide(
            case.id,
            Approve(),
            by=who.id,
            digest=one["digest"],
            thread_id=case.thread_id,
            idempotency_key=named,
            undo_s=settings.undo_s,
        )
    except HitlError as error:
        return _item(case, ok=False, text=refusal_words(error, who.id))
    except psycopg.Error:
        return _item(case, ok=False, text=_UNKNOWN)
    return _item(taken, ok=True, text="Approved.")


def _item(case: Case, *, ok: bool, text: str) -> dict[str, Any]:
    undo = None
    if ok and case.status.value == "decided" and case.dispatched_at is None:
        undo = {"id": case.id, "thread": case.thread_id, "until": case.dispatch_at}
    return {
        "question": case.question,
        "address": case_address(case.thread_id, case.id),
        "ok": ok,
        "text": text,
        "undo": undo,
    }


def _answer(request: Request, said: list[dict[str, Any]]) -> Response:
    done = sum(one["ok"] for one in said)
    values = {"said": said, "done": done, "refused": len(said) - done}
    status = 200 if done or len(said) > 1 else 409
    return page(
        request, "parts/queue_said.html" if is_htmx(request) else "queue_done.html", values, status=status
    )
