"""How the nouns look in a notebook: complete, escaped, and known to IPython and marimo."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph import Approve, Desk, Edit, boundary_map, open_checkpointer
from hitl_graph.desk import Page
from hitl_graph.notebook import html_of, markdown_of, read_thread, review_card
from hitl_graph.reviews import Evidence, Option, ReviewRequest, Turn
from tests.notebook.making import a_record, a_request
from tests.support.graphs import mail_graph, thread

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</style><b>"
SAFE = {
    "style",
    "div",
    "h3",
    "h4",
    "p",
    "small",
    "strong",
    "table",
    "tr",
    "th",
    "td",
    "br",
    "ins",
    "del",
    "mark",
}
SAFE |= {"details", "summary", "span", "hr"}


class Tags(HTMLParser):
    """The tags and attributes of a piece of HTML, as a browser would read them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def nasty_request() -> ReviewRequest:
    return a_request(
        gate=f"g {NASTY}",
        question=NASTY,
        proposal={NASTY: NASTY, "rows": [{"x": NASTY}]},
        consequence=NASTY,
        evidence=(
            Evidence(NASTY, NASTY, source=NASTY, url="javascript:alert(3)"),
            Evidence("pairs", {NASTY: NASTY}),
            Evidence("rows", [NASTY]),
        ),
        options=(Option(NASTY, NASTY, NASTY),),
        uncertainty=(NASTY,),
        warnings=(NASTY,),
        blocks=(NASTY,),
        transcript=(Turn(NASTY, NASTY, NASTY),),
        previous={"proposed": {"to": NASTY}, "decision": "reject", "by": NASTY, "note": NASTY},
    )


@pytest.mark.parametrize(
    "value",
    [
        nasty_request(),
        a_record(gate=NASTY, by=NASTY, note=NASTY, proposed={NASTY: NASTY}, final={NASTY: "x"}),
    ],
    ids=["request", "record"],
)
def test_what_came_from_outside_is_text(value: object) -> None:
    """No tag, no attribute and no address of the data's own gets into the page."""
    found = Tags(html_of(value))

    assert found.tags <= SAFE
    assert found.attributes <= {"class"}


def test_hidden_characters_stand_out() -> None:
    """They are written out and marked, in HTML and in Markdown."""
    request = a_request(proposal={"to": "a@ex\u202eample.com"})

    assert "<mark>⟨U+202E⟩</mark>" in html_of(request)
    assert "\u202e" not in html_of(request) + markdown_of(request)


def test_a_request_tells_all_that_a_person_needs() -> None:
    """R23: question, reason, evidence, proposal, consequence, and that it cannot be undone."""
    page = html_of(a_request())

    for text in (
        "safe to send?",
        "read first",
        "Where is it?",
        "on its way",
        "Sends an email",
        "cannot be undone",
    ):
        assert text in page


def test_a_record_shows_what_changed() -> None:
    """R25: proposed and final in one, by whom, after how long, and why."""
    page = html_of(a_record())

    assert "It comes on <del>Monday</del><ins>Tuesday</ins>." in page
    for text in ("ana", "2026-03-01 11:00:00 UTC", "1 min", "wrong facts", "send"):
        assert text in page


def test_a_boundary_map_is_a_table_of_what_asks_and_acts() -> None:
    """R50: with its problems, or the word that there are none."""
    page = html_of(boundary_map(mail_graph()))

    assert "support-leads" in page
    assert "No irreversible act can be reached without a gate." in page


def test_a_thread_shows_its_case_then_its_decisions(tmp_path: Any) -> None:
    """What waits first; what was decided when nothing does."""
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    graph.invoke({"ticket": "Where is it?", "sink": str(tmp_path / "sink")}, thread("t1"))

    page = html_of(read_thread(graph, "t1"))

    assert "Thread t1 waits for a decision at reply" in page
    assert "Is this reply safe to send to the customer?" in page


async def test_a_page_of_cases_is_a_table(db_url: str, tmp_path: Any) -> None:
    """One row for each; a case by itself is shown whole, with what was decided."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "Where is it?", "sink": str(tmp_path / "sink")}, thread("t1"))
        pending = await desk.pending()
        case = await desk.decide(pending[0].id, Approve(), by="ana", digest=pending[0].digest)

    assert pending[0].id[:8] in html_of(pending)
    assert html_of(pending).count("<tr>") == 2
    assert "decided: approve by ana" in html_of(case)
    assert "Where is it?" in html_of(case)
    assert markdown_of(pending).count("\n") == 2


def test_an_empty_page_says_so() -> None:
    """Not an empty box."""
    assert "No cases." in html_of(Page([], None))


@pytest.mark.parametrize("make", [html_of, markdown_of])
def test_other_values_have_no_page(make: Any) -> None:
    """A clear error instead of a guess."""
    with pytest.raises(TypeError, match="int"):
        make(3)


def test_markdown_keeps_the_datas_marks_as_text() -> None:
    """No link, no image and no heading of the data's own."""
    said = markdown_of(a_request(proposal={"body": "# [x](javascript:alert(1)) ![y](http://z)"}))

    assert not re.search(r"(?<!\\)\[", said.split("Proposed")[1])


def test_ipython_shows_the_nouns_as_pages() -> None:
    """Importing `hitl_graph.notebook` is enough, in a shell that runs."""
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "import hitl_graph.notebook\n"
        "from tests.notebook.making import a_record\n"
        "data, _ = shell.display_formatter.format(a_record())\n"
        "assert '<ins>Tuesday</ins>' in data['text/html'], data\n"
        "assert '**Tuesday**' in data['text/markdown'], data\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_library_itself_knows_no_notebook() -> None:
    """`import hitl_graph` and the desk stay light: no anywidget, no IPython."""
    program = (
        "import sys, hitl_graph, hitl_graph.desk\n"
        "hitl_graph.Desk\n"
        "print([name for name in ('anywidget', 'ipywidgets', 'IPython', 'hitl_graph.notebook') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_an_edit_in_a_thread_is_shown_as_it_ended(tmp_path: Any) -> None:
    """The thread's own record, from its state."""
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    graph.invoke({"ticket": "Where is it?", "sink": str(tmp_path / "sink")}, thread("t1"))
    review_card(graph, "t1", by="ana").decide(Edit({"body": "Draft 2"}))

    assert "Draft <del>1</del><ins>2</ins>" in html_of(read_thread(graph, "t1"))
