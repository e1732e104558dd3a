"""The application on a real socket, and signed requests to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn
from standardwebhooks import Webhook

from hitl_graph.web import create_app
from tests.notices.receivers import free_port, until

__all__ = ["KEY", "client", "signed"]

KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


@contextlib.contextmanager
def client(db_url: str) -> Iterator[httpx.Client]:
    """Somebody who talks to the application."""
    port = free_port()
    config = uvicorn.Config(create_app(url=db_url), port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    worker = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    worker.start()
    try:
        until(lambda: server.started, "the application did not start")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as found:
            yield found
    finally:
        server.should_exit = True
        worker.join(10)


def signed(
    body: Any, *, key: str = KEY, message_id: str = "m1", at: dt.datetime | None = None
) -> dict[str, Any]:
    """A request's content and headers, signed by the library that senders use."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = at or dt.datetime.now(dt.UTC)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp()))}
    headers["webhook-signature"] = Webhook(key).sign(message_id, at, content.decode("utf-8", "replace"))
    return {"content": content, "headers": headers}
