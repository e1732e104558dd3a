"""The log: what happened, by whom, and whether it is still what was written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from hitl_graph.desk import Desk
from hitl_graph.errors import AuditError
from hitl_graph.inbox.audit_log import SQL, LogLook, csv_lines, log_page
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Audits, Refused, TheDesk
from hitl_graph.views.log import GROUPS, type_words
from hitl_graph.views.refusals import refusal_words
from hitl_graph.views.ways import WAYS

__all__ = ["router"]

router = APIRouter()

MOST = 1000
_checking = asyncio.Lock()
"""The whole chain is computed anew: once at a time is enough."""
_MEDIA = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


@router.get("/audit")
async def audit(request: Request, who: Audits, desk: TheDesk) -> Response:
    """The log as the address says it, newest first."""
    del who
    return await _page(request, desk, LogLook.read(dict(request.query_params)))


@router.post("/audit/verify")
async def verify(request: Request, who: Audits, desk: TheDesk) -> Response:
    """Seal what waits, compute the whole chain anew and say whether it holds."""
    del who
    given = str((await request.form()).get("anchor") or "").strip()
    if _checking.locked():
        raise Refused(409, "The log is being checked already: try again when that is done.")
    async with _checking:
        try:
            anchor = json.loads(given) if given else None
            sealed = await desk.audit.seal()
            report = await desk.audit.verify(anchor)
        except (ValueError, RecursionError):
            problem = "This is no anchor: paste the whole of what this page gave before. Nothing was changed."
            return await _page(request, desk, LogLook(), anchor=given, problem=problem, status=422)
        except AuditError as error:
            return await _page(
                request, desk, LogLook(), anchor=given, problem=refusal_words(error), status=422
            )
    told = {"report": report, "sealed": sealed, "head": json.dumps(report.head.to_json())}
    return await _page(request, desk, LogLook(), told=told)


@router.post("/audit/export")
async def export(request: Request, who: Audits, desk: TheDesk) -> Response:
    """The log as a file: JSON Lines that prove themselves, or a table of what is looked at; it is kept that it was."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    look, kind = LogLook.read(form), form.get("format", "")
    if kind not in _MEDIA:
        raise Refused(
            422, "A log is exported as JSON Lines or as a table; nothing was exported.", field="format"
        )
    lines = await _exported(desk, who, look, kind)
    name = f"audit-{desk.tenant}.{kind}" if desk.tenant.isascii() else f"audit.{kind}"
    headers = {"content-disposition": f'attachment; filename="{_plain(name)}"'}
    return StreamingResponse(lines, media_type=_MEDIA[kind], headers=headers)


async def _exported(desk: Desk, who: Principal, look: LogLook, kind: str) -> AsyncIterator[str]:
    """The lines; what is refused is refused before the first of them."""
    asked = look.query() if kind == "csv" else {"thread": look.thread} if look.thread else {}
    told = {"thread_id": asked.get("thread", ""), "by": who.id, "format": kind, "asked": json.dumps(asked)}
    if kind == "csv":
        await desk.rows(SQL["exported"], told)
        return csv_lines(desk, look)
    await desk.audit.seal()
    pages = desk.audit.export_pages(thread_id=look.thread or None)
    first = await anext(pages)
    await desk.rows(SQL["exported"], told)
    return _json_lines(first, pages)


async def _json_lines(first: list[str], pages: Any) -> AsyncIterator[str]:
    try:
        yield "".join(f"{line}\n" for line in first)
        async for lines in pages:
            yield "".join(f"{line}\n" for line in lines)
    finally:
        await pages.aclose()


def _plain(name: str) -> str:
    return "".join(one if one.isalnum() or one in "._-" else "-" for one in name)


async def _page(
    request: Request,
    desk: Desk,
    look: LogLook,
    *,
    told: dict[str, Any] | None = None,
    anchor: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    events, following = await log_page(desk, look)
    [lately] = await desk.rows(SQL["refused_lately"], {"limit": MOST})
    values = {
        "look": look,
        "events": events,
        "next": following,
        "groups": [
            {"name": name, "words": words, "types": [(one, type_words(one)) for one in types]}
            for name, (words, types) in GROUPS.items()
        ],
        "ways": WAYS,
        "refused": lately["refused"],
        "most": MOST,
        "told": told,
        "anchor": anchor,
        "problem": problem,
    }
    return page(request, "audit.html", values, status=status)
