"""Every notebook runs from its text, says what it should, and is kept with the outputs of that text."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebooks.build import MOST_BYTES, TEXTS, differences, leaks, read_text
from notebooks.messages import BESIDE, load

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HITL_DATA") or BESIDE)
BANKING77 = (DATA / "banking77" / "test.csv").is_file()
STEMS = [path.stem for path in TEXTS]

SAYS = {
    "01_first_gate": [
        "waits before: reply\nsent so far: 0",
        "sent: 1\n\nHello,\n\nyour card was posted on Monday.",
        "refused: ana has decided already (edit)",
        "asked > decided > applied",
    ],
    "02_three_patterns": [
        "66 messages that ship with the demo",
        "under the same keys: True",
        " 0 threads failed",
    ],
    "03_threshold": [" to learn from, ", "known matters", "new matters", " 0 failed"],
    "04_paused_threads": [
        "the case is now: superseded\nrefused: review ... is closed",
        "asked about: sam@example.com  the round before: edit",
        "asked again about: Draft 1",
        "refused: the review stands in 2 threads\neva: pending, 0 sent\ncopy: applied, 1 sent",
        "stock saver  and again:             raises ValidationError",
        "ours         and again:             asks",
        "stock saver, answered by id: runs to its end\nours, decided at the desk:   applied",
        "asked > decided > applied > failed > retried > applied",
        "effect_begun > effect_not_done > effect_begun > effect_done",
        "first process ended with -9",
        "second process ended with -9\nlisted as an unfinished run: True  sent by then: 0",
        "listed as an unfinished run: False  sent by now: 1\nthe case is applied",
        "after deleting the thread, its case is superseded",
    ],
}
"""What each prints, whatever the messages."""

PICTURES = {"01_first_gate": 0, "02_three_patterns": 3, "03_threshold": 7, "04_paused_threads": 1}


def run(stem: str, folder: Path, env: Mapping[str, str]) -> Any:
    """The executed notebook, as `make notebooks` makes it."""
    done = subprocess.run(
        [sys.executable, "-m", "notebooks.build", stem, "--out", folder],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return nbformat.read(folder / f"{stem}.ipynb", as_version=4)


def printed(notebook: Any) -> str:
    """All that the cells printed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.text for output in outputs if output.output_type == "stream")


def pictures(notebook: Any) -> int:
    """How many plots the cells drew."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def number(pattern: str, text: str) -> float:
    """The figure that a pattern finds in what was printed."""
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in:\n{text}"
    return float(found[1].replace(",", ""))


def check_patterns(text: str) -> None:
    """Notebook 2: every thread ended, and what was sent is what was approved."""
    threads = number(r"an email or with a person: \d+ of (\d+)", text)
    assert number(r"an email or with a person: (\d+) of", text) == threads
    assert number(r"decided by the script: (\d+)", text) == number(r"records in the threads: (\d+)", text)
    assert number(r"emails approved: (\d+)", text) == number(r"emails sent: (\d+)", text) > 0
    assert number(r"edits: (\d+)", text) == number(r"sent as edited: (\d+)", text) > 0
    assert all(number(rf"{gate}: (\d+) passed", text) > 0 for gate in ("triage", "exceptions"))
    assert number(r"reply: (\d+) passed", text) == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stem", STEMS)
def test_a_notebook_runs_on_what_ships_with_the_project(stem: str, tmp_path: Path) -> None:
    """From top to bottom, without data beside the project, with its plots and without a word on stderr."""
    notebook = run(stem, tmp_path, {"HITL_DATA": str(tmp_path / "none")})

    text = printed(notebook)
    for words in SAYS[stem]:
        assert words in text
    assert pictures(notebook) == PICTURES[stem]
    if stem == "02_three_patterns":
        assert "no others: BANKING77 is not beside the project" in text
        check_patterns(text)
    if stem == "03_threshold":
        assert "triage: 0 of 13 pass alone" in text, "so few messages cannot show that any bar pays"


@pytest.mark.timeout(300)
@pytest.mark.skipif(not BANKING77, reason="shared data absent")
def test_the_three_patterns_run_on_banking77(tmp_path: Path) -> None:
    """On real messages every thread ends, and what was sent is what was approved."""
    text = printed(run("02_three_patterns", tmp_path, {"HITL_DATA": str(DATA)}))

    assert "150 questions to a bank" in text
    check_patterns(text)


@pytest.mark.timeout(300)
@pytest.mark.skipif(not BANKING77, reason="shared data absent")
def test_the_threshold_is_worth_it_on_messages_that_did_not_choose_it(tmp_path: Path) -> None:
    """On held-out messages the bars cost less than asking about everything and than never asking; drift goes unseen."""
    text = printed(run("03_threshold", tmp_path, {"HITL_DATA": str(DATA)}))

    assert number(r"right on the messages to report on: ([\d.]+)%", text) > 80
    distances = r"share right: ([\d.]+) before", r"before, ([\d.]+) after"
    assert number(distances[1], text) < 0.05 < number(distances[0], text)
    chosen, ask, never = (
        number(rf"{name} +([\d.]+) minutes", text)
        for name in ("as chosen", "ask about everything", "never ask")
    )
    assert chosen < ask < never
    low, high = (
        number(rf"as the audit tells it.*?{part}", text) for part in (r"([\d.]+)% to", r"to ([\d.]+)%")
    )
    assert low <= number(r"which production never knows: .*?([\d.]+)%", text) <= high
    assert number(r"new matters .*?wrong among them: ([\d.]+)%", text) == 100


@pytest.mark.parametrize("stem", STEMS)
def test_the_kept_notebook_is_in_step_with_its_text(stem: str) -> None:
    """The same cells, with outputs, none of them an error; small, and telling nothing of the machine."""
    kept = ROOT / "notebooks" / f"{stem}.ipynb"
    notebook = nbformat.read(kept, as_version=4)

    assert differences(read_text(kept.with_suffix(".py")), notebook) == []
    assert leaks(notebook) == []
    assert pictures(notebook) == PICTURES[stem]
    assert kept.stat().st_size < MOST_BYTES


@pytest.mark.skipif(not BANKING77, reason="shared data absent")
@pytest.mark.parametrize("stem", STEMS)
def test_the_kept_notebook_quotes_no_message_of_others(stem: str) -> None:
    """No question of BANKING77 stands in an output."""
    kept = (ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8")
    theirs = load()

    texts = [row.text for part in (theirs.learn, theirs.choose, theirs.report) for row in part]

    assert [text for text in texts if len(text) > 25 and text in kept] == []


def _book(*cells: Any) -> Any:
    return nbformat.v4.new_notebook(cells=list(cells))


def _cell(source: str, output: Any = None) -> Any:
    return nbformat.v4.new_code_cell(source, outputs=[] if output is None else [output])


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        (_book(_cell("1")), "no outputs"),
        (_book(_cell("2", nbformat.v4.new_output("stream", text="2"))), "cell 1 is not"),
        (_book(_cell("1", nbformat.v4.new_output("stream", text="1")), _cell("2")), "cell 2 is not"),
        (_book(_cell("1", nbformat.v4.new_output("error", ename="ValueError"))), "cell 1 gave ValueError"),
        (_book(_cell("1", nbformat.v4.new_output("stream", name="stderr", text="!"))), "words on stderr"),
    ],
)
def test_a_notebook_that_is_not_in_step_is_told(kept: Any, problem: str) -> None:
    """A missing output, another cell, one too many, an error, a warning."""
    assert problem in "; ".join(differences(_book(_cell("1")), kept))


@pytest.mark.parametrize(
    "text",
    [
        f"saved to {ROOT}/x",
        f"at {Path.home()}",
        "File /srv/someone/project/a.py, line 3",
        "C:\\Users\\someone\\a.py",
        "postgresql://localhost/x",
        "from pypi.example.com/simple",
    ],
)
def test_a_word_about_the_machine_is_told(text: str) -> None:
    """Paths and addresses in an output are found."""
    notebook = _book(_cell("1", nbformat.v4.new_output("stream", text=text)))

    assert leaks(notebook) != []


@pytest.mark.parametrize(
    "text", ["</div><b>x</b>", "application/json", "{'path': '/body'}", "3/4 of them", "a/b/c"]
)
def test_what_only_looks_like_a_path_is_let_pass(text: str) -> None:
    """Markup, media types, JSON Patches, fractions."""
    notebook = _book(_cell("1", nbformat.v4.new_output("stream", text=text)))

    assert leaks(notebook) == []
