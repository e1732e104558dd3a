"""`hitl-graph list` and `show`, as people and programs use them: each through `main`, on a real database."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from hitl_graph import Desk, Turn, open_checkpointer
from tests.integration.pausing import cut_off, only_case, pause
from tests.support.commands import Command, Said
from tests.support.graphs import mail_graph, reply_gate

# --- list --------------------------------------------------------------------------------------


def test_an_empty_queue_says_what_to_do(hg: Command) -> None:
    """With nothing to decide, `list` says how cases come about."""
    said = hg("list")

    assert (said.code, said.err) == (0, "")
    assert "Nothing waits for a person" in said.out
    assert "hitl-graph demo" in said.out


def test_the_table_names_what_matters_of_each_case(hg: Command, db_url: str, sink: Path) -> None:
    """A row has the id's first characters, gate, question, owner, priority and thread."""
    pause(db_url, sink, "thread-one")

    table = cut_off(hg("list").out)

    case = only_case(db_url)
    for part in (case.id[:8], "reply", "Is this reply safe to send", "support-leads", "normal", "thread-one"):
        assert part in table


def test_the_ids_in_the_table_are_taken_by_show(hg: Command, db_url: str, sink: Path) -> None:
    """The first characters of an id are enough."""
    pause(db_url, sink, "t1")
    shown = next(word for word in hg("list").out.split() if word in only_case(db_url).id)

    said = hg("show", shown)

    assert said.code == 0
    assert only_case(db_url).id in said.out


def test_each_page_says_the_command_for_the_next(hg: Command, db_url: str, sink: Path) -> None:
    """Following the commands shows every case once."""
    pause(db_url, sink, *(f"t{number}" for number in range(5)))

    seen: list[str] = []
    command = ["list", "--limit", "2", "--owner", "support-leads"]
    while command:
        said = hg(*command)
        seen += [word for word in said.out.split() if word in {f"t{number}" for number in range(5)}]
        more = [line for line in said.out.splitlines() if line.startswith("There are more: ")]
        command = shlex.split(more[0].removeprefix("There are more: "))[1:] if more else []

    assert seen == ["t0", "t1", "t2", "t3", "t4"]


def test_a_filter_that_nothing_fits_says_how_to_see_all(hg: Command, db_url: str, sink: Path) -> None:
    """An empty result of a filter is no empty queue."""
    pause(db_url, sink, "t1")

    said = hg("list", "--gate", "nix")

    assert "No case fits --gate nix" in said.out
    assert "--status all" in said.out


def test_list_as_json_is_json_and_nothing_else(hg: Command, db_url: str, sink: Path) -> None:
    """Programs get the cases with what a decision needs, and where the next page starts."""
    pause(db_url, sink, "t1", "t2")

    said = hg("list", "--limit", "1", "--json")

    [case] = said.json["cases"]
    assert (case["thread_id"], case["status"], case["allowed"]) == (
        "t1",
        "pending",
        ["approve", "edit", "reject"],
    )
    assert case["digest"].startswith("sha256:")
    assert said.json["next"] == case["seq"]
    assert said.err == ""


@pytest.mark.parametrize("args", [("--limit", "0"), ("--limit", "1001"), ("--status", "nix"), ("--nix",)])
def test_what_is_not_understood_ends_with_2(hg: Command, args: tuple[str, ...]) -> None:
    """Usage errors have a code of their own, and nothing on stdout."""
    said = hg("list", *args)

    assert (said.code, said.out) == (2, "")
    assert args[0] in said.err


# --- show --------------------------------------------------------------------------------------


def test_show_has_all_that_a_decision_needs(hg: Command, db_url: str, sink: Path) -> None:
    """Question, reason, evidence, proposal, consequence, digest, and the command for each decision."""
    pause(db_url, sink, "t1")

    said = hg("show", only_case(db_url).id[:8])

    text = cut_off(said.out)
    for part in (
        "Is this reply safe to send to the customer?",
        "Customer message",
        "Where is my card?",
        "ana@example.com",
        "Draft 1",
        "Sends an email to ana@example.com.",
        "This cannot be undone.",
        only_case(db_url).digest,
        f"hitl-graph decide {only_case(db_url).id[:8]} approve",
        "edit --set to=… --digest " + only_case(db_url).digest.removeprefix("sha256:")[:8],
        "→ send",
        "asked",
    ):
        assert part in text


def test_each_output_is_as_wide_as_the_terminal_is_then(
    hg: Command, db_url: str, sink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was printed before, and how wide, does not decide where lines break."""
    pause(db_url, sink, "t1")
    widths = []

    for columns in (60, 160, 60):
        monkeypatch.setenv("COLUMNS", str(columns))
        widths.append(max(len(line) for line in hg("show", only_case(db_url).id).out.splitlines()))

    assert widths == [60, 160, 60]


HOSTILE = (
    "[bold]approved[/bold] [red]x[/red] \x1b[31mred\x1b[0m "
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\ \u202eltr\u202c zero\u200bwidth :smile:"
)


def test_nothing_from_outside_acts_on_the_terminal(hg: Command, db_url: str, sink: Path) -> None:
    """Escapes, bidi controls and markup in a message are shown as what they are, in every view."""
    pause(db_url, sink, "[bold]t1[/bold]", ticket=HOSTILE)
    case_id = only_case(db_url).id

    shown = hg("show", case_id).out
    said = shown + hg("list").out + hg("decide", case_id, "approve", "--by", "ana").out

    assert not set(said) & {"\x1b", "\u202e", "\u202c", "\u200b", "\x9b"}
    assert "[bold]approved[/bold] [red]x[/red]" in cut_off(shown)
    for sign in ("⟨U+001B⟩[31mred", "⟨U+202E⟩ltr", "zero⟨U+200B⟩width", ":smile:"):
        assert sign in cut_off(shown)
    assert "Customer message holds hidden characters" in cut_off(shown)


def test_json_escapes_what_would_act(hg: Command, db_url: str, sink: Path) -> None:
    """JSON on a terminal cannot act either, and holds the exact text."""
    pause(db_url, sink, "t1", ticket=HOSTILE)

    said = hg("show", only_case(db_url).id, "--json")

    assert said.out.isascii()
    assert said.json["case"]["payload"]["evidence"][0]["content"] == HOSTILE


def test_the_attempt_before_and_the_transcript_are_shown(hg: Command, db_url: str, sink: Path) -> None:
    """After a rejection the next case shows what was turned down and why, beside the conversation."""
    gate = reply_gate(transcript=lambda s: [Turn("customer", s["ticket"]), Turn("bot", "One moment.")])
    graph = mail_graph(transcript=gate.transcript)
    pause(db_url, sink, "t1", graph=graph)
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        case = desk.pending()[0]
        assert hg("decide", case.id, "reject", "--reason", "tone", "--note", "too cold").code == 0
        desk.resume(graph.compile(checkpointer=checkpointer))
        again = desk.pending()[0]

    text = cut_off(hg("show", again.id).out)

    for part in ("reject by", "tone, too cold", "Draft 1", "Draft 2", "One moment."):
        assert part in text


def test_an_unknown_id_is_one_line_on_stderr(hg: Command) -> None:
    """An error is told in a line, with exit code 1 and nothing on stdout."""
    said = hg("show", "nix")

    assert said == Said(1, "", "error: no review begins with 'nix'\n")


def test_an_error_with_json_is_json_on_stderr(hg: Command) -> None:
    """Programs can tell errors apart by their type."""
    said = hg("show", "nix", "--json")

    assert (said.code, said.out) == (1, "")
    assert json.loads(said.err)["error"]["type"] == "ReviewNotFound"


def test_characters_that_several_ids_begin_with_are_not_enough(hg: Command, db_url: str, sink: Path) -> None:
    """Nothing is shown or decided by guessing."""
    pause(db_url, sink, "t1", "t2")

    said = hg("decide", "", "approve")

    assert said.code == 1
    assert "more than one review" in said.err
    with Desk(db_url) as desk:
        assert len(desk.pending()) == 2


def test_a_review_in_two_threads_wants_the_thread(hg: Command, db_url: str, sink: Path) -> None:
    """A copied thread is paused at the same review: which one is meant must be said."""
    pause(db_url, sink, "t1")
    review = only_case(db_url).id
    with open_checkpointer(db_url) as checkpointer:
        checkpointer.copy_thread("t1", "t2")

    unclear, clear = hg("show", review), hg("decide", review, "approve", "--thread", "t2", "--json")

    assert (unclear.code, unclear.out) == (1, "")
    assert "t1, t2: name one by --thread" in unclear.err
    assert clear.json["case"]["thread_id"] == "t2"
