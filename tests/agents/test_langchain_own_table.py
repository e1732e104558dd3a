"""The page that says how our tests stand to LangChain's names every one of them, and files that are there."""

import re
from pathlib import Path

from tests.docs.pages import ROOT

PAGE = ROOT / "docs/howto/coming-from-langchain.md"


def rows() -> list[list[str]]:
    """The rows of the last table: names, what holds here, file."""
    last = PAGE.read_text(encoding="utf-8").split("## LangChain's tests, one by one")[1]
    lines = [line for line in last.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_one_of_langchains_tests_has_its_place() -> None:
    """As many as the page says, none twice."""
    names = [name for row in rows() for name in re.findall(r"`(\w+)`", row[0])]
    twins = sum(row[0].count("its async twin") for row in rows())

    assert len(names) == len(set(names))
    assert len(names) + twins == 62


def test_every_file_in_the_table_is_there() -> None:
    """And a row without one says why the test does not apply."""
    missing = []
    for names, here, file in rows():
        if not file:
            assert here.startswith("does not apply"), names
            continue
        name = file.strip("`")
        missing += [name for _ in [0] if not any((ROOT / "tests").glob(f"*/{name}"))]

    assert missing == []


def test_every_complaint_on_the_page_has_tests_under_its_number() -> None:
    """In `tests/upstream`, in the name of the file and of each test."""
    text = PAGE.read_text(encoding="utf-8")
    for project, number in re.findall(r"^\| (langchain|deepagents) (\d+)", text, re.MULTILINE):
        [file] = (ROOT / "tests/upstream").glob(f"test_{project}_{number}_*.py")
        tests = re.findall(r"^def (test_\w+)", Path(file).read_text(encoding="utf-8"), re.MULTILINE)
        assert tests and all(test.startswith(f"test_{project}_{number}_") for test in tests)
