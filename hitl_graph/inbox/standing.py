"""Whether somebody may decide a case, and who else could: said on its page before they type. The desk alone decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_graph.desk import Case, Desk
from hitl_graph.desk.identity import Act, amount_of, authorise, identify
from hitl_graph.errors import NotAuthorised
from hitl_graph.inbox.principals import Principal
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements

__all__ = ["Standing", "standing"]

SQL = load_statements("hitl_graph.inbox", "standing.sql")
_LOOKED_AT = 200
_NAMED = 5
_NOTHING = Act(approves=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands against somebody.

    Attributes:
        why: The rule, as the desk says it; empty where none does.
        nothing: Whether they can decide nothing at all here; else only a yes to what is proposed is beyond them.
        others: Who could, the first few. more: Whether there are more of them.
    """

    why: str = ""
    nothing: bool = False
    others: Sequence[str] = ()
    more: bool = False


async def standing(desk: Desk, case: Case, who: Principal) -> Standing:
    """What would stand against whoever looks, if they approved the case as it is proposed."""
    asked = case.request
    params: dict[str, Any] = {"thread_id": case.thread_id, "id": case.id, "person": who.key}
    found = await desk.rows(SQL["standing"], {**params, "act": asked.act if asked else None})
    if case.status != "pending" or not found:
        return Standing()
    [row] = found
    amount = amount_of(asked.proposal, asked.action.get("amount")) if asked else None
    yes = Act(approves=True, amount=amount)
    said_yes = {key_of(vote["by"]) for vote in case.votes if vote["counts"]}
    why = _against(case, row, who.id, yes)
    if not why and who.key in said_yes:
        why = f"has said yes, and {case.approvals} different people must"
    if not why:
        return Standing()
    groups = [group for group in (row["owner"], *row["candidates"]) if group]
    named = key_of(row["person"]) if row["person"] else None
    about = {"person": who.key, "named": named, "groups": groups, "limit": _LOOKED_AT}
    people = await desk.rows(SQL["candidates"], about)
    able = [
        one["id"]
        for one in people
        if key_of(one["id"]) not in said_yes and not _against(case, {**row, "known": one}, one["id"], yes)
    ]
    return Standing(
        why=why,
        nothing=bool(_against(case, row, who.id, _NOTHING)),
        others=able[:_NAMED],
        more=len(able) > _NAMED,
    )


def _against(case: Case, row: Mapping[str, Any], by: str, act: Act) -> str:
    """The rule that stands against somebody, as the desk would say it."""
    excluded = case.request.excluded if case.request else ()
    try:
        authorise(identify(by, row, review_id=case.id), row, act, review_id=case.id, excluded=excluded)
    except NotAuthorised as error:
        return error.why
    return ""
