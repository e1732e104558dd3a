"""What the pages offer somebody is what the desk would take from them, act by act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hitl_graph import Approve, Case, Desk, Reject
from hitl_graph.desk.admitting import ACTS, STOPPED_BY_A_CLAIM
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import CaseClaimed, NotAuthorised
from hitl_graph.inbox.principals import Principal, principal_of
from hitl_graph.inbox.standing import Standing, standing, standings
from tests.inbox.cases import PAY, ask
from tests.notices.receivers import query

PEOPLE: dict[str, dict[str, Any]] = {
    "boss": {"groups": ["support"], "roles": ["admin"]},
    "ana": {"groups": ["support"]},
    "ben": {"groups": ["support"]},
    "zoe": {"groups": ["sales"]},
    "lea": {"groups": ["sales"], "roles": ["lead"]},
    "aud": {"groups": ["support"], "roles": ["auditor"]},
    "ivy": {"groups": ["support"]},
}
WAITING = (
    "acknowledge",
    "approve",
    "claim",
    "decide",
    "reassign",
    "release",
    "reroute",
    "snooze",
    "take_over_claim",
)


def do(desk: SyncDesk, what: str, case: Case, by: str) -> None:
    """The act itself, at the desk."""
    ways: dict[str, Callable[[], object]] = {
        "approve": lambda: desk.decide(case.id, Approve(), by=by, digest=case.digest, undo_s=60),
        "decide": lambda: desk.decide(case.id, Reject(note="no"), by=by, digest=case.digest, undo_s=60),
        "reassign": lambda: desk.reassign(case.id, to="boss", by=by, reason="x"),
        "reroute": lambda: desk.reroute(case.id, to="sales", by=by, reason="x"),
        "snooze": lambda: desk.snooze(case.id, hours=1, by=by),
        "take_over_claim": lambda: desk.take_over_claim(case.id, by=by, reason="x"),
    }
    if what in ways:
        ways[what]()
    else:
        getattr(desk, what)(case.id, by=by)


def stands(db_url: str, case: Case, name: str) -> tuple[Standing, Standing]:
    """How somebody stands to it: alone, and as a row of the queue."""

    async def ask_both() -> tuple[Standing, Standing]:
        async with Desk(db_url) as desk:
            who = await principal_of(desk, name, name, way="header")
            assert isinstance(who, Principal)
            now = await desk.show(case.id)
            request = now.request
            assert request is not None
            key = (now.thread_id, now.id)
            return await standing(desk, now, who), (await standings(desk, who, {key: request.to_json()}))[key]

    return asyncio.run(ask_both())


@pytest.fixture
def case(db_url: str) -> Case:
    """About fifty, of which ana may let twenty through, ben any amount; ivy has a part in it."""
    with Desk(db_url) as desk:
        for name, given in PEOPLE.items():
            desk.people.put(name, by="boss", **given)
        desk.authority.put("refund", group="support", max_amount=20, by="boss")
        desk.authority.put("refund", person="ben", by="boss")
    return ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"}, not_by=["ivy"])


def again(db_url: str, case: Case, holder: str | None) -> None:
    """The case as it was, claimed by somebody or nobody."""
    query(
        db_url,
        "UPDATE hitl.reviews SET owner = 'support', person = NULL, candidates = '{}', snoozed_until = NULL, "
        "claimed_by = %s, claimed_until = CASE WHEN %s THEN now() + interval '10 minutes' END "
        "WHERE id = %s RETURNING id",
        holder,
        holder is not None,
        case.id,
    )


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("holder", [None, "ben"])
def test_what_is_offered_is_taken_and_nothing_else(
    db_url: str, case: Case, name: str, holder: str | None
) -> None:
    """For each role, group, part and authority, with the case free and with ben at it."""
    with Desk(db_url) as desk:
        for what in WAITING:
            again(db_url, case, holder)
            offered = [one.takes(what) for one in stands(db_url, case, name)]
            try:
                do(desk, what, case, name)
                taken = True
            except (CaseClaimed, NotAuthorised):
                taken = False
            assert offered == [taken, taken], what
            if taken and what in ("approve", "decide"):
                desk.undo(case.id, by=name)


@pytest.mark.parametrize("name", PEOPLE)
def test_undo_is_offered_where_it_is_taken(db_url: str, case: Case, name: str) -> None:
    """I14: of what ben has approved."""
    with Desk(db_url) as desk:
        now = desk.decide(case.id, Approve(), by="ben", digest=case.digest, undo_s=60)

        async def offered() -> bool:
            async with Desk(db_url) as looks:
                who = await principal_of(looks, name, name, way="header")
                assert who is not None
                return (await standing(looks, await looks.show(now.id), who)).takes("undo")

        said = asyncio.run(offered())
        try:
            desk.undo(case.id, by=name)
            taken = True
        except NotAuthorised:
            taken = False
    assert said is taken


def test_what_a_claim_stops_is_what_the_statements_refuse(db_url: str, case: Case) -> None:
    """The one list of it says the truth."""
    refused = set()
    with Desk(db_url) as desk:
        for what in sorted(set(ACTS) - {"undo", "retry"}):
            again(db_url, case, "ben")
            try:
                do(desk, what, case, "boss")
            except CaseClaimed:
                refused.add(what)
    assert refused == STOPPED_BY_A_CLAIM
