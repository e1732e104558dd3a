"""`desk.people`: the directory of those who decide."""

from __future__ import annotations

import dataclasses
import json
import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, get_args

from hitl_graph.desk.authority import SQL, Authority, grant_params
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Part, rows
from hitl_graph.desk.identity import person_name
from hitl_graph.desk.policy import label, policy_maker
from hitl_graph.errors import AnswerError
from hitl_graph.plain import key_of

__all__ = ["People", "Person", "PersonKind", "SyncPeople"]

PersonKind = Literal["human", "system", "agent"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """One entry of the directory.

    Attributes:
        id: What `by` says. Ana and ana are one.
        groups: Those whose cases they may decide.
        kind: "human"; "system" decides only by signed webhooks; "agent" never decides.
        active: Whether they may do anything now.
        time_zone: Such as `"Europe/Lisbon"`, where it is known.
        authority: What they have authority for themselves, besides that of their groups.
    """

    id: str
    name: str
    groups: tuple[str, ...] = ()
    kind: PersonKind = "human"
    active: bool = True
    time_zone: str | None = None
    authority: tuple[Authority, ...] = ()


class People(Part):
    """Who may decide. While nobody is listed, anybody named may; from the first entry on, only those listed.

    Whoever changes the directory is named in an event; no agent and nobody inactive may.
    """

    async def put(
        self,
        person_id: str,
        *,
        groups: Collection[str] = (),
        name: str | None = None,
        kind: PersonKind = "human",
        active: bool = True,
        time_zone: str | None = None,
        authority: Collection[Authority] | None = None,
        by: str = "operator",
    ) -> Person:
        """List a person, or change what is said of them; all of it is replaced.

        Args:
            person_id: What `by` will say. groups: Those whose cases they may decide. name: For readers; None: the id.
            kind: "human", "system" or "agent". active: False takes everything from them at once.
            time_zone: Such as `"Europe/Lisbon"`.
            authority: What they may let through, each an `Authority`; None leaves it as it is.
            by: Who says so.

        Raises:
            AnswerError: One of these cannot be kept; the error names the field. Nothing was saved.
            NotAuthorised: `by` is an agent, or not active.
        """
        person_id = person_name(person_id, where="people", field="id")
        params = {"key": key_of(person_id), "id": person_id, "kind": kind, "active": bool(active)}
        params["name"] = person_id if name is None else label("people", "name", name)
        params["groups"] = _groups(groups)
        params["time_zone"] = _zone(time_zone)
        if kind not in get_args(PersonKind):
            raise AnswerError("people", "kind", f"{kind!r} is none of {', '.join(get_args(PersonKind))}")
        grants = None if authority is None else [grant_params(_authority(one)) for one in authority]
        if grants and kind == "agent":
            raise AnswerError("people", "authority", "is for people and systems: agents let nothing through")
        by = await policy_maker(self.desk, by, where="people", what=f"put {person_id}")
        async with self.desk.transaction() as conn:
            told = None if grants is None else [{**one, "max_amount": _shown(one)} for one in grants]
            params |= {"by": by, "authority": None if told is None else json.dumps(told)}
            await rows(conn, SQL["put_person"], params)
            if grants is not None:
                held = {"holder": key_of(person_id)}
                await rows(conn, SQL["drop_own_authority"], held)
                for one in grants:
                    await rows(conn, SQL["keep_own_authority"], {**held, **one})
        return await self.show(person_id)

    async def show(self, person_id: str) -> Person:
        """One person.

        Raises:
            AnswerError: Nobody of this name is listed.
        """
        key = key_of(person_name(person_id, where="people", field="id"))
        found = await self.desk.rows(SQL["list_people"], {"key": key, "group": None})
        if not found:
            raise AnswerError("people", "id", f"nobody is listed as {person_id!r}")
        return _person(found[0])

    async def list(self, *, group: str | None = None) -> Sequence[Person]:
        """Everybody, or those of one group, by id."""
        found = await self.desk.rows(SQL["list_people"], {"key": None, "group": group})
        return [_person(row) for row in found]

    async def remove(self, person_id: str, *, by: str = "operator") -> bool:
        """Take somebody from the directory, with their own authority; what they decided stays. Whether they were there.

        Their votes that have not decided yet do not count any more. With the last one goes the directory: anybody named
        may decide again.

        Raises:
            NotAuthorised: `by` is an agent, or not active.
        """
        key = key_of(person_name(person_id, where="people", field="id"))
        by = await policy_maker(self.desk, by, where="people", what=f"remove {person_id}")
        return bool(await self.desk.rows(SQL["remove_person"], {"key": key, "by": by}))


class SyncPeople(SyncPart[People]):
    """`People`, blocking."""

    put = bridged(People.put)
    show = bridged(People.show)
    list = bridged(People.list)
    remove = bridged(People.remove)


def _person(row: Mapping[str, Any]) -> Person:
    own = tuple(Authority(one["action"], one["max_amount"]) for one in row["authority"])
    return Person(**{**row, "groups": tuple(row["groups"]), "authority": own})


def _authority(one: object) -> Authority:
    if not isinstance(one, Authority):
        raise AnswerError("people", "authority", "is a list of Authority(action, max_amount)")
    return one


def _shown(grant: Mapping[str, Any]) -> str | None:
    return None if grant["max_amount"] is None else str(grant["max_amount"])


def _groups(groups: object) -> list[str]:
    if isinstance(groups, str) or not isinstance(groups, Collection):
        raise AnswerError("people", "groups", "is a list of names")
    return sorted({label("people", "groups", group) for group in groups})


def _zone(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise AnswerError("people", "time_zone", f"{name!r} is none, such as Europe/Lisbon") from None
    return name
