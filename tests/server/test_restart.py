"""The server's process ends while threads are paused: what the saver keeps is there when it runs again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph_sdk.errors import NotFoundError

from hitl_graph import Desk
from tests.server.dev_server import DevServer, Thread

pytestmark = [pytest.mark.xdist_group("langgraph-dev"), pytest.mark.timeout(300)]


@pytest.fixture
def server(db_url: str, tmp_path: Path) -> Iterator[DevServer]:
    """A server of this test's own, which loads as strictly as one can be set to."""
    server = DevServer(tmp_path, db_url, LANGGRAPH_STRICT_MSGPACK="true")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_a_paused_thread_outlives_the_server(server: DevServer, db_url: str, tmp_path: Path) -> None:
    """Stopped, then killed, each time in a pause: the case is there, and is answered to one act."""
    with Desk(db_url) as desk:
        stopped = Thread(server, desk, tmp_path / "stopped", "mail")
        stopped.wait_for(stopped.start())
        server.stop()
        server.start()
        assert (stopped.status, stopped.statuses) == ("interrupted", ["pending"])
        stopped.resume({stopped.case.id: "approve"})
        assert (len(stopped.acts), stopped.statuses) == (1, ["applied"])

        killed = Thread(server, desk, tmp_path / "killed", "mail")
        killed.wait_for(killed.start())
        server.kill()
        server.start()
        assert killed.statuses == ["pending"]
        forgets_the_thread_or_not(killed)
        server.client.threads.create(thread_id=killed.id, graph_id="mail", if_exists="do_nothing")
        assert list(killed.asked) == [killed.case.id]
        killed.resume({killed.case.id: "approve"})
        assert (len(killed.acts), killed.statuses, killed.status) == (1, ["applied"], "idle")


def forgets_the_thread_or_not(thread: Thread) -> None:
    """A killed `langgraph dev` has lost of its own table of threads what is younger than ten seconds."""
    try:
        assert thread.status == "interrupted"
    except NotFoundError:
        return
