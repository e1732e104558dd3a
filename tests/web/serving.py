"""The application on a real socket, and signed requests to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import functools
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn
from standardwebhooks import Webhook

from hitl_graph import Desk
from hitl_graph.web import create_app
from tests.notices.receivers import free_port, until

__all__ = ["KEY", "client", "signed"]

KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


class _Server:
    """One server for all tests of a process: each has an application and a desk of its own on it."""

    def __init__(self) -> None:
        self.app: Any = None
        self.loop = asyncio.new_event_loop()
        self.port = free_port()
        settings = {"port": self.port, "log_level": "error", "access_log": False, "lifespan": "off"}
        config = uvicorn.Config(self, **settings)
        self.server = uvicorn.Server(config)
        self.worker = threading.Thread(target=self._run, daemon=True)
        self.worker.start()
        until(lambda: self.server.started, "the application did not start")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def _run(self) -> None:
        self.loop.run_until_complete(self.server.serve())

    @contextlib.contextmanager
    def serving(self, db_url: str) -> Iterator[str]:
        """The application of one test: its address."""
        desk = Desk(db_url)
        asyncio.run_coroutine_threadsafe(desk.__aenter__(), self.loop).result(20)
        self.app = create_app(desk)
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            asyncio.run_coroutine_threadsafe(desk.__aexit__(None, None, None), self.loop).result(20)


@functools.cache
def _server() -> _Server:
    return _Server()


@contextlib.contextmanager
def client(db_url: str) -> Iterator[httpx.Client]:
    """Somebody who talks to the application."""
    with _server().serving(db_url) as url, httpx.Client(base_url=url, timeout=20) as found:
        yield found


def signed(
    body: Any, *, key: str = KEY, message_id: str = "m1", at: dt.datetime | None = None
) -> dict[str, Any]:
    """A request's content and headers, signed by the library that senders use."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = at or dt.datetime.now(dt.UTC)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp()))}
    headers["webhook-signature"] = Webhook(key).sign(message_id, at, content.decode("utf-8", "replace"))
    return {"content": content, "headers": headers}
