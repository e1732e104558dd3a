"""The table of LangGraph's interrupt tests says where each of them is, and it is there."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/howto/langgraph-tests.md").read_text(encoding="utf-8")
ONE_BY_ONE = re.findall(r"^\| `(\w+)` \| ([^|]+) \|(.*)\|$", PAGE, re.MULTILINE)


def test_every_test_has_one_row() -> None:
    """As many as the page says."""
    names = [name for name, _, _ in ONE_BY_ONE]

    assert f"All {len(names)} tests" in PAGE and len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "said", "ours"), ONE_BY_ONE, ids=[name for name, _, _ in ONE_BY_ONE])
def test_a_row_names_tests_that_are_there(name: str, said: str, ours: str) -> None:
    """Or says why there is none."""
    tests = re.findall(r"`([\w.]+)::(\w+)`", ours)

    assert bool(tests) != said.startswith("does not apply: ")
    for file, test in tests:
        source = (ROOT / "tests/upstream" / file).read_text(encoding="utf-8")
        assert f"def {test}(" in source


def test_every_test_of_ours_is_on_the_page() -> None:
    """Those that follow LangGraph's own."""
    files = (ROOT / "tests/upstream").glob("test_langgraph_own_*.py")
    ours = {
        f"{file.name}::{test}"
        for file in files
        for test in re.findall(
            r"^(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE
        )
    }

    assert [test for test in sorted(ours) if f"`{test}`" not in PAGE] == []
