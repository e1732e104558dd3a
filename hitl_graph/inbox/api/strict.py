"""JSON that can be read in one way only: no field twice, no NaN, no bytes that are no text."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

__all__ = ["StrictRoute"]


class _StrictRequest(Request):
    async def json(self) -> Any:
        """The body as JSON.

        Raises:
            JSONDecodeError: It is none, or could be read in another way by another program.
        """
        body = await self.body()
        try:
            return json.loads(body.decode(), object_pairs_hook=_no_doubles, parse_constant=_no_number)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError):  # no UTF-8, a number without end, brackets without end
            raise _wrong("is no JSON that can be read") from None


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # any awaitable will do
        """The handler, with a request that reads its body strictly."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _wrong("names a field twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise _wrong(f"holds {name}, which is no JSON")


def _wrong(problem: str) -> json.JSONDecodeError:
    return json.JSONDecodeError(problem, "", 0)
