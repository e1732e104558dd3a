"""The pages on a port of this machine, beside whatever else the process does."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from hitl_graph.errors import HitlError
from hitl_graph.inbox.app import create_app
from hitl_graph.inbox.settings import Settings

__all__ = ["GOODBYE_S", "PagesServer", "address_of", "listen", "served"]

GOODBYE_S = 3
"""For how long pages that hang on their event stream are waited for at the end, in seconds."""
_START_S = 30.0
_LOOK_S = 0.02


class PagesServer(uvicorn.Server):
    """uvicorn for an application of `create_app`: at the end, the event streams of open pages are ended first.

    Without that uvicorn would wait for them, cut them off and write of it as of an error.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say goodbye to all pages, then end."""
        app: Any = self.config.app
        app.state.live.end()
        await super().shutdown(sockets)


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A socket that listens. What cannot be had is refused here, before anything is opened.

    Args:
        host: An address or a name of this machine. port: 0 takes a free one.

    Raises:
        HitlError: The port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        problem = f"nothing can listen on {host}, port {port}: {error.strerror or error}"
        raise HitlError(f"{problem}; --port 0 takes a free one") from error


def address_of(listening: socket.socket) -> str:
    """Where a browser of this machine finds what listens here."""
    host, port = listening.getsockname()[:2]
    at = ipaddress.ip_address(host)
    if at.is_unspecified:
        at = ipaddress.ip_address("::1" if at.version == 6 else "127.0.0.1")
    return f"http://{f'[{at}]' if at.version == 6 else at}:{port}"


@contextlib.contextmanager
def served(settings: Settings, *, url: str | None = None) -> Iterator[str]:
    """Serve the pages on a free port of this machine, on a thread of their own; gives their address.

    Leaving the block ends them: pages that are open say that there is no connection.

    Args:
        settings: Of the inbox. url: A Postgres connection string; None: as `Desk` has it.

    Raises:
        HitlError: The pages could not be served: the log says why.
    """
    listening = listen()
    config = uvicorn.Config(
        create_app(settings, url=url),
        log_level="warning",
        timeout_graceful_shutdown=GOODBYE_S,
        ws="none",
        proxy_headers=False,
    )
    server = PagesServer(config)
    # Away from the main thread it leaves the signals to whoever has them there.
    running = threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, name="hitl-inbox", daemon=True
    )
    running.start()
    try:
        _wait_until_served(server, running)
        yield address_of(listening)
    finally:
        server.should_exit = True
        running.join(_START_S)
        listening.close()


def _wait_until_served(server: uvicorn.Server, running: threading.Thread) -> None:
    end = time.monotonic() + _START_S
    while not server.started:
        if not running.is_alive() or time.monotonic() > end:
            raise HitlError("the inbox could not be served: what went wrong stands above")
        time.sleep(_LOOK_S)
