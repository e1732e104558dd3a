"""`hitl-graph inbox` as a process: the graphs that it draws, and what goes on in it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.decisions import Approve
from hitl_graph.errors import HitlError
from hitl_graph.inbox.serving import address_of, listen
from tests.integration.handling import environment
from tests.support.commands import Command
from tests.support.demo_inbox import until
from tests.support.graphs import lines, mail_graph, thread


class Inbox:
    """`hitl-graph inbox` in a process of its own, on a free port."""

    def __init__(self, url: str, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hitl_graph", "inbox", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment(url),
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def page(self, path: str) -> str:
        """A page, as the person of this machine sees it."""
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as browser:
            browser.get(self.address).raise_for_status()
            return browser.get(f"{self.address.split('/sign-in')[0]}{path}").raise_for_status().text

    def end(self) -> str:
        """Ctrl-C; what it said on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)[1]


@pytest.fixture
def graphs(tmp_path: Path) -> Path:
    """A module with a graph of somebody's own."""
    source = "from tests.support.graphs import mail_graph\n\ndef graph(checkpointer):\n"
    source += "    return mail_graph().compile(checkpointer=checkpointer, name='mail')\n"
    (tmp_path / "own.py").write_text(source, encoding="utf-8")
    return tmp_path


@pytest.fixture
def opened() -> Iterator[list[Inbox]]:
    """Those that a test has opened; none is left behind."""
    found: list[Inbox] = []
    yield found
    for one in found:
        one.process.kill()
        one.process.communicate()


def paused(db_url: str, sink: Path) -> None:
    with open_checkpointer(db_url) as saver:
        graph = mail_graph().compile(checkpointer=saver, name="mail")
        config = {**thread("t1"), "metadata": {"workflow": "mail"}}
        graph.invoke({"ticket": "1", "sink": str(sink)}, config)


def test_a_graph_is_drawn_by_its_own_name_and_its_threads_go_on_here(
    db_url: str, graphs: Path, sink: Path, opened: list[Inbox]
) -> None:
    """With `--work` there is nothing else to start; by Ctrl-C it ends in good order."""
    paused(db_url, sink)
    opened.append(inbox := Inbox(db_url, graphs, "--graph", "own.py:graph", "--work"))

    page = inbox.page("/graphs")
    assert page.count("<svg") == 1
    assert re.search(r">\s*1 waits\s*<", page)
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    until(lambda: lines(sink), "the act is done")

    said = inbox.end()
    assert "thread t1: went on with 1 answers" in said
    assert "ended in" in said
    assert "Traceback" not in said


def test_without_work_nothing_goes_on_here(
    db_url: str, graphs: Path, sink: Path, opened: list[Inbox]
) -> None:
    """It draws, and leaves the threads to workers."""
    paused(db_url, sink)
    (graphs / "langgraph.json").write_text('{"graphs": {"letters": "./own.py:graph"}}', encoding="utf-8")
    opened.append(inbox := Inbox(db_url, graphs, "--config", "langgraph.json"))

    page = inbox.page("/graphs")

    assert "letters" in page
    assert "works for" not in inbox.end()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--work",), "no graph is named"),
        (("--graph", "nothing"), "no MODULE:ATTRIBUTE"),
        (("--graph", "tests.support.graphs:nothing"), "has no 'nothing'"),
    ],
)
def test_a_graph_that_is_none_is_refused_before_anything_is_served(
    hg: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    """As `hitl-graph worker` says it."""
    monkeypatch.chdir(tmp_path)

    code, _, err = hg("inbox", *options)

    assert code == 1
    assert said in err


def test_a_port_that_is_taken_is_said(hg: Command) -> None:
    """With what takes a free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = hg("inbox", "--port", str(taken.getsockname()[1]))

    assert code == 1
    assert "--port 0 takes a free one" in err


def test_the_address_is_one_that_a_browser_can_open() -> None:
    """Also where it listens on all of them."""
    with listen("0.0.0.0") as everywhere:  # noqa: S104  # for a moment, and nothing answers
        port = everywhere.getsockname()[1]
        assert address_of(everywhere) == f"http://127.0.0.1:{port}"


def test_an_address_of_another_machine_is_refused() -> None:
    """The error names it."""
    with pytest.raises(HitlError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1")
