"""Whose rows a connection sees: every one of ours is bound to one tenant before anything else is done on it."""

from __future__ import annotations

import os
from typing import Any

from psycopg import AsyncConnection, Connection

from hitl_graph.errors import TenantError
from hitl_graph.plain import key_of

__all__ = ["DEFAULT", "TenantsPools", "checked_tenant", "must_be_bound"]

DEFAULT = "default"
LONGEST = 100

_ENTER = "SELECT hitl.enter(%s) AS bound"


def checked_tenant(tenant: str | None) -> str:
    """The tenant's name; None is `HITL_TENANT`, else `"default"`.

    Raises:
        TenantError: It is no name: empty, with blanks around it, longer than 100 characters, or with characters that
            cannot be seen.
    """
    if tenant is None:
        tenant = os.environ.get("HITL_TENANT") or DEFAULT
    if (
        not isinstance(tenant, str)
        or not tenant.strip()
        or tenant != tenant.strip()
        or not tenant.isprintable()
        or not all(
            c == " " or key_of(c) for c in tenant
        )  # such as a variation selector: two names that look alike
    ):
        raise TenantError(f"tenant: {tenant!a} is no name: give a text of characters that can be seen")
    if len(tenant) > LONGEST:
        raise TenantError(f"tenant: is {len(tenant)} characters long, and {LONGEST} are the most")
    return tenant


class TenantsPools:
    """What a pool does with each connection that it opens, and with one that comes back from people's own SQL."""

    def __init__(self, tenant: str | None) -> None:
        self.tenant = checked_tenant(tenant)

    def bind(self, conn: Connection[Any]) -> None:
        """Bind a connection to the tenant."""
        _must_hold(conn.execute(_ENTER, [self.tenant], prepare=False).fetchone())

    async def abind(self, conn: AsyncConnection[Any]) -> None:
        """The same for an async one."""
        _must_hold(await (await conn.execute(_ENTER, [self.tenant], prepare=False)).fetchone())


def must_be_bound(conn: Connection[Any]) -> None:
    """Check, before a pool is opened, that its connections can be bound. The connection is of no other use then.

    Raises:
        TenantError: They cannot.
    """
    _must_hold(conn.execute(_ENTER, [DEFAULT], prepare=False).fetchone())


def _must_hold(row: Any) -> None:
    """Fail closed: a connection that row-level security does not bind is not used."""
    if not (row["bound"] if isinstance(row, dict) else row[0]):
        raise TenantError(
            "this database user goes past row-level security and may not act as hitl_member: let a superuser run "
            "CREATE ROLE hitl_member, then SELECT hitl.grant_member()"
        )
