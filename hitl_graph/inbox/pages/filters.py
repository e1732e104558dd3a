"""Saved filters: a view of the queue under a name, for one person."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk import Desk
from hitl_graph.desk.connected import storable
from hitl_graph.inbox.look import Look
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.queue import SQL
from hitl_graph.inbox.requests import Refused, Signed, TheDesk
from hitl_graph.plain import hidden_characters

__all__ = ["router", "saved"]

router = APIRouter()
_LONGEST = 60


async def saved(desk: Desk, who: Principal) -> list[dict[str, Any]]:
    """Somebody's saved filters, each with its address."""
    found = await desk.rows(SQL["filters"], {"key": who.key})
    return [{"name": row["name"], "address": Look.read(_texts(row["query"])).address()} for row in found]


@router.post("/queue/filters")
async def save(
    who: Signed,
    desk: TheDesk,
    name: Annotated[str, Form()] = "",
    look: Annotated[str, Form()] = "",
) -> Response:
    """Keep a view under a name; the view that had it is replaced."""
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > _LONGEST or not storable(wanted) or hidden_characters(wanted):
        raise Refused(
            422,
            f"Give the filter a name of 1 to {_LONGEST} plain characters. Nothing was saved.",
            field="name",
        )
    seen = Look.read(dict(_query(look)))
    params = {"key": who.key, "name": wanted, "query": json.dumps(seen.query())}
    if not await desk.rows(SQL["save_filter"], params):
        raise Refused(409, "You have fifty saved filters: remove one first.", field="name")
    return _back(seen)


@router.post("/queue/filters/remove")
async def remove(
    who: Signed,
    desk: TheDesk,
    name: Annotated[str, Form()] = "",
    look: Annotated[str, Form()] = "",
) -> Response:
    """Forget a view; one that is not there is forgotten already."""
    if storable(name):
        await desk.rows(SQL["drop_filter"], {"key": who.key, "name": name})
    return _back(Look.read(dict(_query(look))))


def _back(look: Look) -> Response:
    """To the view that it was done from."""
    return RedirectResponse(look.address(), 303)


def _query(address: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(address).query)
    except ValueError:
        return []


def _texts(query: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in query.items()} if isinstance(query, dict) else {}
