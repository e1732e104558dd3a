"""What the page about tests shows as test code is run by pytest, as its reader would."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.docs.pages import ROOT, blocks
from tests.testing.inner import run_pytest

PAGE = ROOT / "docs/howto/testing.md"
GRAPH = "from examples.review_before_send import graph\nbuilder = graph()\n\n"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Tests that passed by file, in a folder with what the page has its reader write."""
    folder = tmp_path_factory.mktemp("own")
    conftest, test = re.findall(
        r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    test = test.replace(
        '{"ticket": "Where is my card?"}', '{"ticket": {"from": "a", "body": "Where is my card?"}}'
    )
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "test_reply.py").write_text(GRAPH + test, encoding="utf-8")
    (folder / "test_own.py").write_text("\n".join(source for _, source in blocks(PAGE)), encoding="utf-8")
    report, printed = run_pytest(folder, cwd=folder)
    assert report[0].get("failures") == report[0].get("errors") == "0", printed
    return dict(Counter(str(case.get("classname")) for case in report.iter("testcase")))


@pytest.mark.xdist_group("testing_page")
def test_the_test_of_the_page_passes(found: dict[str, int]) -> None:
    """With the plugin that is loaded by one line."""
    assert found["test_reply"] == 1


@pytest.mark.xdist_group("testing_page")
@pytest.mark.parametrize("name", ["TestReply", "TestInMemory"])
def test_the_contracts_of_the_page_pass(name: str, found: dict[str, int]) -> None:
    """The gate and the saver that it shows."""
    assert found[f"test_own.{name}"] > 20
