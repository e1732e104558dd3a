"""Looking at cases."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from hitl_graph.desk.case import Status
from hitl_graph.inbox.api.answers import told
from hitl_graph.inbox.api.models import BIGGEST, Brief, Briefs, Case, Events, Me
from hitl_graph.inbox.api.strict import StrictRoute
from hitl_graph.inbox.requests import Refused, Signed, TheDesk

__all__ = ["Thread", "router"]

router = APIRouter(tags=["cases"], route_class=StrictRoute)
Thread = Annotated[
    str | None, Query(max_length=2000, description="Where a copied thread holds the same case.")
]
Filter = Annotated[str | None, Query(max_length=500)]


@router.get("/me")
async def me(who: Signed) -> Me:
    """Who you are here, and what you may do."""
    told = {"id": who.id, "name": who.name, "groups": list(who.groups), "roles": list(who.roles)}
    return Me(**told, rights=sorted(who.rights))


@router.get("/cases")
async def cases(
    _: Signed,
    desk: TheDesk,
    status: Status | None = Status.PENDING,
    owner: Filter = None,
    gate: Filter = None,
    kind: Filter = None,
    action: Filter = None,
    workflow: Filter = None,
    thread_id: Filter = None,
    *,
    all_statuses: bool = False,
    snoozed: bool = False,
    after: Annotated[int, Query(ge=0, le=BIGGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Briefs:
    """Cases, oldest first: those that wait, unless another status or all are asked for. Go on with `after=next`."""
    wanted: dict[str, Any] = {"owner": owner, "gate": gate, "kind": kind, "action": action}
    wanted |= {"workflow": workflow, "thread_id": thread_id}
    try:
        found = await desk.cases(
            status=None if all_statuses else status, after=after, limit=limit, snoozed=snoozed, **wanted
        )
    except ValueError as error:
        raise Refused(422, str(error), field=str(error).partition(":")[0]) from None
    return Briefs(cases=[Brief(**case.to_json()) for case in found], next=found.next)


@router.get("/cases/{review_id}")
async def case(_: Signed, desk: TheDesk, review_id: str, thread_id: Thread = None) -> Case:
    """One case, whole."""
    return Case(**told(await desk.show(review_id, thread_id=thread_id)))


@router.get("/cases/{review_id}/history")
async def history(_: Signed, desk: TheDesk, review_id: str, thread_id: Thread = None) -> Events:
    """What happened to a case, in order."""
    return Events(events=await desk.history(review_id, thread_id=thread_id))
