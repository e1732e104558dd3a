"""The event stream that pages listen to."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from hitl_graph.inbox.live import Live
from hitl_graph.inbox.requests import Refused, Signed, desk_of, settings_of
from hitl_graph.inbox.sessions import session_of

__all__ = ["MOST_STREAMS", "router"]

router = APIRouter()
_LOOK_S = 10.0
MOST_STREAMS = 40
"""That one person may have open at once: each holds a connection of the server."""


@router.get("/live")
async def live(request: Request, who: Signed) -> StreamingResponse:
    """Says that something has happened, and nothing of what, as long as the session lasts."""
    listening: Live = request.app.state.live
    if listening.streams_of(who.key) >= MOST_STREAMS:
        raise Refused(429, f"So many pages are open already: at most {MOST_STREAMS} hear the news.")
    messages = _while_signed_in(request, listening.messages(who.key))
    return StreamingResponse(messages, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _while_signed_in(request: Request, messages: AsyncIterator[str]) -> AsyncIterator[str]:
    """Ends soon after the session has: who was signed out elsewhere hears nothing more."""
    looked_at = time.monotonic()
    async for message in messages:
        if time.monotonic() - looked_at > _LOOK_S:
            looked_at = time.monotonic()
            if await session_of(desk_of(request), settings_of(request), request) is None:
                return
        yield message
