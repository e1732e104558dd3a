"""What a page is given with its request: the desk, the settings, who asks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from hitl_graph.desk import Desk
from hitl_graph.inbox.principals import Principal, Right
from hitl_graph.inbox.settings import Settings

__all__ = [
    "Audits",
    "Decides",
    "Governs",
    "Holds",
    "Moves",
    "NotSignedIn",
    "Refused",
    "Sees",
    "Signed",
    "TheDesk",
    "TheSettings",
    "desk_of",
    "is_htmx",
    "needs",
    "settings_of",
]


class NotSignedIn(Exception):
    """Nobody is signed in: a page leads to the sign-in, anything else answers 401."""


class Refused(Exception):
    """A request that is not done. `field` names what was wrong with it, for a form."""

    def __init__(self, status: int, text: str, *, field: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.field = status, text, field


def desk_of(request: Request) -> Desk:
    """The desk of this application."""
    desk: Desk = request.app.state.desk
    return desk


def settings_of(request: Request) -> Settings:
    """The settings of this application."""
    settings: Settings = request.app.state.settings
    return settings


def is_htmx(request: Request) -> bool:
    """Whether the page asked for a part of itself."""
    return request.headers.get("hx-request") == "true"


async def signed(request: Request) -> Principal:
    """Who asks.

    Raises:
        NotSignedIn: Nobody who may come in.
    """
    principal: Principal | None = request.state.principal
    if principal is None:
        raise NotSignedIn
    return principal


def having(right: Right) -> Any:
    """What gives a page whoever asks, if they have this right; for all others there is no such page."""

    async def found(who: Annotated[Principal, Depends(signed)]) -> Principal:
        if not who.may(right):
            raise Refused(404, "There is nothing here.")
        return who

    return Depends(found)


def needs(right: Right) -> type[Principal]:
    """A parameter's type: whoever asks has this right."""
    return Annotated[Principal, having(right)]  # type: ignore[return-value]  # Annotated is what FastAPI reads


Signed = Annotated[Principal, Depends(signed)]
Sees = Annotated[Principal, having("see")]
Decides = Annotated[Principal, having("decide")]
Moves = Annotated[Principal, having("move")]
Holds = Annotated[Principal, having("hold")]
Audits = Annotated[Principal, having("audit")]
Governs = Annotated[Principal, having("settings")]
TheDesk = Annotated[Desk, Depends(desk_of)]
TheSettings = Annotated[Settings, Depends(settings_of)]
