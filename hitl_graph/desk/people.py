"""`desk.people`: the directory of those who decide."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import zoneinfo
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Literal, get_args

from hitl_graph.desk.authority import SQL, Authority, grant_params
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Connection, Part, rows
from hitl_graph.desk.identity import person_name
from hitl_graph.desk.policy import label, policy_maker
from hitl_graph.errors import AnswerError
from hitl_graph.plain import key_of

__all__ = ["People", "Person", "PersonKind", "Role", "SyncPeople"]

PersonKind = Literal["human", "system", "agent"]
Role = Literal["reviewer", "lead", "admin", "auditor"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """One entry of the directory.

    Attributes:
        id: What `by` says. Ana and ana are one.
        groups: Those whose cases they may decide.
        kind: "human"; "system" decides only by signed webhooks; "agent" never decides.
        active: Whether they may do anything now.
        time_zone: Such as `"Europe/Lisbon"`, where it is known.
        roles: "reviewer" decides, "lead" also moves cases and holds things, "admin" also says who may do what,
            "auditor" looks at everything. Who is an auditor and nothing else decides nothing.
        authority: What they have authority for themselves, besides that of their groups.
    """

    id: str
    name: str
    groups: tuple[str, ...] = ()
    kind: PersonKind = "human"
    active: bool = True
    time_zone: str | None = None
    roles: tuple[Role, ...] = ("reviewer",)
    authority: tuple[Authority, ...] = ()


class People(Part):
    """Who may decide. While nobody is listed, anybody named may; from the first entry on, only those listed.

    Whoever changes the directory is named in an event; no agent and nobody inactive may. From the first admin on, only
    admins may, and one of them always stays.
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
        roles: Collection[str] | None = None,
        authority: Collection[Authority] | None = None,
        by: str = "operator",
    ) -> Person:
        """List a person, or change what is said of them; all of it is replaced.

        Args:
            person_id: What `by` will say. groups: Those whose cases they may decide. name: For readers; None: the id.
            kind: "human", "system" or "agent". active: False takes everything from them at once.
            time_zone: Such as `"Europe/Lisbon"`.
            roles: See `Person`; None leaves them as they are, and makes a new one a reviewer.
            authority: What they may let through, each an `Authority`; None leaves it as it is.
            by: Who says so.

        Raises:
            AnswerError: One of these cannot be kept, or nobody would be an admin any more; the error names the field.
                Nothing was saved.
            NotAuthorised: `by` is an agent, or not active, or no admin where some of those listed are.
        """
        person_id = person_name(person_id, where="people", field="id")
        params = {"key": key_of(person_id), "id": person_id, "kind": kind, "active": bool(active)}
        params["name"] = person_id if name is None else label("people", "name", name)
        params["groups"] = _groups(groups)
        params["time_zone"] = _zone(time_zone)
        params["roles"] = None if roles is None else _roles(roles)
        if kind not in get_args(PersonKind):
            raise AnswerError("people", "kind", f"{kind!r} is none of {', '.join(get_args(PersonKind))}")
        grants = None if authority is None else [grant_params(_authority(one)) for one in authority]
        if grants and kind == "agent":
            raise AnswerError("people", "authority", "is for people and systems: agents let nothing through")
        by = await policy_maker(self.desk, by, where="people", what=f"put {person_id}")
        async with self._governing() as conn:
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
            AnswerError: Nobody of those left would be an admin any more.
            NotAuthorised: `by` is an agent, or not active, or no admin where some of those listed are.
        """
        key = key_of(person_name(person_id, where="people", field="id"))
        by = await policy_maker(self.desk, by, where="people", what=f"remove {person_id}")
        async with self._governing() as conn:
            return bool(await rows(conn, SQL["remove_person"], {"key": key, "by": by}))

    @contextlib.asynccontextmanager
    async def _governing(self) -> AsyncIterator[Connection]:
        """A transaction after which there is still an admin, where there was one and anybody is listed.

        Raises:
            AnswerError: There would be none. Nothing was saved.
        """
        async with self.desk.transaction() as conn:
            await rows(conn, SQL["lock_directory"])
            [before] = await rows(conn, SQL["governed"])
            yield conn
            [after] = await rows(conn, SQL["governed"])
            if before["governed"] and after["listed"] and not after["governed"]:
                raise AnswerError(
                    "people", "roles", "would leave nobody who is an admin: list another one first"
                )


class SyncPeople(SyncPart[People]):
    """`People`, blocking."""

    put = bridged(People.put)
    show = bridged(People.show)
    list = bridged(People.list)
    remove = bridged(People.remove)


def _person(row: Mapping[str, Any]) -> Person:
    own = tuple(Authority(one["action"], one["max_amount"]) for one in row["authority"])
    return Person(**{**row, "groups": tuple(row["groups"]), "roles": tuple(row["roles"]), "authority": own})


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


def _roles(roles: Any) -> list[str]:
    known = get_args(Role)
    if (
        isinstance(roles, str)
        or not isinstance(roles, Collection)
        or not roles
        or any(one not in known for one in roles)
    ):
        raise AnswerError("people", "roles", f"is a list of one or more of {', '.join(known)}")
    return [role for role in known if role in roles]


def _zone(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise AnswerError("people", "time_zone", f"{name!r} is none, such as Europe/Lisbon") from None
    return name
