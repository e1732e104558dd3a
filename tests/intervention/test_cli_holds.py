"""Holds from the command line, as people and programs use it: each command through `main`, on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.cli.app import main
from hitl_graph.cli.options import this_user
from tests.intervention.acting import Gateway, named, one_act, running

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(hitl_default_database: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command: its exit code, what it printed, and what it said on stderr."""

    def command(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(args)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


def hold_of(output: tuple[int, str, str]) -> dict[str, Any]:
    """The hold that a command with --json has printed."""
    code, said, _ = output
    assert code == 0
    found: dict[str, Any] = json.loads(said)["hold"]
    return found


@pytest.mark.parametrize(("command", "kind"), [("pause", "pause"), ("stop", "stop")])
def test_what_is_held_is_listed_until_it_is_released(run: Run, command: str, kind: str) -> None:
    """R4: one command holds, one lists, one lets go."""
    held = hold_of(run(command, "action", "send_email", "--reason", "spam", "--by", "ana", "--json"))
    listed = json.loads(run("holds", "--json")[1])["holds"]
    released = hold_of(run("release", str(held["id"]), "--by", "ben", "--note", "over", "--json"))

    assert listed == [{**held, "warning": ""}]
    assert (held["scope"], held["value"], held["kind"], held["by"], held["standing"]) == (
        "action",
        "send_email",
        kind,
        "ana",
        True,
    )
    assert (released["released_by"], released["note"], released["standing"]) == ("ben", "over", False)
    assert json.loads(run("holds", "--json")[1]) == {"holds": []}
    assert [one["id"] for one in json.loads(run("holds", "--all", "--json")[1])["holds"]] == [held["id"]]


def test_everything_is_held_without_a_value(run: Run) -> None:
    """The big switch, in words."""
    code, said, _ = run("stop", "tenant", "--reason", "fire")

    assert (code, said) == (0, f"Hold 1: everything is stopped by {this_user()}: fire\n")
    assert "everything" in run("holds")[1]


def test_a_thread_is_taken_over_and_handed_back(run: Run) -> None:
    """R71."""
    taken = hold_of(run("take-over", "t", "--reason", "I call them", "--by", "ana", "--json"))
    back = hold_of(run("hand-back", "t", "--note", "done", "--by", "ana", "--json"))

    assert (taken["kind"], taken["value"], taken["standing"]) == ("takeover", "t", True)
    assert (back["id"], back["note"], back["standing"]) == (taken["id"], "done", False)


def test_an_act_that_does_not_end_is_told_with_exit_code_1(run: Run, hitl_default_database: str) -> None:
    """What began before the hold and goes on is named: a program can see that it is not over yet."""
    act = Gateway()
    with open_checkpointer(hitl_default_database) as checkpointer:
        graph = one_act(act).compile(checkpointer=checkpointer)
        with running(lambda: graph.invoke({}, named("t", "tags"))) as work:
            assert act.acting.wait(10)
            code, said, _ = run("pause", "action", "tag", "--reason", "wrong tags", "--wait", "0", "--json")
            act.go_on.set()
            work.result(30)

    assert code == 1
    assert len(json.loads(said)["hold"]["under_way"]) == 1


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("release", "7"), 1, "no hold 7"),
        (("hand-back", "t"), 1, "nobody has taken it over"),
        (("pause", "thread", "--reason", "x"), 1, "value"),
        (("pause", "thread", "t"), 2, "--reason"),
        (("pause", "planet", "t", "--reason", "x"), 2, "planet"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said(run: Run, args: tuple[str, ...], code: int, says: str) -> None:
    """Non-zero exit codes, one line on stderr, and nothing is held."""
    ended, _, said = run(*args)

    assert ended == code
    assert says in said


def test_text_from_outside_cannot_act_on_the_terminal(run: Run, hitl_default_database: str) -> None:
    """A reason is shown, and nothing in it is carried out."""
    with Desk(hitl_default_database) as desk:
        desk.holds.pause("thread", "t", by="ana", reason="\x1b[2J[red]gone[/red]")

    _, said, _ = run("holds")

    assert "\x1b" not in said
    assert "[red]" in said


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_name_that_nothing_goes_by_is_told_on_stderr(run: Run, as_json: tuple[str, ...]) -> None:
    """R4: whoever misspells the kill switch sees it at once."""
    code, _, said = run("stop", "workflow", "suport", "--reason", "fire", *as_json)

    assert (code, said) == (
        0,
        "Warning: nothing goes by the name of workflow 'suport' so far: look whether it is spelled so\n",
    )
