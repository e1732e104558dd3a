"""The command line, as people and programs use it: on a real database, each command through `main`."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from hitl_graph import Desk, Turn, open_checkpointer
from hitl_graph.cli.app import main
from hitl_graph.cli.loading import GraphNotLoaded, load_graph
from hitl_graph.cli.options import this_user
from tests.support.graphs import lines, mail_graph, reply_gate, thread

ROOT = Path(__file__).parents[2]
GRAPH = "tests.support.graphs:mail_graph"

OWN_GRAPH = """
from typing import Any
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel
from hitl_graph import ActionClass, Evidence, HitlState, Option, Owner, ReviewBeforeSend, add_gate, effect

class Refund(BaseModel):
    amount: float
    to: str

class State(HitlState):
    ticket: str
    refund: dict[str, Any]

PAY = ActionClass("refund", reversible=False, touches={"money"})
gate = ReviewBeforeSend(
    name="refund_review", action=PAY, proposal="refund", schema=Refund, identity=(),
    question="Should this refund be paid?", evidence=lambda s: [Evidence("Message", s["ticket"])],
    consequence="Pays {amount} to {to}.", owner=Owner("finance"),
    allowed=("approve", "edit", "reject", "choose", "respond", "ask_info", "take_over"), option_field="to",
    options=(Option("ana"), Option("ben")))
builder = StateGraph(State)
builder.add_node("pay", effect(lambda state: None, action=PAY))
add_gate(builder, gate, approved="pay", rejected=END, responded=END, asked=END, taken_over=END)
builder.add_edge(START, "refund_review")
builder.add_edge("pay", END)
graph = builder.compile()

def made():
    return builder

def made_with(checkpointer):
    return builder.compile(checkpointer=checkpointer)

def made_with_config(config):
    return graph

def needs_more(checkpointer, colour):
    return graph

bypass = StateGraph(State)
bypass.add_node("pay", effect(lambda state: None, action=PAY))
bypass.add_edge(START, "pay")
"""


class Said(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def hg(db_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Runs one command on a database of this test's own."""
    monkeypatch.setenv("HITL_DATABASE_URL", db_url)
    monkeypatch.setenv("COLUMNS", "120")
    before = signal.getsignal(signal.SIGTERM)

    def run(*args: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(args)
        said = capsys.readouterr()
        return Said(left.value.code or 0, said.out, said.err)  # type: ignore[arg-type]

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    """A file that counts the sends."""
    return tmp_path / "sink"


@pytest.fixture
def own_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file with graphs, in the current folder."""
    (tmp_path / "my_graph.py").write_text(OWN_GRAPH, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "my_graph.py"


def pause(url: str, sink: Path, *names: str, graph: Any = None, ticket: str = "Where is my card?") -> None:
    """Threads at their first pause."""
    with open_checkpointer(url) as checkpointer:
        compiled = (graph or mail_graph()).compile(checkpointer=checkpointer)
        for name in names:
            compiled.invoke({"ticket": ticket, "sink": str(sink)}, thread(name))


def pause_refund(url: str, own_graph: str) -> str:
    """The id of a paused case of the file's own graph."""
    with open_checkpointer(url) as checkpointer, Desk(url) as desk:
        graph = load_graph(f"{own_graph}:graph", checkpointer)
        graph.invoke({"ticket": "Pay me", "refund": {"amount": 12.5, "to": "ana"}}, thread("r1"))
        return desk.pending()[0].id


def only_case(url: str) -> Any:
    """The one case that there is."""
    with Desk(url) as desk:
        [case] = desk.cases()
    return case


def cut_off(text: str) -> str:
    """The text without what a table adds: borders, and the breaks where a line was full."""
    return " ".join(text.replace("│", " ").split())


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


# --- interrupts of other origin ----------------------------------------------------------------


class Raw(TypedDict, total=False):
    """The state of a graph that knows nothing of this library."""

    answer: Any


def foreign(question: Any) -> StateGraph[Raw]:
    """A graph that pauses with a bare interrupt, and keeps the answer."""
    builder = StateGraph(Raw)
    builder.add_node("ask", lambda _: {"answer": interrupt(question)})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder


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
        graph = foreign(question).compile(checkpointer=checkpointer)
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
        graph = foreign(TWO_ACTS).compile(checkpointer=checkpointer)
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


# --- boundary ----------------------------------------------------------------------------------


def test_a_safe_graph_passes_and_is_mapped(hg: Command) -> None:
    """The map names gates and effects; the exit code says that nothing slips past."""
    said = hg("boundary", "hitl_graph.demo.graph:graph")

    assert said.code == 0
    for part in (
        "triage",
        "escalation",
        "reply",
        "cannot be undone",
        "Nothing irreversible is reached without a gate",
    ):
        assert part in said.out


def test_a_bypass_is_refused_with_the_way_there(hg: Command, own_graph: str) -> None:
    """Exit code 1, and the path to the effect on stderr."""
    said = hg("boundary", f"{own_graph}:bypass", "--check")

    assert (said.code, said.out) == (1, "")
    assert "pay" in said.err


@pytest.mark.parametrize(
    ("form", "sign"), [("--markdown", "| Node |"), ("--mermaid", "flowchart TD"), ("--json", '"nodes"')]
)
def test_the_map_is_printed_in_the_form_that_is_asked_for(hg: Command, form: str, sign: str) -> None:
    """Each form alone on stdout, so that it can be written to a file."""
    said = hg("boundary", "hitl_graph.demo.graph:graph", form)

    assert (said.code, said.err) == (0, "")
    assert sign in said.out


def test_the_strict_desk_passes_the_strict_check_and_the_plain_one_does_not(hg: Command) -> None:
    """In strict mode every gate asks about everything."""
    plain = hg("boundary", "hitl_graph.demo.graph:graph", "--strict", "--check")
    strict = hg("boundary", "hitl_graph.demo.graph:strict_graph", "--strict", "--check")

    assert strict.code == 0, strict.err
    assert plain.code == 1


# --- doctor ------------------------------------------------------------------------------------


def checks(said: Said) -> dict[str, dict[str, str]]:
    """What the doctor found, by the check's name."""
    return {check["name"]: check for check in said.json["checks"]}


def test_a_healthy_desk_is_in_order(hg: Command, db_url: str, sink: Path) -> None:
    """Versions, strict loading, database, tables and queue are all looked at."""
    pause(db_url, sink, "t1")

    said = hg("doctor", "--json")

    found = checks(said)
    assert (said.code, said.json["ok"]) == (0, True)
    assert {check["verdict"] for check in found.values()} == {"ok"}
    assert "langgraph" in found["libraries"]["found"]
    assert "1 pending" in found["reviews"]["found"]
    assert only_case(db_url).id[:8] in found["waiting"]["found"]


def test_a_server_that_is_not_there_is_told_without_the_password(hg: Command) -> None:
    """Exit code 1, what to do, and no secret on any stream."""
    said = hg("doctor", "--db", "postgresql://ana:secret@127.0.0.1:1/nix")

    assert said.code == 1
    assert "wrong database" in cut_off(said.out)
    assert "secret" not in said.out + said.err


@pytest.mark.parametrize("command", ["list", "show x", "decide x approve", "doctor"])
@pytest.mark.parametrize(
    "url", ["postgresql://ana:secret@127.0.0.1:1/nix", "host=127.0.0.1 password=secret nix"]
)
def test_no_command_tells_a_password(hg: Command, command: str, url: str) -> None:
    """Whatever is wrong with the connection string, its password stays out of the error."""
    said = hg(*command.split(), "--db", url)

    assert said.code == 1
    assert "secret" not in said.out + said.err


def test_tables_of_a_newer_library_are_wrong(hg: Command, db_url: str) -> None:
    """An old library does not touch them."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("INSERT INTO hitl.migrations (version, name) VALUES (999, 'later')")

    said = hg("doctor", "--json")

    assert said.code == 1
    assert "999" in checks(said)["tables"]["found"]
    assert checks(said)["tables"]["fix"]


def test_a_decision_that_does_not_arrive_is_wrong_after_a_while(hg: Command, db_url: str, sink: Path) -> None:
    """At first it is a note; after five minutes of the database's clock it is a fault, with the command."""
    pause(db_url, sink, "t1")
    hg("decide", only_case(db_url).id, "approve")

    soon = hg("doctor", "--json")
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("UPDATE hitl.decisions SET decided_at = decided_at - interval '1 hour'")
    late = hg("doctor", "--json")

    assert (soon.code, checks(soon)["decisions"]["verdict"]) == (0, "note")
    assert (late.code, checks(late)["decisions"]["verdict"]) == (1, "wrong")
    assert "hitl-graph resume" in checks(late)["decisions"]["fix"]


def test_a_thread_that_stands_still_is_named_with_its_error(hg: Command, db_url: str, sink: Path) -> None:
    """The failed thread, what it raised, and the command that hands it the decision again."""
    pause(db_url, sink, "t1")
    review = only_case(db_url).id
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("UPDATE hitl.reviews SET status = 'failed', error = 'boom'")

    said = hg("doctor", "--json")

    [finding] = said.json["findings"]
    assert said.code == 1
    assert (finding["kind"], finding["review_id"]) == ("failed", review)
    assert "boom" in finding["what"]
    assert finding["fix"].startswith("hitl-graph repair t1 --retry")


# --- the process -------------------------------------------------------------------------------


def test_the_module_is_the_command() -> None:
    """`python -m hitl_graph` is `hitl-graph`."""
    done = subprocess.run(
        [sys.executable, "-m", "hitl_graph", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hitl-graph ")


def test_every_command_says_what_it_does(hg: Command) -> None:
    """The overview names each command, and each has a help of its own."""
    overview = hg("--help").out

    for command in ("demo", "list", "show", "decide", "resume", "boundary", "doctor"):
        assert f"  {command} " in overview
        assert hg(command, "--help").code == 0
