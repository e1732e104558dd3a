"""Who is signed in, and what they may do on the pages. Whether they may decide a case the desk says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from hitl_graph.desk import Desk
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements

__all__ = ["RIGHTS", "Principal", "Right", "principal_from", "principal_of"]

SQL = load_statements("hitl_graph.inbox", "sessions.sql")

Right = Literal["see", "decide", "move", "hold", "audit", "settings"]
"""See cases; claim and decide them; give them to others; hold and release; read the whole log; say who may do what."""

RIGHTS: dict[str, frozenset[Right]] = {
    "reviewer": frozenset({"see", "decide", "move"}),
    "lead": frozenset({"see", "decide", "move", "hold"}),
    "admin": frozenset({"see", "decide", "move", "hold", "audit", "settings"}),
    "auditor": frozenset({"see", "audit"}),
}

LOCAL = "token"
"""The way to sign in on one's own machine. Only there is an empty directory open to anybody."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody who is signed in.

    Attributes:
        id: What `by` says. name: For readers. key: What tells them from others.
        groups: Theirs. roles: Theirs; all of them where nobody is listed.
        listed: Whether the directory knows them; where it is empty, nobody is.
        csrf: What each of their forms carries.
        way: How they came in: 'token', 'header', 'oidc', or 'api' for a program of theirs.
        token: Of a program: which of their tokens it has, by its id and its label.
    """

    id: str
    name: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    listed: bool = True
    csrf: str = ""
    way: str = ""
    token: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """What tells them from others, whatever the case and the accents of the name."""
        return key_of(self.id)

    @property
    def rights(self) -> frozenset[Right]:
        """Everything that one of their roles allows."""
        return frozenset().union(*(RIGHTS.get(role, frozenset()) for role in self.roles))

    def may(self, right: Right) -> bool:
        """Whether they have this right."""
        return right in self.rights


async def principal_of(desk: Desk, person: str, name: str, *, way: str) -> Principal | None:
    """Who this is now, as the directory knows them; None for whom it does not know, or who is not active."""
    [row] = await desk.rows(SQL["known"], {"person": key_of(person)})
    return principal_from({**row, "person": person, "name": name}, way=way)


def principal_from(row: Mapping[str, Any], *, way: str, csrf: str = "") -> Principal | None:
    """The same, from a row that says it.

    Where nobody is listed, whoever sits at this machine is let in; whoever comes from elsewhere is not.

    Args:
        row: person, name, known (as the directory knows them) and listed (whether it knows anybody).
        way: How they came in. csrf: Of their session.
    """
    known: Mapping[str, Any] | None = row["known"]
    if not row["listed"]:
        told = {"id": row["person"], "name": row["name"], "roles": tuple(RIGHTS), "listed": False}
        return Principal(**told, csrf=csrf, way=way) if way == LOCAL else None
    if known is None or not known["active"] or known["kind"] != "human":
        return None
    told = {"id": known["id"], "name": known["name"], "roles": tuple(known["roles"])}
    return Principal(**told, groups=tuple(known["groups"]), csrf=csrf, way=way)
