"""`hitl-graph decide` and `resume`: what was typed is what is kept, and a refusal leaves the case open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.cli.loading import GraphNotLoaded, load_graph
from hitl_graph.cli.options import this_user
from tests.integration.pausing import asks, cut_off, only_case, pause
from tests.support.commands import Command
from tests.support.graphs import lines, thread

GRAPH = "tests.support.graphs:mail_graph"


def pause_refund(url: str, own_graph: str) -> str:
    """The id of a paused case of the file's own graph."""
    with open_checkpointer(url) as checkpointer, Desk(url) as desk:
        graph = load_graph(f"{own_graph}:graph", checkpointer)
        graph.invoke({"ticket": "Pay me", "refund": {"amount": 12.5, "to": "ana"}}, thread("r1"))
        return desk.pending()[0].id


# --- interrupts of other origin ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "shown", "decision", "answer"),
    [
        ("How old are you?", "How old are you?", ("respond", "--message", "42"), "42"),
        (
            {
                "action_request": {"action": "wire_money", "args": {"amount": 5}},
                "config": {
                    "allow_ignore": True,
                    "allow_respond": True,
                    "allow_edit": True,
                    "allow_accept": True,
                },
                "description": "Pay the [bold]plumber[/bold]",
            },
            "Pay the [bold]plumber[/bold]",
            ("edit", "--set", "amount=7"),
            [{"type": "edit", "args": {"action": "wire_money", "args": {"amount": 7}}}],
        ),
    ],
    ids=["raw", "agent inbox"],
)
def test_interrupts_of_other_origin_are_shown_and_decided(
    hg: Command, db_url: str, question: Any, shown: str, decision: tuple[str, ...], answer: Any
) -> None:
    """Each is shown as far as it can be read, and answered in the shape and types that its asker wants."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = asks(question).compile(checkpointer=checkpointer)
        graph.invoke({}, thread("t1"))
        case = desk.pending()[0]

        text = cut_off(hg("show", case.id).out)
        said = hg("decide", case.id, *decision)
        desk.resume(graph)

        assert shown in text
        assert "node ask of another library" in text
        assert said.code == 0
        assert graph.get_state(thread("t1")).values["answer"] == answer


TWO_ACTS = {
    "action_requests": [{"name": "send", "args": {"to": "a"}}, {"name": "pay", "args": {"amount": 5}}],
    "review_configs": [
        {"action_name": name, "allowed_decisions": ["approve", "edit", "reject"]} for name in ("send", "pay")
    ],
}


def test_a_case_about_several_acts_takes_a_decision_for_each(hg: Command, db_url: str) -> None:
    """LangChain's batch: `show` gives the command, and the answer has as many decisions as there are acts."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = asks(TWO_ACTS).compile(checkpointer=checkpointer)
        graph.invoke({}, thread("t1"))
        case = desk.pending()[0]

        shown = hg("show", case.id).out
        short = hg("decide", case.id, "each", "--decisions", '[{"type": "approve"}]')
        wrong = hg("decide", case.id, "each", "--decisions", "yes")
        edit = {"type": "edit", "changes": {"amount": 4}}
        said = hg(
            "decide", case.id, "each", "--decisions", json.dumps([{"type": "reject", "note": "No."}, edit])
        )
        desk.resume(graph)

        assert "each --decisions" in shown
        assert (short.code, wrong.code, said.code) == (1, 2, 0)
        assert "2 acts" in short.err and "--decisions" in wrong.err
        assert graph.get_state(thread("t1")).values["answer"] == {
            "decisions": [
                {"type": "reject", "message": "No."},
                {"type": "edit", "edited_action": {"name": "pay", "args": {"amount": 4}}},
            ]
        }


# --- decide ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        (("approve",), {"type": "approve"}),
        (("edit", "--set", "amount=7"), {"type": "edit", "changes": {"amount": 7.0}}),
        (
            ("edit", "--changes", '{"amount": 7.5}', "--set", "to=ben"),
            {"changes": {"amount": 7.5, "to": "ben"}},
        ),
        (("edit", "--set", "to=@name.txt"), {"changes": {"to": "zoe"}}),
        (("edit", "--set", "to=@@home"), {"changes": {"to": "@home"}}),
        (("edit", "--set", "to=a=b"), {"changes": {"to": "a=b"}}),
        (("edit", "--changes", "@changes.json"), {"changes": {"amount": 9.0}}),
        (
            ("reject", "--reason", "fraud", "--cause", "source_data", "--recurrence", "edge", "--note", "no"),
            {"type": "reject", "reason": "fraud", "cause": "source_data", "recurrence": "edge", "note": "no"},
        ),
        (("choose", "--option", "ben"), {"type": "choose", "option": "ben"}),
        (("respond", "--message", "Call us"), {"type": "respond", "message": "Call us"}),
        (("ask-info", "--message", "Which one?"), {"type": "ask_info", "question": "Which one?"}),
        (("take-over",), {"type": "take_over"}),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else None,
)
def test_each_decision_is_kept_as_it_was_typed(
    hg: Command, db_url: str, own_graph: str, tmp_path: Path, args: tuple[str, ...], kept: dict[str, Any]
) -> None:
    """Text becomes the type of the field that it is for; files are read where an @ says so."""
    (tmp_path / "name.txt").write_text("zoe", encoding="utf-8")
    (tmp_path / "changes.json").write_text('{"amount": "9"}', encoding="utf-8")
    review = pause_refund(db_url, own_graph)

    said = hg("decide", review, *args, "--by", "ana", "--json")

    assert said.code == 0, said.err
    decision = said.json["case"]["decision"]
    assert {key: decision[key] for key in kept} == kept
    assert (said.json["case"]["by"], said.json["resumed"]) == ("ana", None)


@pytest.mark.parametrize(
    ("args", "code", "names"),
    [
        (("edit",), 2, "--set"),
        (("choose",), 2, "--option"),
        (("respond",), 2, "--message"),
        (("approve", "--set", "amount=1"), 2, "--set"),
        (("edit", "--set", "amount"), 2, "FIELD=VALUE"),
        (("edit", "--changes", "[1]"), 2, "--changes"),
        (("nix",), 2, "DECISION"),
        (("edit", "--set", "amount=much"), 1, "changes.amount"),
        (("edit", "--set", "nix=1"), 1, "changes.nix"),
        (("edit", "--set", "to=@missing.txt"), 1, "missing.txt"),
        (("choose", "--option", "zoe"), 1, "option"),
        (("approve", "--by", " "), 1, "by"),
        (("approve", "--digest", "sha256:0000000000000000"), 1, "changed since it was shown"),
        (("approve", "--graph", "nix.graph:graph"), 1, "nix.graph"),
        (("approve", "--graph", "my_graph.py:nix"), 1, "nix"),
        (("approve", "--graph", GRAPH), 1, "nothing was decided"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else None,
)
def test_what_is_refused_names_the_part_and_leaves_the_case_open(
    hg: Command, db_url: str, own_graph: str, args: tuple[str, ...], code: int, names: str
) -> None:
    """A bad command line is 2, a refused decision 1; the case is pending as before."""
    review = pause_refund(db_url, own_graph)

    said = hg("decide", review, *args)

    assert (said.code, said.out) == (code, "")
    assert names in said.err
    assert only_case(db_url).status.value == "pending"


def test_of_two_who_decide_the_second_is_told_who_won(hg: Command, db_url: str, sink: Path) -> None:
    """A conflict names the winner and the decision, and changes nothing."""
    pause(db_url, sink, "t1")
    assert hg("decide", only_case(db_url).id, "reject", "--by", "ana").code == 0

    said = hg("decide", only_case(db_url).id, "approve", "--by", "ben")

    assert said.code == 1
    assert "reject by ana" in said.err
    assert only_case(db_url).by == "ana"


def test_the_digest_that_was_shown_is_taken_in_part(hg: Command, db_url: str, sink: Path) -> None:
    """What was shown can be named by its first characters, and is checked."""
    pause(db_url, sink, "t1")
    case = only_case(db_url)

    said = hg("decide", case.id, "approve", "--digest", case.digest[:19])

    assert said.code == 0


def test_the_user_of_the_process_decides_unless_another_is_named(
    hg: Command, db_url: str, sink: Path
) -> None:
    """Somebody always stands behind a decision."""
    pause(db_url, sink, "t1")

    hg("decide", only_case(db_url).id, "approve")

    assert only_case(db_url).by == this_user()


def test_without_a_graph_it_says_how_the_thread_goes_on(hg: Command, db_url: str, sink: Path) -> None:
    """The decision is kept, nothing is sent, and the command for the rest stands there and works."""
    pause(db_url, sink, "t1")

    said = hg("decide", only_case(db_url).id, "approve")
    sent_before = lines(sink)
    assert "hitl-graph resume MODULE:ATTRIBUTE --thread t1" in said.out
    resumed = hg("resume", GRAPH, "--thread", "t1")

    assert sent_before == []
    assert (resumed.code, len(lines(sink))) == (0, 1)
    assert "went on to its end" in resumed.out


def test_with_a_graph_the_thread_goes_on_at_once(hg: Command, db_url: str, sink: Path) -> None:
    """Decided and resumed by one command: the mail is sent, with the edit in it."""
    pause(db_url, sink, "t1")

    said = hg("decide", only_case(db_url).id, "edit", "--set", "body=Better", "--graph", GRAPH, "--json")

    assert said.code == 0
    assert said.json["resumed"]["applied"] == [only_case(db_url).id]
    assert lines(sink) == [f"{only_case(db_url).id} Better"]


def test_a_thread_that_pauses_again_says_at_what(hg: Command, db_url: str, sink: Path) -> None:
    """After a rejection the graph drafts again and asks again."""
    pause(db_url, sink, "t1")

    said = hg("decide", only_case(db_url).id, "reject", "--graph", GRAPH)

    assert said.code == 0
    assert "paused again: Is this reply safe to send to the customer?" in cut_off(said.out)


# --- graphs by name ----------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["graph", "builder", "made", "made_with", "made_with_config"])
def test_a_graph_may_be_named_in_many_ways(hg: Command, db_url: str, own_graph: str, attribute: str) -> None:
    """Compiled, a builder, or a function of nothing, of a checkpointer or of a config."""
    review = pause_refund(db_url, own_graph)

    said = hg("decide", review, "approve", "--graph", f"{own_graph}:{attribute}")

    assert said.code == 0, said.err
    assert only_case(db_url).status.value == "applied"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("my_graph", "MODULE:ATTRIBUTE"),
        ("my_graph.py:State", "State"),
        ("my_graph.py:PAY", "ActionClass"),
        ("my_graph.py:needs_more", "colour"),
        ("absent.py:graph", "absent.py"),
        ("json:nix", "nix"),
    ],
)
def test_a_name_that_leads_to_no_graph_says_why(own_graph: str, name: str, names: str) -> None:
    """The error names what is wrong with it."""
    with pytest.raises(GraphNotLoaded, match=names):
        load_graph(name)


# --- resume ------------------------------------------------------------------------------------


def test_a_thread_that_raises_after_the_answer_is_told(hg: Command, db_url: str, sink: Path) -> None:
    """The decision stands, the error is printed, and the exit code is 1."""
    sink.mkdir()  # a folder cannot be written like a file
    pause(db_url, sink, "t1")

    said = hg("decide", only_case(db_url).id, "approve", "--graph", GRAPH)

    assert said.code == 1
    assert "stands still" in said.out
    assert "IsADirectoryError" in said.out
    assert only_case(db_url).by == this_user()


def test_a_failed_decision_is_handed_over_again_when_asked_for(hg: Command, db_url: str, sink: Path) -> None:
    """`resume` leaves a failed case alone; with --retry its thread goes on."""
    pause(db_url, sink, "t1")
    review = only_case(db_url).id
    hg("decide", review, "approve")
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("UPDATE hitl.reviews SET status = 'failed', error = 'boom'")

    alone = hg("resume", GRAPH)
    sent_before = lines(sink)
    again = hg("resume", GRAPH, "--retry", review[:8], "--json")

    assert (alone.code, sent_before) == (0, [])
    assert again.json["resumed"][0]["applied"] == [review]
    assert len(lines(sink)) == 1
