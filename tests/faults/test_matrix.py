"""The table of faults names tests that are there, and places that can be reached."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "faults.md").read_text(encoding="utf-8")
TABLE, PLACES = PAGE.split("## Which fault is tested where")[1].split("## Stop a process")


def test_every_row_names_tests_that_are_there() -> None:
    """By file, or by file and function; a test that is renamed is missed here."""
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")][1:]
    named = [re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", row) for row in rows]

    assert [row for row, tests in zip(rows, named, strict=True) if not tests] == []
    for file, test in {one for tests in named for one in tests}:
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert f"def {test}(" in text if test else "def test_" in text, f"{file}::{test}"


def test_every_place_is_in_the_library() -> None:
    """And every place of the library is in the table."""
    listed = set(re.findall(r"`(\w+\.\w+)`", PLACES.split("|---|---|")[1]))
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "hitl_graph").rglob("*.py"))
    named = set(re.findall(r'failpoint\(f?"([\w.{}]+)"\)', code))
    there = {one.format(moment=moment) for one in named for moment in ("before_commit", "after_commit")}

    assert listed == there
