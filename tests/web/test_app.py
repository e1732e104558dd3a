"""The application on its own: it opens a desk, serves, and closes it."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
import uvicorn

from hitl_graph.web import create_app
from tests.notices.receivers import free_port, query, until
from tests.web.serving import client


def test_it_opens_and_closes_a_desk_of_its_own(db_url: str) -> None:
    """With a URL, under any ASGI server."""
    app, port = create_app(url=db_url), free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False))
    worker = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    worker.start()
    until(lambda: server.started, "the application did not start")

    reply = httpx.post(f"http://127.0.0.1:{port}/webhooks/decide", content=b"{}")
    server.should_exit = True
    worker.join(10)

    assert reply.status_code == 401
    assert app.state.desk._pool is None


@pytest.mark.parametrize("path", ["/links/x", "/webhooks/decide"])
def test_an_outage_of_the_database_is_told_as_one(db_url: str, path: str) -> None:
    """Nothing was decided, and the same request may be sent again; the headers are there too."""
    with client(db_url) as web:
        query(db_url, "DROP SCHEMA hitl_tenant CASCADE")

        reply = web.post(path)

    assert reply.status_code == 503
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


def test_two_tenants_links_are_signed_with_different_keys(db_url: str) -> None:
    """I11: what one tenant's application signed says nothing to another's."""
    from hitl_graph import Desk
    from hitl_graph.notices.links import link_key

    async def key(tenant: str) -> bytes:
        async with Desk(db_url, tenant=tenant) as desk:
            return await link_key(desk)

    assert asyncio.run(key("a")) != asyncio.run(key("b"))
