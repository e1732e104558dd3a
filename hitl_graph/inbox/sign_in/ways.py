"""What every way to sign in gives."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from fastapi import APIRouter, Request

__all__ = ["Claim", "SignIn"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """Who somebody has proved to be. `person` is what the directory and `by` say; `way` how they proved it."""

    person: str
    name: str
    way: str


class SignIn(Protocol):
    """A way to sign in."""

    way: str
    """What it is called in sessions and on pages: 'token', 'header' or 'oidc'."""

    def routes(self, router: APIRouter) -> None:
        """Add what it needs below `/sign-in`."""
        ...

    async def claim(self, request: Request) -> Claim | None:
        """Who a request proves to come from by itself, without a session; None for nobody."""
        ...

    async def still(self, request: Request, person: str) -> bool:
        """Whether a session that was begun as `person` may go on with this request."""
        ...
