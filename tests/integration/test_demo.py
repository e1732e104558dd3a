"""The demo: its runs are counted from what is stored, and nobody waits for a key that cannot be pressed."""

from __future__ import annotations

import asyncio
import codecs
import dataclasses
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.decisions import Approve, AskInfo, Choose, Decision, Edit, Reject, Respond, TakeOver
from hitl_graph.demo.asking import AskingReviewer, Terminal
from hitl_graph.demo.counting import counted
from hitl_graph.demo.gates import Email, amount_in
from hitl_graph.demo.graph import build_support_desk
from hitl_graph.demo.inbox_reader import Message, read_messages
from hitl_graph.demo.maildir import count, send_into
from hitl_graph.demo.parallel import in_parallel
from hitl_graph.demo.report import Report
from hitl_graph.demo.reviewer import Reviewer, ScriptedReviewer
from hitl_graph.demo.run import Run, new_run, run_demo
from hitl_graph.desk import Case
from hitl_graph.storage.home import Home
from tests.support.openai_server import OpenAIServer, Reply

ROOT = Path(__file__).parents[2]
LETTER = Reply(json.dumps({"subject": "Your card", "body": "Hello,\n\nIt comes.\n\nCustomer support"}))


@dataclasses.dataclass
class Always:
    """A reviewer who decides all cases of a gate alike, and approves or chooses as proposed elsewhere."""

    answers: Mapping[str, Callable[[Case], Decision | None]] = dataclasses.field(default_factory=dict)
    by: str = "ana"
    at_once: int = 250

    def decide(self, case: Case, row: int, turn: int) -> Decision | None:
        if case.gate in self.answers:
            return self.answers[case.gate](case)
        return Choose(case.proposal["category"]) if case.gate == "triage" else Approve()

    def refused(self, case: Case, problem: str) -> None:
        raise AssertionError(problem)


class Handled:
    """What became of a run, with the parts that its report is about."""

    def __init__(self, url: str, run: Run, report: Report) -> None:
        self.url = url
        self.run = run
        self.report = report

    def states(self) -> dict[int, dict[str, Any]]:
        """The stored state of each thread, by its message's row."""

        async def load() -> dict[int, dict[str, Any]]:
            async with open_checkpointer(self.url) as checkpointer:
                graph = build_support_desk(checkpointer, strict=self.run.strict)
                threads = self.run.threads
                snapshots = {
                    message.index: await graph.aget_state({"configurable": {"thread_id": thread}})
                    for thread, message in threads.items()
                }
                return {row: snapshot.values for row, snapshot in snapshots.items()}

        return asyncio.run(load())

    def mails(self) -> list[str]:
        """The mails that lie in the maildir, as text."""
        folder = self.run.maildir / "new"
        return (
            [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())] if folder.is_dir() else []
        )


def handle(
    url: str,
    folder: Path,
    *texts: str,
    reviewer: Reviewer | None = None,
    limit: int | None = None,
    **settings: Any,
) -> Handled:
    """One run of the demo in this process; without texts, on the shipped messages."""
    messages = [Message(index=row, text=text) for row, text in enumerate(texts, 1)] or read_messages(
        None, limit
    )
    run_id = new_run()
    run = Run(id=run_id, messages=messages, maildir=folder / run_id, url=url, **settings)
    return Handled(url, run, asyncio.run(run_demo(run, reviewer or Always())))


def command(url: str, *args: str, **env: str | None) -> subprocess.CompletedProcess[str]:
    """`hitl-graph` in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "hitl_graph", *args],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment(url, **env),
        timeout=90,
        check=False,
    )


def environment(url: str | None, **changes: str | None) -> dict[str, str]:
    """This environment without what would change the demo; None takes a variable out."""
    changed: dict[str, str | None] = {
        "OPENAI_API_KEY": None,
        "CI": None,
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "120",
    }
    changed |= {"HITL_DATABASE_URL": url, **changes}
    kept = {name: value for name, value in os.environ.items() if name not in changed}
    return kept | {name: value for name, value in changed.items() if value is not None}


# --- counting ---------------------------------------------------------------------------------


def test_the_shipped_messages_are_handled_and_the_counts_add_up(db_url: str, tmp_path: Path) -> None:
    """Every message ends; every sum holds; the mails lie there."""
    handled = handle(db_url, tmp_path, reviewer=ScriptedReviewer(seed=1))
    report = handled.report

    assert report.problems == ()
    assert report.messages == report.finished == len(read_messages(None))
    assert report.finished == report.sent + report.taken_over + report.handed_over
    assert report.proceeded == sum(report.passed.values()) > 0
    assert all(n == report.passed.get(g, 0) + report.asked.get(g, 0) for g, n in report.judged.items())
    assert report.reviews == sum(report.asked.values()) == sum(report.decisions.values())
    assert report.sent == count(handled.run.maildir) == len(handled.mails())
    assert report.edited == report.decisions["edit"] > 0
    assert set(report.asked) == {"triage", "escalation", "reply"}


def test_an_edit_stands_in_the_state_beside_what_was_proposed(db_url: str, tmp_path: Path) -> None:
    """The record holds both versions and the patch between; the mail is the edited one."""
    edit = Always({"reply": lambda _: Edit({"subject": "Your card, edited"}, reason="subject")})

    handled = handle(db_url, tmp_path, "When will my new card get here?", reviewer=edit)

    record = handled.states()[1]["reviews"][-1]
    assert record["proposed"]["subject"] != record["final"]["subject"] == "Your card, edited"
    assert record["patch"] == [{"op": "replace", "path": "/subject", "value": "Your card, edited"}]
    assert (record["by"], record["reason"]) == ("ana", "subject")
    assert handled.report.edits_by_field == {"subject": 1}
    assert "Subject: Your card, edited" in handled.mails()[0]


def test_the_same_seed_decides_the_same(db_url: str, tmp_path: Path) -> None:
    """Two runs come to the same mails, whatever ran beside what; another seed does not."""
    first, again, other = (
        handle(db_url, tmp_path, limit=30, reviewer=ScriptedReviewer(seed=seed)).states()
        for seed in (7, 7, 8)
    )

    def emails(states: dict[int, dict[str, Any]]) -> dict[int, Any]:
        return {row: (state.get("email"), len(state["reviews"])) for row, state in states.items()}

    assert emails(first) == emails(again)
    assert emails(first) != emails(other)


def test_a_run_counts_its_own_threads_only(db_url: str, tmp_path: Path) -> None:
    """What an earlier run left paused is neither decided nor counted."""
    left = handle(
        db_url, tmp_path, "Why was my transfer declined?", reviewer=Always({"reply": lambda _: None})
    )

    later = handle(db_url, tmp_path, "Why was my transfer declined?")

    assert (left.report.paused, later.report.messages, later.report.finished) == (1, 1, 1)
    with Desk(db_url) as desk:
        assert [case.thread_id for case in desk.pending()] == list(left.run.threads)


def test_a_missing_mail_is_found_out(db_url: str, tmp_path: Path) -> None:
    """The counts are compared across places: a mail that is not there is a problem, not a number."""
    handled = handle(db_url, tmp_path, "Why was my transfer declined?")

    async def again() -> Report:
        async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
            return await counted(handled.run.threads, build_support_desk(checkpointer), desk, mails=0)

    assert asyncio.run(again()).problems == ("sent: 1, but mails in the maildir: 0",)


def test_a_thread_that_raises_is_counted_and_named(db_url: str, tmp_path: Path) -> None:
    """A maildir that cannot be written fails the thread; the report says which and why."""
    run_id = new_run()
    (tmp_path / run_id).write_text("in the way", encoding="utf-8")
    message = Message(index=1, text="Why was my transfer declined?")
    run = Run(id=run_id, messages=[message], maildir=tmp_path / run_id, url=db_url)

    report = asyncio.run(run_demo(run, Always()))

    assert (report.finished, report.failed, report.sent) == (0, 1, 0)
    assert any(f"demo-{run_id}-1 failed" in problem for problem in report.problems)


async def test_the_first_error_of_several_workers_is_raised_as_it_is() -> None:
    """A database that goes away ends the run with its own error, and the other workers are stopped."""
    stopped = []

    async def worker() -> None:
        if len(stopped) == 2:
            raise psycopg.OperationalError("gone")
        stopped.append(1)
        await asyncio.Event().wait()

    with pytest.raises(psycopg.OperationalError, match="gone"):
        await in_parallel(worker, workers=3)


# --- the gates ----------------------------------------------------------------------------------


def test_strict_mode_asks_about_every_act(db_url: str, tmp_path: Path) -> None:
    """Nothing passes alone."""
    report = handle(db_url, tmp_path, limit=6, strict=True).report

    assert (report.proceeded, report.problems) == (0, ())
    assert report.asked == {"triage": 6, "escalation": 6, "reply": 6}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I was charged twice, this is unacceptable.", "complaint"),
        ("My card was stolen!", "urgency"),
        ("My father died on Sunday, what about his account?", "sensitive_policy"),
        ("Please transfer 185,000 EUR to the notary.", "high_value"),
        ("hello??", "ambiguous_data"),
    ],
)
def test_exceptions_reach_a_person_for_their_reason(
    db_url: str, tmp_path: Path, text: str, code: str
) -> None:
    """Each signal alone escalates, and is named."""
    report = handle(db_url, tmp_path, text).report

    assert code in report.why["escalation"]


def test_what_is_plain_passes_two_gates_and_is_read_once(db_url: str, tmp_path: Path) -> None:
    """An ordinary question: sorted and handled alone, the letter read before it goes."""
    report = handle(db_url, tmp_path, "I topped up 50 with Apple Pay and it vanished again.").report

    assert report.passed == {"triage": 1, "escalation": 1}
    assert report.asked == {"reply": 1}


def test_taken_over_the_agent_stays_silent(db_url: str, tmp_path: Path) -> None:
    """No letter is drafted and nothing is sent after a takeover."""
    taken = Always({"escalation": lambda _: TakeOver(note="I call them")})

    handled = handle(db_url, tmp_path, "My card was stolen!", reviewer=taken)

    assert (handled.report.taken_over, handled.report.sent) == (1, 0)
    assert "email" not in handled.states()[1]


def test_a_persons_own_words_are_reviewed_and_sent(db_url: str, tmp_path: Path) -> None:
    """An answer in words becomes the letter, and passes the last gate like any other."""
    own = Always({"escalation": lambda _: Respond("Dear Ana, I have frozen nothing; please call us.")})

    handled = handle(db_url, tmp_path, "My card was stolen!", reviewer=own)

    assert handled.report.asked["reply"] == 1
    assert handled.report.drafted_by == {"a person": 1}
    assert "I have frozen nothing" in handled.mails()[0]


@pytest.mark.parametrize("decision", [Reject(reason="tone"), AskInfo("Which?")], ids=["reject", "ask"])
def test_after_three_letters_a_person_takes_it(db_url: str, tmp_path: Path, decision: Decision) -> None:
    """Letters that are turned down are drafted again, three at most; then the agent gives up."""

    def turned_down(case: Case) -> Decision | None:
        return decision

    never = Always({"reply": turned_down})
    handled = handle(db_url, tmp_path, "Why was my transfer declined?", reviewer=never)

    assert (handled.report.handed_over, handled.report.sent, handled.report.asked["reply"]) == (1, 0, 3)
    assert handled.report.problems == ()
    assert "handed_over" in handled.states()[1]


def test_another_recipient_is_another_review(db_url: str, tmp_path: Path) -> None:
    """An edit of the recipient is judged again before anything is sent."""
    edits: Iterator[Decision] = iter([Edit({"to": "boss@example.com"}), Approve()])
    redirects = Always({"reply": lambda _: next(edits)})

    handled = handle(db_url, tmp_path, "Why was my transfer declined?", reviewer=redirects)

    assert handled.report.asked["reply"] == 2
    assert handled.report.problems == ()
    assert "To: boss@example.com" in handled.mails()[0]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2,940 euros left on Monday", 2940.0),
        ("charged twice, 84.50 EUR both times", 84.5),
        ("84,50 € twice", 84.5),
        ("move 185.000 EUR to the notary", 185000.0),
        ("The 62,000 is from my grandmother", 62000.0),
        ("£1,900 and $20", 1900.0),
        ("my card ending in 1142 came after 11 days", None),
        ("", None),
    ],
)
def test_the_largest_amount_of_money_is_found(text: str, amount: float | None) -> None:
    """Numbers without a currency or thousands are no money."""
    assert amount_in(text) == amount


@pytest.mark.parametrize(
    "to", ["", "ana", "a@b", "a b@example.com", "a@example.com, b@example.com", "a..b@example.com"]
)
def test_only_one_plain_address_is_a_recipient(to: str) -> None:
    """What could be read as another recipient is refused when it is typed."""
    with pytest.raises(ValueError, match="to"):
        Email(to=to, subject="Hi", body="Hello")


@pytest.mark.parametrize("to", ["ana@example.com", "a.b+c_d-e@mail.example.co.uk", "customer-7@example.com"])
def test_every_recipient_that_is_taken_can_be_sent_to(to: str, tmp_path: Path) -> None:
    """An approved mail does not fail over its address."""
    email = Email(to=to, subject="Grüße", body="Hello")

    send_into(tmp_path, email.model_dump(), "key")

    assert count(tmp_path) == 1


# --- the model ----------------------------------------------------------------------------------


def model_run(url: str, tmp_path: Path, server: OpenAIServer, *args: str) -> dict[str, Any]:
    """A run in a process that is told of a model."""
    done = command(
        url,
        "demo",
        "--json",
        "--maildir",
        str(tmp_path / "mail"),
        *args,
        OPENAI_API_KEY="k",
        OPENAI_BASE_URL=server.url,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_with_a_key_a_model_drafts(db_url: str, tmp_path: Path) -> None:
    """The letter is the model's, the recipient is not; the message reaches it as data."""
    with OpenAIServer(lambda _: LETTER) as server:
        report = model_run(db_url, tmp_path, server, "--limit", "2")

    assert list(report["drafted_by"]) == ["gpt-4.1-mini"]
    system, human = server.requests[0]["messages"]
    assert "data" in system["content"]
    assert json.loads(human["content"])["customer_message"] in {m.text for m in read_messages(None, 2)}
    mail = next((tmp_path / "mail" / "new").iterdir()).read_text(encoding="utf-8")
    assert "It comes." in mail
    assert re.search(r"^To: customer-\d@example\.com$", mail, re.MULTILINE)


@pytest.mark.parametrize(
    "reply", [Reply(status=500), Reply(status=401), Reply("no JSON"), Reply('{"subject": " ", "body": "x"}')]
)
def test_a_model_that_fails_asks_a_person(db_url: str, tmp_path: Path, reply: Reply) -> None:
    """Nothing is lost: it is tried again, then drafted by template, reviewed, and said to be so."""
    with OpenAIServer(lambda _: reply) as server:
        report = model_run(db_url, tmp_path, server, "--limit", "1", "--seed", "1")

    assert (report["finished"], report["failed"]) == (1, 0)
    assert report["why"]["draft_failed"]["node_failed"] >= 2
    assert list(report["drafted_by"]) == ["stand-in"]


def test_a_failed_draft_can_be_handed_to_a_person(db_url: str, tmp_path: Path) -> None:
    """A thread whose model cannot be reached from here ends without a letter when the person says so."""
    abort = Always({"draft_failed": lambda _: Choose("abort")})

    handled = handle(db_url, tmp_path, "Why was my transfer declined?", reviewer=abort, model="gpt-nix")

    assert (handled.report.handed_over, handled.report.sent, handled.report.problems) == (1, 0, ())
    assert "OPENAI_API_KEY" in handled.states()[1]["reviews"][-1]["why"][0]["text"]


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


OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches the process
os.execv(sys.executable, [sys.executable, "-m", "hitl_graph", *sys.argv[1:]])
"""


class AtTerminal:
    """`hitl-graph` on a terminal of its own: what is typed, and what stands on the screen."""

    def __init__(self, url: str | None, *args: str, **env: str | None) -> None:
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *args],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=environment(url, TERM="xterm", **env),
            start_new_session=True,
        )
        os.close(inside)
        self.screen = ""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode

    def until(self, sign: str) -> str:
        """What is printed up to and with `sign`; fails when the process ends before."""
        while sign not in self.screen:
            assert self._read(), f"{sign!r} never came:\n{self.screen}"
        before, self.screen = self.screen.split(sign, 1)
        return before + sign

    def end(self) -> str:
        """The rest of what is printed, when the process has ended."""
        while self._read():
            pass
        self.process.wait(30)
        return self.screen

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _read(self) -> bool:
        if not select.select([self._terminal], [], [], 60)[0]:
            return False
        try:
            read = os.read(self._terminal, 65536)
        except OSError:  # the other side has closed
            return False
        self.screen += self._decode(read)
        return bool(read)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def terminal() -> Iterator[Callable[..., AtTerminal]]:
    """Starts commands on terminals, and leaves none behind."""
    opened: list[AtTerminal] = []

    def open_one(*args: Any, **env: Any) -> AtTerminal:
        opened.append(AtTerminal(*args, **env))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


OpenTerminal = Callable[..., AtTerminal]


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
    demo = terminal(db_url, "demo", "--input", str(one_message), "--maildir", str(tmp_path / "mail"))
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
    demo = terminal(db_url, "demo", "--input", str(one_message), "--maildir", str(tmp_path / "mail"))
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
    demo = terminal(db_url, "demo", "--limit", "6", "--maildir", str(tmp_path / "mail"))
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
    options = [option.value for option in cases["triage"].request.options]  # type: ignore[union-attr]
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
