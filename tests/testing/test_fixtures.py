"""The fixtures that users load, in runs of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .inner import run_pytest

CONFTEST = 'pytest_plugins = ["hitl_graph.testing.fixtures"]\n'
TESTS = """
import pytest
from hitl_graph import Desk
from tests.testing.graphs import mail

CONFIG = {"configurable": {"thread_id": "t"}}

@pytest.mark.parametrize("number", range(3))
def test_fresh(number, hitl_checkpointer, hitl_desk):
    mail().compile(checkpointer=hitl_checkpointer).invoke({}, CONFIG)
    assert len(hitl_desk.cases()) == 1

def test_unnamed(hitl_checkpointer, hitl_default_database):
    mail().compile(checkpointer=hitl_checkpointer).invoke({}, CONFIG)
    with Desk() as desk:
        assert len(desk.pending()) == 1

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.MARK
async def test_async(hitl_async_checkpointer, hitl_async_desk, hitl_clock):
    await mail().compile(checkpointer=hitl_async_checkpointer).ainvoke({}, CONFIG)
    [case] = await hitl_async_desk.pending()
    assert case.asked_at == hitl_clock.now()
"""


def passed(folder: Path, test: str, *options: str) -> list[str]:
    """The tests that passed in a project of this one file."""
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_own.py").write_text(test, encoding="utf-8")
    report, _ = run_pytest(folder / "test_own.py", *options, cwd=folder)
    return [str(case.get("name")) for case in report.iter("testcase") if len(case) == 0]


@pytest.fixture(scope="module")
def in_a_project(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What passes where pytest-asyncio is in its strict mode, which is its default."""
    return passed(tmp_path_factory.mktemp("project"), TESTS.replace("MARK", "asyncio"))


@pytest.mark.xdist_group("inner_fixtures")
@pytest.mark.parametrize("number", range(3))
def test_each_test_has_a_database_of_its_own(number: int, in_a_project: list[str]) -> None:
    """It finds only its own case there."""
    assert f"test_fresh[{number}]" in in_a_project


@pytest.mark.xdist_group("inner_fixtures")
def test_code_that_names_no_database_uses_the_tests_own(in_a_project: list[str]) -> None:
    """And not the developer's."""
    assert "test_unnamed" in in_a_project


@pytest.mark.xdist_group("inner_fixtures")
def test_async_fixtures_run_with_pytest_asyncio(in_a_project: list[str]) -> None:
    """Saver, desk and clock."""
    assert "test_async" in in_a_project


@pytest.mark.xdist_group("inner_fixtures")
def test_async_fixtures_run_with_anyio(tmp_path: Path) -> None:
    """Where pytest-asyncio is missing."""
    (tmp_path / "hide_it.py").write_text(
        "import sys\nsys.modules['pytest_asyncio'] = None\n", encoding="utf-8"
    )
    options = ("-p", "no:asyncio", "-p", "hide_it", "-k", "test_async")

    assert passed(tmp_path, TESTS.replace("MARK", "anyio"), *options) == ["test_async"]


def test_reviewers_and_models_need_no_pytest() -> None:
    """They serve notebooks and scripts too."""
    code = "import sys; sys.modules['pytest'] = None; from hitl_graph.testing import ScriptedModel, ScriptedReviewer"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
