"""The demo with a terminal and without: nobody waits for a key that cannot be pressed."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import psycopg
import pytest

from hitl_graph import Desk
from hitl_graph.decisions import Approve, AskInfo, Choose, Decision, Edit, Reject, Respond, TakeOver
from hitl_graph.demo.asking import AskingReviewer, Terminal
from hitl_graph.demo.inbox_reader import read_messages
from hitl_graph.demo.maildir import count
from hitl_graph.demo.reviewer import ScriptedReviewer
from hitl_graph.desk import Case
from hitl_graph.storage.home import Home
from tests.integration.handling import Always, command, handle
from tests.support.terminals import OpenTerminal

# --- without a terminal -------------------------------------------------------------------------


def test_without_a_terminal_nobody_is_waited_for(db_url: str, tmp_path: Path) -> None:
    """Even when asked to ask: it says that it cannot, and the script decides. Stdout is JSON alone."""
    done = command(
        db_url, "demo", "--reviewer", "ask", "--limit", "5", "--json", "--maildir", str(tmp_path / "mail")
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["finished"], report["reviewers"].keys()) == (5, {"scripted reviewer"})
    assert "Nobody can be asked (there is no terminal)" in done.stderr
    assert "rule-based stand-in, not by a model" in done.stderr


def test_the_table_says_what_came_of_it(db_url: str, tmp_path: Path) -> None:
    """Gates, reasons, decisions, mail and the commands to look further; the commands work."""
    done = command(db_url, "demo", "--limit", "12", "--maildir", str(tmp_path / "mail"))

    assert done.returncode == 0, done.stderr
    for part in (
        "12 finished",
        "Passed alone",
        "low confidence",
        "Decisions",
        "Edits",
        "Mail",
        str(tmp_path / "mail"),
    ):
        assert part in done.stdout
    review = re.search(r"hitl-graph show (\w+)", done.stdout)
    assert review
    assert command(db_url, "show", review[1]).returncode == 0


def test_a_file_that_cannot_be_used_starts_nothing(db_url: str, tmp_path: Path) -> None:
    """One line that names the place; exit code 1; no thread was started and no mail sent."""
    (tmp_path / "in.csv").write_text("text,id\nHello,1\n,2\n", encoding="utf-8")

    done = command(db_url, "demo", "--input", str(tmp_path / "in.csv"), "--maildir", str(tmp_path / "mail"))

    assert (done.returncode, done.stdout) == (1, "")
    assert "line 3, field 'text'" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "mail").exists()
    with Desk(db_url) as desk:
        assert desk.cases() == []


# --- at a terminal ------------------------------------------------------------------------------


@pytest.fixture
def one_message(tmp_path: Path) -> Path:
    """A file with one plain message."""
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "I topped up 50 with Apple Pay and it vanished again."}\n', encoding="utf-8")
    return path


def test_a_run_that_is_interrupted_says_how_to_go_on(
    db_url: str, tmp_path: Path, terminal: OpenTerminal
) -> None:
    """Ctrl-C under the script: exit code 130, and each thread is paused with its review, or not there."""
    messages = [message.text for message in read_messages(None)] * 10
    lines = [json.dumps({"text": text}) for text in messages]
    (tmp_path / "many.jsonl").write_text("\n".join(lines), encoding="utf-8")
    options = ("--input", str(tmp_path / "many.jsonl"), "--maildir", str(tmp_path / "mail"))
    demo = terminal(db_url, "demo", "--reviewer", "scripted", *options)
    demo.until("starting")

    demo.type("\x03")
    rest = demo.end()

    assert demo.process.returncode == 130
    assert "What was saved stays" in rest
    assert "hitl-graph list --workflow support-desk" in rest
    with psycopg.connect(db_url) as conn:
        # A question whose checkpoint had not been stored yet is nobody's pause.
        paused = conn.execute(
            "SELECT w.thread_id FROM checkpoint_writes w "
            "JOIN checkpoints c USING (thread_id, checkpoint_ns, checkpoint_id) WHERE w.channel = '__interrupt__'"
        ).fetchall()
        cases = conn.execute("SELECT thread_id FROM hitl.reviews WHERE status = 'pending'").fetchall()
    assert sorted(paused) == sorted(cases)


@pytest.mark.parametrize("key", ["q\n", "\x04", "\x03"], ids=["q", "end of input", "Ctrl-C"])
def test_who_stops_leaves_the_rest_paused(
    db_url: str, tmp_path: Path, one_message: Path, terminal: OpenTerminal, key: str
) -> None:
    """Whatever way they leave: nothing is decided, and the commands that are printed finish the thread."""
    demo = terminal(
        db_url, "demo", "--no-inbox", "--input", str(one_message), "--maildir", str(tmp_path / "mail")
    )
    demo.until("q stop")
    demo.until("> ")

    demo.type(key)
    rest = demo.end()

    assert demo.process.returncode == 0
    assert "1 paused" in rest
    with Desk(db_url) as desk:
        [case] = desk.pending()
    graph = re.search(r"decide ID approve --graph (\S+)", rest)
    assert graph
    done = command(db_url, "decide", case.id, "approve", "--graph", graph[1])
    assert (done.returncode, count(tmp_path / "mail")) == (0, 1), done.stderr


def test_what_the_person_types_is_what_is_sent(
    db_url: str, tmp_path: Path, one_message: Path, terminal: OpenTerminal
) -> None:
    """An edit at the prompt: field, new text, reason."""
    demo = terminal(
        db_url, "demo", "--no-inbox", "--input", str(one_message), "--maildir", str(tmp_path / "mail")
    )
    for sign, text in (
        ("q stop", "e"),
        ("Which field?", "2"),
        ("New subject", "My own subject"),
        ("Why?", "tone"),
    ):
        demo.until(sign)
        demo.until("> ")
        demo.type(text + "\n")

    rest = demo.end()

    assert demo.process.returncode == 0
    assert "1 finished" in rest
    [mail] = [path.read_text(encoding="utf-8") for path in (tmp_path / "mail" / "new").iterdir()]
    assert "Subject: My own subject" in mail


def test_the_script_may_decide_the_rest(db_url: str, tmp_path: Path, terminal: OpenTerminal) -> None:
    """After the key `s` nobody is asked any more."""
    demo = terminal(db_url, "demo", "--no-inbox", "--limit", "6", "--maildir", str(tmp_path / "mail"))
    demo.until("q stop")
    demo.until("> ")

    demo.type("s\n")
    rest = demo.end()

    assert demo.process.returncode == 0
    assert "6 finished" in rest


def test_with_ci_set_nobody_is_asked(
    db_url: str, tmp_path: Path, one_message: Path, terminal: OpenTerminal
) -> None:
    """A terminal in CI has nobody before it."""
    demo = terminal(
        db_url, "demo", "--input", str(one_message), "--maildir", str(tmp_path / "mail"), CI="true"
    )

    rest = demo.end()

    assert demo.process.returncode == 0
    assert "CI is set" in rest
    assert "1 finished" in rest


def test_sigterm_ends_it_in_good_order(
    hitl_home: Path, tmp_path: Path, one_message: Path, terminal: OpenTerminal
) -> None:
    """Exit code 143, and the embedded server is stopped: nothing is left running."""
    demo = terminal(
        None,
        "demo",
        "--no-inbox",
        "--input",
        str(one_message),
        "--maildir",
        str(tmp_path / "mail"),
        HITL_HOME=str(hitl_home),
    )
    demo.until("q stop")

    demo.process.send_signal(signal.SIGTERM)
    demo.end()

    assert demo.process.returncode == 143
    home = Home(hitl_home, Path())
    home.wait_until_shut()
    assert home.server_pid() is None


# --- the person who is asked --------------------------------------------------------------------


def typed(case: Case, *typed_lines: str) -> tuple[Decision | None, list[str]]:
    """What comes of typing these lines about a case, and what the person was told."""
    given, told = iter(typed_lines), []

    def ask(question: str) -> str:
        told.append(question)
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    terminal = Terminal(
        show=lambda _: None, show_whole=lambda _: told.append("whole"), say=told.append, ask=ask
    )
    person = AskingReviewer(terminal=terminal, by="ana", rest=ScriptedReviewer())
    return person.decide(case, 1, 0), told


@pytest.fixture
def cases(db_url: str, tmp_path: Path) -> dict[str, Case]:
    """A pending case of each gate."""
    stop = Always({"triage": lambda _: None})
    handle(db_url, tmp_path, "hello??", reviewer=stop)
    stop = Always({"escalation": lambda _: None})
    handle(db_url, tmp_path, "My phone was stolen in a café", reviewer=stop)
    stop = Always({"reply": lambda _: None})
    handle(db_url, tmp_path, "I topped up 50 with Apple Pay and it vanished again.", reviewer=stop)
    with Desk(db_url) as desk:
        return {case.gate or "": case for case in desk.pending()}


def test_each_key_is_its_decision(cases: dict[str, Case]) -> None:
    """Keys, numbers and prompts lead to their decisions; what is not understood decides nothing."""
    options = [option.value for option in cases["triage"].request.options]
    expected: list[tuple[str, tuple[str, ...], Decision | None]] = [
        ("triage", ("3",), Choose(options[2])),
        ("triage", ("0", "99", "x", "", "12"), Choose(options[11])),
        ("escalation", ("a",), Approve()),
        ("escalation", ("t", ""), TakeOver()),
        ("escalation", ("w", "Dear Ana,", "call us.", "."), Respond("Dear Ana,\ncall us.\n")),
        ("reply", ("v", "x", "", "too long"), Reject(note="too long")),
        ("reply", ("i", "Which one?"), AskInfo("Which one?")),
        ("reply", ("e", "subject", "New", ""), Edit({"subject": "New"})),
        ("reply", ("e", "3", "One", "two", ".", "tone"), Edit({"body": "One\ntwo\n"}, reason="tone")),
        ("reply", ("e", "nix", "a"), Approve()),
        ("reply", ("q",), None),
        ("reply", ("e", "1"), None),
    ]

    for gate, keys, decision in expected:
        assert typed(cases[gate], *keys)[0] == decision, (gate, keys)


def test_the_prompt_offers_what_the_case_takes_and_no_more(cases: dict[str, Case]) -> None:
    """Keys of decisions that would be refused are not offered."""
    assert "choose" in typed(cases["triage"])[1][0]
    assert "edit" not in typed(cases["escalation"])[1][0]
    assert "write it yourself" not in typed(cases["reply"])[1][0]
