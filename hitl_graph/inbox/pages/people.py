"""Settings: who may come in, in which groups, and as what."""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk import Desk
from hitl_graph.desk.connected import storable
from hitl_graph.desk.people import Person, PersonKind, Role
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Governs, Refused, TheDesk
from hitl_graph.inbox.typed import FieldError, Typed, typed
from hitl_graph.plain import key_of

__all__ = ["DONE", "router"]

router = APIRouter()

DONE = {"put": "Saved.", "removed": "Removed."}
"""What is said after a change."""
ROLES = (
    ("reviewer", "Reviewer", "decides cases of their groups"),
    ("lead", "Lead", "also moves cases, and pauses and stops graphs"),
    ("admin", "Admin", "also says who may do what, and reads the log"),
    ("auditor", "Auditor", "sees everything and reads the log; decides nothing"),
)
KINDS = (
    ("human", "a person"),
    ("system", "a system: decides by signed webhook only"),
    ("agent", "an agent: decides nothing"),
)
assert {name for name, _, _ in ROLES} == set(get_args(Role))
assert {name for name, _ in KINDS} == set(get_args(PersonKind))


@router.get("/settings")
async def people(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Everybody."""
    return await _people(request, desk, who, None)


@router.get("/settings/people")
async def person(request: Request, who: Governs, desk: TheDesk, id: str = "") -> Response:  # noqa: A002  # the address's word
    """One of them, to be changed."""
    del who
    return await _person(request, desk, await _found(desk, id), None)


@router.post("/settings/people")
async def put(request: Request, who: Governs, desk: TheDesk) -> Response:
    """List somebody, or change what is said of them (`was`)."""
    form = await typed(request)
    was = await _found(desk, form.get("was")) if form.get("was") else None
    person_id = was.id if was else form.get("id")
    try:
        _not_shut_out(who, form, person_id)
        if was is None and person_id and await _is_listed(desk, person_id):
            raise AnswerError("people", "id", "is listed already: open their entry and change it there")
        await desk.people.put(
            person_id,
            groups=form.lines("groups"),
            name=form.get("name") or None,
            kind=form.get("kind") or "human",  # type: ignore[arg-type]  # the desk looks at it
            active=was is None or form.has("active"),
            time_zone=form.get("time_zone") or None,
            roles=form.all("roles"),
            by=who.id,
        )
    except FieldError as error:
        wrong = form.refused(error)
        return await (_person(request, desk, was, wrong) if was else _people(request, desk, who, wrong))
    return RedirectResponse("/settings?done=put", 303)


@router.post("/settings/people/remove")
async def remove(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Take somebody from the directory."""
    form = await typed(request)
    was = await _found(desk, form.get("was"))
    try:
        await desk.people.remove(was.id, by=who.id)
    except FieldError as error:
        return await _person(request, desk, was, form_of(was).refused(error))
    return RedirectResponse("/settings?done=removed", 303)


def form_of(one: Person) -> Typed:
    """What the form of somebody holds before it is changed."""
    values: dict[str, list[str]] = {
        "id": [one.id],
        "name": [one.name],
        "groups": ["\n".join(one.groups)],
        "kind": [one.kind],
        "roles": list(one.roles),
        "time_zone": [one.time_zone or ""],
        "active": ["yes"] if one.active else [],
    }
    return Typed(values=values)


def person_address(person_id: str) -> str:
    """Where somebody's entry is."""
    return f"/settings/people?{urlencode({'id': person_id})}"


def _not_shut_out(who: Principal, form: Typed, person_id: str) -> None:
    """With the first entry the directory holds: whoever makes it must still come in afterwards, as an admin."""
    if who.listed or not person_id:
        return
    if key_of(person_id) != who.key:
        raise AnswerError(
            "people", "id", f"list yourself first ({who.id}), as an admin: nobody else could come in after it"
        )
    if "admin" not in form.all("roles"):
        raise AnswerError(
            "people", "roles", "the first one must be an admin: nobody could list others after it"
        )
    if form.get("kind", "human") != "human":
        raise AnswerError("people", "kind", "the first one must be a person")


async def _is_listed(desk: Desk, person_id: str) -> bool:
    key = key_of(person_id)
    return any(key_of(one.id) == key for one in await desk.people.list())


async def _found(desk: Desk, person_id: str) -> Person:
    if person_id and storable(person_id):
        key = key_of(person_id)
        for one in await desk.people.list():
            if key_of(one.id) == key:
                return one
    raise Refused(404, "There is nothing here.")


async def _people(request: Request, desk: Desk, who: Principal, form: Typed | None) -> Response:
    first: dict[str, list[str]] = {"id": [who.id], "name": [who.name], "roles": ["reviewer", "admin"]}
    later: dict[str, list[str]] = {"roles": ["reviewer"]}
    start = Typed(values=later if who.listed else first)
    values: dict[str, Any] = {
        "people": [{"person": one, "address": person_address(one.id)} for one in await desk.people.list()],
        "form": form or start,
        "adding": form is not None or not who.listed,
        "roles": ROLES,
        "kinds": KINDS,
        "done": DONE.get(request.query_params.get("done", ""), ""),
    }
    return page(request, "settings_people.html", values, status=422 if form else 200)


async def _person(request: Request, desk: Desk, one: Person, form: Typed | None) -> Response:
    del desk
    values = {"person": one, "form": form or form_of(one), "roles": ROLES, "kinds": KINDS, "done": ""}
    return page(request, "settings_person.html", values, status=422 if form else 200)
