"""What every answer of the API has in common."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse

from hitl_graph.inbox.api.models import Problem

__all__ = ["PROBLEMS", "Ascii", "told"]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Nobody is signed in, and no token counts."},
    403: {"model": Problem, "description": "Not of this session, or a rule of the desk stands against it."},
    404: {"model": Problem, "description": "There is no such thing, or it is not for you."},
    408: {"model": Problem, "description": "The body did not come to its end in time. Nothing was done."},
    409: {"model": Problem, "description": "Somebody was faster, or it has changed. Nothing was done."},
    413: {"model": Problem, "description": "The body is too long."},
    415: {"model": Problem, "description": "No files are taken."},
    421: {"model": Problem, "description": "The API is not served under this name."},
    422: {"model": Problem, "description": "A field is wrong. Nothing was done."},
    429: {"model": Problem, "description": "Too many requests."},
    503: {"model": Problem, "description": "The database cannot be used now. Nothing was done."},
}


class Ascii(JSONResponse):
    """JSON in ASCII: whatever a text holds, it can be sent, and what is hidden in it is an escape."""

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def told(case: Any) -> dict[str, Any]:
    """A case after a change, for the models."""
    found: dict[str, Any] = case.to_json()
    return {**found, "allowed": list(case.allowed)}
