"""What somebody may do with a case now, and who else could decide it: said before they try. The desk alone decides."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from hitl_graph.decisions import Choose
from hitl_graph.desk import Case, Desk, Status
from hitl_graph.desk.admitting import STOPPED_BY_A_CLAIM, admit, claimed_by_another
from hitl_graph.desk.identity import Act, amount_of
from hitl_graph.desk.undo import undone_act
from hitl_graph.desk.weighing import weigh
from hitl_graph.errors import AnswerError, NotAuthorised
from hitl_graph.inbox.principals import Principal, Right
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements
from hitl_graph.views.refusals import rule_words

__all__ = ["Standing", "standing", "standings", "undo_refused"]

SQL = load_statements("hitl_graph.inbox", "standing.sql")
_LOOKED_AT = 200
_NAMED = 5
_NOTHING = Act(approves=False)
_RIGHTS: dict[str, Right] = {
    **dict.fromkeys(("decide", "claim", "release", "acknowledge"), "decide"),
    **dict.fromkeys(("take_over_claim", "reassign", "reroute", "snooze"), "move"),
}
"""What is done with a case that waits, and the right that the pages ask for it."""
Row = Mapping[str, Any]
Key = tuple[str, str]


def _unasked(_: Act) -> str:
    return ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """How somebody stands to a case.

    Attributes:
        why: The rule against their yes to what is proposed, or to any of its options, after their name; empty where
            none is.
        nothing: Whether they can decide nothing at all here, whoever has claimed it.
        voted: Whether they have said yes, and others must too.
        others: Who could, or must, the first few. more: Whether there are more of them.
        against: What the desk would refuse them now, by its method (and `approve`, `choose`), with the rule.
        options: The options that it would refuse them, with the rule.
        weighed: The rule against a decision that lets something else through.
    """

    why: str = ""
    nothing: bool = False
    voted: bool = False
    others: Sequence[str] = ()
    more: bool = False
    against: Mapping[str, str] = dataclasses.field(default_factory=dict)
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    weighed: Callable[[Act], str] = _unasked

    def takes(self, *what: str) -> bool:
        """Whether the desk would take all of these from them now."""
        return not any(one in self.against for one in what)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the rules want to know of a case besides its row: an approval of it, and who has a part in it."""

    id: str
    yes: Act
    least: Act
    excluded: Collection[str] = ()


async def standing(desk: Desk, case: Case, who: Principal) -> Standing:
    """How whoever looks stands to a case."""
    if case.status in (Status.DECIDED, Status.FAILED):
        return await _afterwards(desk, case, who)
    request = case.request
    found = await _rows(desk, who, [(case.thread_id, case.id, request.act if request else None)])
    if case.status is not Status.PENDING or not found:
        return Standing()
    [row] = found
    amount = amount_of(request.proposal, request.action.get("amount")) if request else None
    yes = Act(approves=True, amount=amount)
    # Whatever is said to a program of other origin may let something through.
    least = _NOTHING if request else yes
    asked = _Asked(id=case.id, yes=yes, least=least, excluded=request.excluded if request else ())
    options = _options(case)
    refused = {option: why for option, act in options.items() if (why := _why(row, who.id, asked, act))}
    ways = list(options.values()) if request and options and "approve" not in request.allowed else [yes]
    why = _against_all(row, who.id, asked, ways)
    said_yes = {key_of(vote["by"]) for vote in case.votes if vote["counts"]}
    voted = not why and who.key in said_yes
    against = _against(row, who, asked)
    if options and len(refused) == len(options):
        against |= {"choose": next(iter(refused.values()))}

    def weighed(act: Act) -> str:
        return _why(row, who.id, asked, act)

    found_out = Standing(why=why, voted=voted, against=against, options=refused, weighed=weighed)
    if not (why or voted):
        return found_out
    groups = [group for group in (row["owner"], *row["candidates"]) if group]
    named = key_of(row["person"]) if row["person"] else None
    about = {"person": who.key, "named": named, "groups": groups, "limit": _LOOKED_AT}
    able = [
        one["id"]
        for one in await desk.rows(SQL["candidates"], about)
        if key_of(one["id"]) not in said_yes
        and not _against_all({**row, "known": one}, one["id"], asked, ways)
    ]
    return dataclasses.replace(
        found_out,
        nothing=bool(_why(row, who.id, asked, least)),
        others=able[:_NAMED],
        more=len(able) > _NAMED,
    )


async def standings(
    desk: Desk, who: Principal, cases: Mapping[Key, Mapping[str, Any]]
) -> dict[Key, Standing]:
    """How whoever looks stands to each of several cases that wait, without who else could.

    Args:
        desk: The desk. who: Who looks.
        cases: What was asked, by thread and id; nothing for an interrupt of other origin.
    """
    found = {}
    known: dict[str, Standing] = {}
    named = [(*key, _act_of(asked)) for key, asked in cases.items()]
    for row in await _rows(desk, who, named):
        key = (row["thread_id"], row["id"])
        asked = cases[key]
        amount = amount_of(asked.get("proposal") or {}, (asked.get("action") or {}).get("amount"))
        yes = Act(approves=True, amount=amount)
        excluded = [str(one) for one in asked.get("excluded") or ()]
        rules = _Asked(id=row["id"], yes=yes, least=_NOTHING if asked else yes, excluded=excluded)
        # Most cases are alike to the rules: each kind of them is asked about once.
        alike = repr(({**row, "thread_id": "", "id": "", "claimed_until": ""}, yes, excluded, bool(asked)))
        if alike not in known:
            known[alike] = Standing(against=_against(row, who, rules))
        found[key] = known[alike]
    return found


async def undo_refused(desk: Desk, case: Case, who: Principal) -> str:
    """The rule against whoever would take a decision back; empty where there is none."""
    return (await _afterwards(desk, case, who)).against.get("undo", "")


async def _afterwards(desk: Desk, case: Case, who: Principal) -> Standing:
    """What they may do with a case that was decided."""
    request = case.request
    found = await _rows(desk, who, [(case.thread_id, case.id, request.act if request else None)])
    against = {}
    for row in found:
        rules: dict[str, Any] = {"review_id": case.id, "excluded": request.excluded if request else ()}
        for what in ("undo", "retry"):
            if what == "undo":
                own = case.by is not None and key_of(case.by) == who.key
                rules |= {"decided_by": case.by, "act": None if own else undone_act(case)}
            if why := _refused(what, row, who.id, **rules):
                against[what] = why
    if not who.may("decide"):
        against |= dict.fromkeys(("undo", "retry"), "only looks")
    return Standing(against=against)


async def _rows(
    desk: Desk, who: Principal, cases: Sequence[tuple[str, str, str | None]]
) -> list[dict[str, Any]]:
    """The cases as their rules see them: thread, id, and what the act is called."""
    threads, ids, acts = ([one[place] for one in cases] for place in range(3))
    params = {"person": who.key, "threads": threads, "ids": ids, "acts": acts}
    return await desk.rows(SQL["standing"], params) if cases else []


def _against(row: Row, who: Principal, asked: _Asked) -> dict[str, str]:
    """What would be refused now, and why."""
    claimed = claimed_by_another(row, who.id, review_id=asked.id)
    out = {}
    for what, right in _RIGHTS.items():
        act = asked.least if what == "decide" else None
        why = _refused(what, row, who.id, review_id=asked.id, excluded=asked.excluded, act=act)
        if not why and not who.may(right):
            why = "only looks"
        if not why and claimed is not None and what in STOPPED_BY_A_CLAIM:
            why = f"{claimed.by} is at it"
        if why:
            out[what] = why
    yes = out.get("decide") or _why(row, who.id, asked, asked.yes)
    return {**out, "approve": yes} if yes else out


def _why(row: Row, by: str, asked: _Asked, act: Act) -> str:
    """The rule against a decision that lets this through."""
    return _refused("decide", row, by, review_id=asked.id, excluded=asked.excluded, act=act)


def _against_all(row: Row, by: str, asked: _Asked, ways: Sequence[Act]) -> str:
    """The rule against each way of saying yes; empty where one of them is open."""
    rules = [_why(row, by, asked, act) for act in ways]
    return rules[0] if all(rules) else ""


def _options(case: Case) -> dict[str, Act]:
    """What each option lets through."""
    out = {}
    for option in case.request.options if case.request else ():
        with contextlib.suppress(AnswerError):  # said when it is chosen
            out[option.value] = weigh(case, Choose(option.value)).act
    return out


def _refused(what: str, row: Row, by: str, **rules: Any) -> str:
    try:
        admit(what, row, by, **rules)
    except NotAuthorised as error:
        return rule_words("", error.why).strip()
    return ""


def _act_of(asked: Mapping[str, Any]) -> str | None:
    """What the act is called: the tool, or else the action class."""
    for part in (asked.get("tool_call"), asked.get("action")):
        if isinstance(part, Mapping) and part.get("name"):
            return str(part["name"])
    return None
