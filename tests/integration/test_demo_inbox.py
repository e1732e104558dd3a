"""The demo at a terminal serves its inbox: what is decided there goes on, and the terminal says how far it is."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from hitl_graph import Desk
from hitl_graph.cli.browser import has_screen
from hitl_graph.cli.options import this_user
from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.demo.maildir import count
from tests.integration.handling import ROOT, command
from tests.support.demo_inbox import address_on, decide_all, pending, plain, until
from tests.support.terminals import AtTerminal, OpenTerminal


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Where mails go."""
    return tmp_path / "mail"


def opened(
    terminal: OpenTerminal, db_url: str, mail: Path, *options: str, texts: tuple[str, ...] = (), **env: str
) -> AtTerminal:
    """The demo on a terminal, on one plain message unless others are given."""
    given = ("--input", str(plain(mail.parent, *texts)), "--maildir", str(mail), "--no-browser", *options)
    return terminal(db_url, "demo", *given, **env)


def test_what_is_decided_goes_on_and_the_demo_ends_by_itself(
    db_url: str, mail: Path, terminal: OpenTerminal
) -> None:
    """Also a case that is asked again after a rejection. The terminal counts; with --json the report comes last."""
    demo = opened(terminal, db_url, mail, "--json")
    address_on(demo)
    demo.until("1 wait, 0 decided, 0 mails sent")

    decide_all(db_url, decision=Reject(note="Too long."))
    demo.until("1 wait, 1 decided, 0 mails sent")
    decide_all(db_url)
    rest = demo.end()

    assert demo.process.returncode == 0
    assert "0 wait, 2 decided, 1 mail sent" in rest
    report = json.loads(rest[rest.index("{") :])
    assert (report["finished"], report["sent"], report["reviewers"]) == (1, 1, {"ana": 2})
    assert report["decisions"] == {"reject": 1, "approve": 1}
    assert count(mail) == 1


def test_the_address_lets_its_reader_in_and_shows_the_graph(
    db_url: str, mail: Path, terminal: OpenTerminal
) -> None:
    """As this user, with the right to decide; another token lets nobody in."""
    demo = opened(terminal, db_url, mail)
    address = address_on(demo)
    place = address.split("/sign-in")[0]

    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        refused = browser.get(f"{place}/sign-in/token?token=guessed").status_code
        queue = browser.get(address)
        graphs = browser.get(f"{place}/graphs")

    assert refused == 401
    assert this_user() in queue.text
    assert "Is this reply safe to send to the customer?" in queue.text
    assert "support-desk" in graphs.text
    assert "<svg" in graphs.text
    assert "send email, cannot be undone" in graphs.text


def test_ctrl_c_leaves_the_rest_paused_and_says_how_to_go_on(
    db_url: str, mail: Path, terminal: OpenTerminal
) -> None:
    """What was decided just before still reaches its thread; the printed command serves what is left."""
    demo = opened(terminal, db_url, mail, texts=("One topped up and it vanished again.",) * 2)
    address_on(demo)
    demo.until("2 wait")
    first = pending(db_url)[0]
    with Desk(db_url) as desk:
        desk.decide(first.id, Edit({"subject": "Mine"}), by="ana", digest=first.digest, undo_s=2)
    demo.until("1 go on")

    demo.type("\x03")
    rest = demo.end()

    assert demo.process.returncode == 0, rest
    assert "What is decided goes on first" in rest
    assert "1 finished, 1 paused" in rest
    assert "Something does not add up" not in rest
    assert count(mail) == 1
    assert "inbox --work --graph hitl_graph.demo.graph:graph" in rest


def test_a_second_ctrl_c_ends_it_at_once(db_url: str, mail: Path, terminal: OpenTerminal) -> None:
    """What is decided and has not gone on yet is told by whoever works next."""
    demo = opened(terminal, db_url, mail)
    address_on(demo)
    [case] = pending(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ana", digest=case.digest, undo_s=60)
    demo.until("1 go on")
    demo.type("\x03")
    demo.until("once more ends it at once")

    time.sleep(0.5)  # one that comes sooner is the same, passed on by a program such as `uv run`
    demo.type("\x03")

    assert "Stopped. What was saved stays." in demo.end()
    assert demo.process.returncode == 130
    assert count(mail) == 0


def test_cases_that_another_run_left_go_on_as_well(
    db_url: str, tmp_path: Path, terminal: OpenTerminal
) -> None:
    """Two demos at once, strict and not, each on a port of its own: the one that is left works for both."""
    one = opened(terminal, db_url, tmp_path / "one", "--strict")
    two = opened(terminal, db_url, tmp_path / "two")
    first = address_on(one)
    one.until("1 wait, 0 decided")
    second = address_on(two)
    two.until("1 wait, 0 decided")
    assert first.split("/sign-in")[0] != second.split("/sign-in")[0]

    one.type("\x03")
    assert "1 paused" in one.end()
    strict = "support-desk-strict"
    until(lambda: decide_all(db_url, strict) == 0 and count(tmp_path / "one"), "the strict thread's mail")
    decide_all(db_url)

    assert "1 finished" in two.end()
    assert count(tmp_path / "two") == 1


def test_a_second_run_opens_on_its_own_cases(db_url: str, tmp_path: Path, terminal: OpenTerminal) -> None:
    """What the run before left waits there still, and the terminal says so; the first run shows all that waits."""
    one = opened(terminal, db_url, tmp_path / "one")
    first = one.until("Ctrl-C ends")
    one.until("1 wait, 0 decided")
    one.type("\x03")
    one.end()
    two = opened(terminal, db_url, tmp_path / "two", texts=("My card has not arrived yet.",))
    second = two.until("Ctrl-C ends")
    [bare], [address] = (
        re.findall(r"http://127\.0\.0\.1:\d+/sign-in/token[\w?=&%-]+", text) for text in (first, second)
    )

    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        queue = browser.get(address).text
        everything = browser.get(str(httpx.URL(address).join("/"))).text

    cases = [text.split('id="rows"', 1)[-1].count('<li id="case-') for text in (queue, everything)]
    assert cases == [1, 2]
    assert "Take off the filter words demo-" in queue
    assert (
        "1 more waits there, not of this run: the queue leaves them out until you take its filter off."
        in second
    )
    assert "&to=" not in bare


def test_a_thread_that_raised_is_waited_for_and_tried_again(
    db_url: str, mail: Path, terminal: OpenTerminal
) -> None:
    """Its mail cannot be written: the demo does not end, and goes on when it is let try again."""
    demo = opened(terminal, db_url, mail)
    address_on(demo)
    (mail / "new").write_text("in the way", encoding="utf-8")
    decide_all(db_url)
    demo.until("1 failed, to be tried again in the inbox")

    (mail / "new").unlink()
    with Desk(db_url) as desk:
        [case] = desk.cases(status="failed")
        desk.retry(case.id, by="ana")

    assert "1 finished" in demo.end()
    assert count(mail) == 1


@pytest.mark.parametrize("way", ["SIGTERM", "closed"])
def test_it_ends_when_it_is_told_to_or_its_terminal_is_closed(
    db_url: str, mail: Path, terminal: OpenTerminal, way: str
) -> None:
    """Nothing goes on serving; what was saved stays."""
    demo = opened(terminal, db_url, mail)
    address = address_on(demo)

    if way == "closed":
        demo.hang_up()
    else:
        demo.process.send_signal(signal.SIGTERM)
    code = demo.process.wait(30)

    assert code == (143 if way == "SIGTERM" else 129)
    with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False) as browser:
        browser.get(address)
    assert len(pending(db_url)) == 1


def test_what_is_printed_when_its_terminal_is_gone_changes_nothing(
    db_url: str, mail: Path, tmp_path: Path, terminal: OpenTerminal
) -> None:
    """Python would leave with 120, for it could not write the rest."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys\natexit.register(lambda: sys.stdout.write('bye'))\n", encoding="utf-8"
    )
    demo = opened(terminal, db_url, mail, PYTHONPATH=f"{tmp_path}:{ROOT}")
    address_on(demo)

    demo.hang_up()

    assert demo.process.wait(30) == 129


def test_without_the_extra_it_says_so_and_asks_here(
    db_url: str, mail: Path, tmp_path: Path, terminal: OpenTerminal
) -> None:
    """What to install, in one line."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['fastapi'] = None\n", encoding="utf-8"
    )
    path = f"{tmp_path}:{ROOT}"

    demo = terminal(db_url, "demo", "--input", str(plain(tmp_path)), "--maildir", str(mail), PYTHONPATH=path)

    assert "install hitl-graph[inbox]" in " ".join(demo.until("you are asked here").split())
    demo.until("q stop")


def test_who_may_not_decide_is_told_what_to_type(db_url: str, mail: Path, terminal: OpenTerminal) -> None:
    """Where people are listed the demo lists nobody by itself, and starts nothing; the command it names is enough."""
    with Desk(db_url) as desk:
        desk.people.put("eva", groups=["others"], roles=["admin"])
    said = opened(terminal, db_url, mail).end()
    assert pending(db_url) == []

    told = re.search(r"say (hitl-graph people add .*?), or", " ".join(said.split()))
    assert told, said
    assert command(db_url, *shlex.split(told[1])[1:]).returncode == 0
    demo = opened(terminal, db_url, mail)
    address = address_on(demo)

    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        assert "Is this reply safe to send" in browser.get(address).text
    [case] = pending(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Reject(note="no"), by=this_user(), digest=case.digest)


@pytest.mark.parametrize(
    ("env", "there"),
    [
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({}, False),
        ({"DISPLAY": ":0", "CI": "true"}, False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}, False),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is one")
def test_a_browser_is_opened_only_where_somebody_sees_it(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], there: bool
) -> None:
    """Not in CI, not from another machine, not without a graphical session."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "CI", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert has_screen() is there
