"""What the page about tests shows as test code is run by pytest, as its reader would."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.testing.inner import run_pytest

PAGE = ROOT / "docs/howto/testing.md"
GRAPH = "from examples.review_before_send import graph\nbuilder = graph()\n\n"


def saved(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_conftest_and_the_test_of_the_page_pass(tmp_path: Path) -> None:
    """The plugin is loaded by its one line, in a folder of its own."""
    conftest, test = re.findall(
        r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    saved(tmp_path / "conftest.py", conftest)
    ticket = test.replace(
        '{"ticket": "Where is my card?"}', '{"ticket": {"from": "a", "body": "Where is my card?"}}'
    )
    saved(tmp_path / "test_reply.py", GRAPH + ticket)

    report, printed = run_pytest(tmp_path / "test_reply.py", cwd=tmp_path)

    assert report[0].get("tests") == "1", printed
    assert report[0].get("failures") == report[0].get("errors") == "0", printed


def test_the_contracts_of_the_page_pass(tmp_path: Path) -> None:
    """The gate and the saver that it shows."""
    code = "\n".join(source for _, source in blocks(PAGE))
    path = saved(tmp_path / "test_own.py", code)

    report, printed = run_pytest(path, cwd=tmp_path)

    assert int(str(report[0].get("tests"))) > 80, printed
    assert report[0].get("failures") == report[0].get("errors") == "0", printed
