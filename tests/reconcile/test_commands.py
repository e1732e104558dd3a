"""`hitl-graph doctor`, `repair` and `effects`, as people and scripts use them on what is really broken."""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_graph import Approve, Desk, Respond, open_checkpointer
from hitl_graph.workers.jobs import prepare_jobs
from tests.reconcile.stuck import begin, events, execute, plain_graph, poison, stall, unkeyed_graph
from tests.support.commands import Command
from tests.support.graphs import lines, mail_graph, thread

GRAPHS = "tests.reconcile.stuck"


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        """A terminal, as far as a program can tell."""
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A person at a terminal who types these lines."""

    def types(*answers: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal("".join(f"{answer}\n" for answer in answers)))

    return types


def test_doctor_is_content_with_a_desk_in_order(hg: Command, db_url: str, sink: Path) -> None:
    """A case that waits for its person is no fault."""
    begin(db_url, sink, mail_graph())

    said = hg("doctor", "--json")

    assert (said.code, said.json["ok"], said.json["findings"]) == (0, True, [])


def test_doctor_names_each_thing_with_its_fix(hg: Command, db_url: str, sink: Path) -> None:
    """Grouped by what is wrong; exit code 1, for somebody must do something."""
    begin(db_url, sink, mail_graph())
    poison(db_url)
    begin(db_url, sink, mail_graph(), "odd name", stock=True)

    said = hg("doctor")

    assert said.code == 1
    assert "Stored answers that no thread can take" in said.out
    assert "→ hitl-graph repair t1 --reopen" in said.out
    assert "Threads that wait for an answer without a case" in said.out
    assert "→ hitl-graph repair 'odd name' --missing" in said.out
    assert "2 need a person." in said.out


def test_what_mends_by_itself_is_no_failure(hg: Command, db_url: str, sink: Path) -> None:
    """A case whose thread was deleted by hand: with a worker alive nobody needs to do anything."""
    prepare_jobs(db_url)
    begin(db_url, sink, mail_graph())
    execute(db_url, "DELETE FROM checkpoints")
    execute(db_url, "INSERT INTO hitl_jobs.procrastinate_workers DEFAULT VALUES")

    said = hg("doctor")

    assert said.code == 0
    assert "mends by itself" in said.out


def test_repair_without_a_fix_shows_what_is_wrong(hg: Command, db_url: str, sink: Path) -> None:
    """In a script nothing is asked; the exit code says that somebody must look."""
    begin(db_url, sink, mail_graph())
    poison(db_url)
    with Desk(db_url) as desk:
        [case] = desk.pending()

    said = hg("repair", case.id[:8])

    assert said.code == 1
    assert "taken for whatever the thread asks next" in said.out
    assert desk_status(db_url, case.id) == "pending"


def desk_status(url: str, id_: str) -> str:
    """Where a case stands."""
    with Desk(url) as desk:
        return desk.show(id_).status.value


def test_repair_of_what_is_in_order_says_so(hg: Command, db_url: str, sink: Path) -> None:
    """Exit code 0; an id that nobody knows is an error."""
    begin(db_url, sink, mail_graph())

    fine, unknown = hg("repair", "t1"), hg("repair", "nobody")

    assert (fine.code, fine.out) == (0, "Nothing is wrong with thread t1.\n")
    assert unknown.code == 1
    assert "no thread is called 'nobody'" in unknown.err


def test_reopen_from_a_script_then_the_thread_ends_with_one_act(hg: Command, db_url: str, sink: Path) -> None:
    """The issue's own case: a thread that a bad answer had poisoned."""
    begin(db_url, sink, plain_graph())
    with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        graph = plain_graph().compile(checkpointer=checkpointer)
        [case] = desk.pending()
        desk.decide(case.id, Respond("bad"), by="ana", digest=case.digest)
        desk.resume(graph)

        said = hg("repair", "t1", "--reopen", "--by", "bob", "--reason", "a slip")

        desk.decide(case.id, Respond("yes"), by="bob", digest=case.digest)
        desk.resume(graph)
    assert said.code == 0
    assert "waits for an answer again" in said.out
    assert [(one["by"], one["because"]) for one in events(db_url, "reopened")] == [("bob", "a slip")]
    assert lines(sink) == ["acted"]


def test_a_person_at_a_terminal_chooses_the_fix(
    hg: Command, db_url: str, sink: Path, typed: Callable[..., None]
) -> None:
    """What is offered fits what is wrong, and what is chosen is done."""
    begin(db_url, sink, mail_graph(), stock=True)
    typed("7", "1")

    said = hg("repair", "t1")

    assert said.code == 0
    assert "open the cases that it waits for" in said.err
    assert "Opened: " in said.out
    with Desk(db_url) as desk:
        assert len(desk.pending()) == 1


def test_a_person_may_leave_it_as_it_is(
    hg: Command, db_url: str, sink: Path, typed: Callable[..., None]
) -> None:
    """Nothing is changed, and it still needs somebody."""
    begin(db_url, sink, mail_graph(), stock=True)
    typed("0")

    said = hg("repair", "t1")

    assert said.code == 1
    with Desk(db_url) as desk:
        assert len(desk.pending()) == 0


def test_run_on_from_a_script(hg: Command, db_url: str, sink: Path) -> None:
    """A thread that looks finished goes on to its end with its graph."""
    stall(db_url, sink)

    without = hg("repair", "t1", "--run-on")
    said = hg("repair", "t1", "--run-on", "--graph", f"{GRAPHS}:meeting_graph_alone")

    assert without.code == 2
    assert "--graph" in without.err
    assert (said.code, said.out) == (0, "Thread t1 went on to its end.\n")
    assert lines(sink) == ["acted"]


@pytest.mark.parametrize(("said", "acts"), [("happened", 0), ("not-happened", 1)])
def test_settle_from_a_script_and_go_on_at_once(
    hg: Command, db_url: str, sink: Path, said: str, acts: int
) -> None:
    """A person says what came of the act, and with --graph the thread goes on right away."""
    begin(db_url, sink / "no" / "file", unkeyed_graph())
    with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        graph = unkeyed_graph().compile(checkpointer=checkpointer)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
        (sink / "no").mkdir(parents=True)
        unknown = hg("effects", "--status", "unknown", "--json").json["effects"]
        done = hg("repair", "t1", "--settle", said, "--by", "ana", "--graph", f"{GRAPHS}:unkeyed_graph")

        assert [one["key"] for one in unknown] == [case.id]
        assert done.code == 0
        assert "went on to its end" in done.out
        assert len(lines(sink / "no" / "file")) == acts
        assert graph.get_state(thread("t1")).next == ()
    assert "No act is unknown." in hg("effects", "--status", "unknown").out


def test_retry_from_a_script(hg: Command, db_url: str, sink: Path) -> None:
    """The cause is mended: the same decision is told once more, and the act is done once."""
    begin(db_url, sink / "no" / "file", mail_graph())
    with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(mail_graph().compile(checkpointer=checkpointer))
    (sink / "no").mkdir(parents=True)

    done = hg("repair", "t1", "--retry", "--graph", "tests.support.graphs:mail_graph", "--json")

    assert done.code == 0
    assert "went on to its end" in done.json["done"]
    assert len(lines(sink / "no" / "file")) == 1


def test_close_from_a_script(hg: Command, db_url: str, sink: Path) -> None:
    """A decided case whose thread is gone is failed by the reconciler, and closed by a person."""
    begin(db_url, sink, mail_graph())
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        execute(db_url, "DELETE FROM checkpoints")
        desk.reconcile()

    wrong = hg("repair", "t1", "--reopen")
    done = hg("repair", "t1", "--close", "--by", "ana")

    assert wrong.code == 1
    assert done.code == 0
    assert desk_status(db_url, case.id) == "superseded"


def test_two_fixes_at_once_are_not_understood(hg: Command, db_url: str, sink: Path) -> None:
    """Exit code 2, and nothing is done."""
    begin(db_url, sink, mail_graph())

    said = hg(*shlex.split("repair t1 --retry --reopen"))

    assert said.code == 2
    assert "one fix" in said.err
