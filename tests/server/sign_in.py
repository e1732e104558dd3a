"""Whom the test server signs in: whoever a header names, and nobody where there is none."""

from __future__ import annotations

from langgraph_sdk import Auth

__all__ = ["HEADER", "auth"]

HEADER = "x-signed-in"
auth = Auth()


@auth.authenticate
async def signed_in(headers: dict[bytes, bytes]) -> Auth.types.MinimalUserDict:
    """Believe the header: the tests are all there is."""
    name = headers.get(HEADER.encode(), b"").decode()
    return {"identity": name, "is_authenticated": True}
