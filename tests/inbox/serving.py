"""The inbox on a free loopback port, and cases in it: what its tests over HTTP and in the browser share."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psycopg
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from hitl_graph import open_checkpointer
from hitl_graph.inbox import Limits, Settings, create_app
from hitl_graph.inbox.serving import PagesServer
from hitl_graph.inbox.sign_in import LocalToken, SignIn
from tests.support.browser import watched
from tests.support.graphs import mail_graph, thread

__all__ = ["GENEROUS", "Served", "client", "copied", "csrf_of", "enter", "inbox", "paused", "ready", "visit"]

TOKEN = "a-token-of-the-tests"  # noqa: S105  # of a server that the test starts
GENEROUS = Limits(reads=10**6, writes=10**6, entries=10**6, strangers=10**6, programs=10**6)
"""For tests that ask more often than people do."""
_START_S = 20


class Served(NamedTuple):
    """Where the inbox is, and what lets a browser in."""

    address: str
    token: str

    def entry(self, to: str = "/") -> str:
        """The address that signs in and leads to a page."""
        return f"{self.address}/sign-in/token?{urlencode({'token': self.token, 'to': to})}"


def _settings(person: str, sign_in: SignIn | None, changes: Mapping[str, Any]) -> Settings:
    return Settings(sign_in=sign_in or LocalToken(person, TOKEN), **changes)


@contextlib.contextmanager
def inbox(
    db_url: str,
    *,
    person: str = "ana",
    sign_in: SignIn | None = None,
    tenant: str | None = None,
    port: int = 0,
    prefix: str = "",
    **settings: Any,
) -> Iterator[Served]:
    """Serve the real application with uvicorn in a thread of this process: `(address, token)`.

    Args:
        db_url: The database, of which more than one inbox may be served at once.
        person: Who signs in with the token. sign_in: Another way to sign in, such as `ProxyHeader()`.
        tenant: Whose inbox. port: 0 takes a free one.
        prefix: Below which another application mounts it, such as "/review".
        settings: Of `Settings`, such as undo_s=0.
    """
    app = create_app(_settings(person, sign_in, settings), url=db_url, tenant=tenant)
    if prefix:
        outer = FastAPI(lifespan=app.router.lifespan_context)
        outer.mount(prefix, app)
        app = outer
    listening = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        app, log_level="error", timeout_graceful_shutdown=5, ws="none", proxy_headers=False
    )
    server = uvicorn.Server(config) if prefix else PagesServer(config)
    running = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="inbox", daemon=True)
    running.start()
    end = time.monotonic() + _START_S
    while not server.started:
        assert running.is_alive() and time.monotonic() < end, "the inbox did not start"
        time.sleep(0.005)
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}{prefix}", TOKEN)
    finally:
        server.should_exit = True
        running.join(_START_S)
        listening.close()
        assert not running.is_alive(), "the inbox did not stop"


@contextlib.contextmanager
def client(
    db_url: str,
    *,
    person: str = "ana",
    sign_in: SignIn | None = None,
    tenant: str | None = None,
    signed_in: bool = True,
    **settings: Any,
) -> Iterator[TestClient]:
    """The application without a server, for tests over HTTP. `enter` signs a client in, with its CSRF header."""
    app = create_app(_settings(person, sign_in, settings), url=db_url, tenant=tenant)
    here = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50_000)}
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False, **here) as made:
        if signed_in:
            enter(made)
        yield made


def enter(made: TestClient) -> None:
    """Sign in with the token, and carry the session's mark from now on."""
    answer = made.get("/sign-in/token", params={"token": TOKEN})
    assert answer.status_code == 303, answer.text
    made.headers["x-csrf-token"] = csrf_of(made)


def csrf_of(made: TestClient) -> str:
    """What the forms of the session carry."""
    text: str = made.get("/").text
    return text.split('data-csrf="', 1)[1].split('"', 1)[0]


def ready(page: Page) -> None:
    """The page is there, and its scripts have joined: keys and forms do what they do."""
    expect(page.locator("html[data-ready]")).to_be_attached()
    expect(page.locator("main")).to_be_visible()


@contextlib.contextmanager
def visit(
    browser: Browser, served: Served, to: str = "/", *, allow: Collection[int | str] = (), **context: Any
) -> Iterator[Page]:
    """A signed-in page of its own context. At the end its console must have said no error, CSP violations included.

    Args:
        browser: The browser. served: The inbox. to: The page to open.
        allow: Statuses that answers may have, which the browser calls errors: 409 for a conflict that is wanted. A text
            is part of an error that is wanted, such as "ERR_" where there is no connection.
        context: Of the browser's context: viewport, color_scheme, reduced_motion, timezone_id, storage_state …
    """
    with watched(browser, **context) as (page, errors):
        page.goto(served.entry(to))
        if context.get("java_script_enabled", True):
            ready(page)
        else:
            expect(page.locator("main")).to_be_visible()
        yield page
        meant = tuple(f"status of {one}" if isinstance(one, int) else one for one in allow)
        wrong = [said for said in errors if not any(one in said for one in meant)]
        assert wrong == [], wrong


def copied(db_url: str, number: int) -> None:
    """So many more cases like the one that is there, in threads of their own that no graph can go on with."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(_COPY, {"number": number})


_COPY = """
INSERT INTO hitl.reviews (
    thread_id, id, checkpoint_id, task_id, node, shape, gate, kind, action, question, owner, priority,
    payload, digest, due_at)
SELECT 'copy-' || i, id, checkpoint_id, task_id, node, shape, gate, kind, action,
       'Is it right, number ' || i || '?', owner,
       CASE i %% 3 WHEN 0 THEN 'urgent' ELSE 'low' END, payload, digest,
       CASE i %% 4 WHEN 0 THEN now() + make_interval(hours => i %% 7) END
FROM hitl.reviews, generate_series(1, %(number)s) AS i"""


def paused(
    db_url: str, *names: str, graph: Any = None, state: Mapping[str, Any] | None = None, **gate: Any
) -> None:
    """Threads that wait at their gate, by the real saver.

    Args:
        db_url: The database. names: Of the threads.
        graph: A builder; None: `mail_graph(**gate)`. state: What the threads begin with, besides ticket and sink.
        gate: Changes of `mail_graph`'s gate.
    """
    builder = graph or mail_graph(**gate)
    with open_checkpointer(db_url) as saver:
        compiled = builder.compile(checkpointer=saver, name="mail")
        for name in names:
            compiled.invoke({"ticket": "Where is it?", "sink": "/dev/null", **(state or {})}, thread(name))
