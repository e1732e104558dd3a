"""`desk.authority`: who may let which act through, and up to which amount."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from hitl_graph.decisions import AGENT
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Part
from hitl_graph.desk.identity import person_name
from hitl_graph.desk.policy import known_as, label, policy_maker
from hitl_graph.errors import AnswerError
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements

__all__ = ["Authorities", "Authority", "Grant", "SyncAuthorities", "grant_params"]

SQL = load_statements("hitl_graph.desk", "people.sql")

_MOST_DIGITS = 30


@dataclasses.dataclass(frozen=True)
class Authority:
    """What somebody may let through.

    Args:
        action: The name of an action class or a tool, or a pattern with `*` (anything) and `?` (one character).
        max_amount: Up to this amount of the field that the action class names (`ActionClass(amount=...)`); None: any.
    """

    action: str
    max_amount: float | Decimal | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grant:
    """An authority and who has it: a group, or one person."""

    holder_kind: Literal["group", "person"]
    holder: str
    action: str
    max_amount: Decimal | None


class Authorities(Part):
    """The table of authority. An action that it does not name is left to the groups that its cases go to.

    As soon as it names an action, only those it names may let that act through, and only up to their amount. A case's
    amount is that of the proposal as it was edited; where none can be read, only an authority without a limit will do.
    Upper and lower case do not matter. No agent changes it, and nobody who is not active.
    """

    async def put(
        self,
        action: str,
        *,
        group: str | None = None,
        person: str | None = None,
        max_amount: float | Decimal | None = None,
        by: str = "operator",
    ) -> Grant:
        """Give a group or a person authority for an action, or change its limit.

        Args:
            action, max_amount: See `Authority`. group: Everybody in it. person: One person. One of the two.
            by: Who gives it.

        Raises:
            AnswerError: One of these is missing or out of range, or the person is an agent. Nothing was saved.
            NotAuthorised: `by` is an agent, or not active.
        """
        params = _holder(group, person) | grant_params(Authority(action, max_amount))
        if person is not None:
            known = await known_as(self.desk, person)
            if params["holder"].startswith(AGENT) or (known and known["kind"] == "agent"):
                raise AnswerError("authority", "person", "is an agent, and agents let nothing through")
        params["by"] = await policy_maker(self.desk, by, where="authority", what=f"put {params['action']}")
        [row] = await self.desk.rows(SQL["put_authority"], params)
        return _grant(row)

    async def list(self) -> Sequence[Grant]:
        """All of it, by action and holder."""
        return [_grant(row) for row in await self.desk.rows(SQL["list_authority"])]

    async def remove(
        self, action: str, *, group: str | None = None, person: str | None = None, by: str = "operator"
    ) -> bool:
        """Take an authority away. Returns whether it was there.

        The last one for an action leaves it to the groups that its cases go to.

        Raises:
            NotAuthorised: `by` is an agent, or not active.
        """
        params = _holder(group, person) | {"action": label("authority", "action", action)}
        params["by"] = await policy_maker(self.desk, by, where="authority", what=f"remove {params['action']}")
        return bool(await self.desk.rows(SQL["remove_authority"], params))


class SyncAuthorities(SyncPart[Authorities]):
    """`Authorities`, blocking."""

    put = bridged(Authorities.put)
    list = bridged(Authorities.list)
    remove = bridged(Authorities.remove)


def grant_params(given: Authority) -> dict[str, Any]:
    """An authority as the columns that hold it.

    Raises:
        AnswerError: It names no action, or an amount that is none.
    """
    action, most = label("authority", "action", given.action), _limit(given.max_amount)
    # A backslash escapes in LIKE, as it does not in the pattern that people write.
    like = action.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    like = like.replace("*", "%").replace("?", "_")
    return {"action": action, "pattern": like, "max_amount": most}


def _limit(most: object) -> Decimal | None:
    """An amount as it is kept; None is any."""
    if most is None:
        return None
    try:
        if isinstance(most, (int, float, Decimal)) and not isinstance(most, bool):
            whole = isinstance(most, float) and most.is_integer()
            amount = Decimal(int(most)) if whole else Decimal(str(most))
            if amount.is_finite() and amount >= 0 and abs(amount.adjusted()) <= _MOST_DIGITS:
                return amount
    except ValueError:  # an integer too long to write
        most = "a number of thousands of digits"
    raise AnswerError("authority", "max_amount", f"{most!r} is no amount from 0 up; None is any amount")


def _holder(group: str | None, person: str | None) -> dict[str, Any]:
    if (group is None) == (person is None):
        raise AnswerError("authority", "group", "must be said, or else person: one of the two")
    if person is not None:
        return {
            "holder_kind": "person",
            "holder": key_of(person_name(person, where="authority", field="person")),
        }
    return {"holder_kind": "group", "holder": label("authority", "group", group)}


def _grant(row: Mapping[str, Any]) -> Grant:
    return Grant(**{field.name: row[field.name] for field in dataclasses.fields(Grant)})
