"""Every Python block in README and docs runs, on a real Postgres, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

from hitl_graph.cli.app import app
from tests.docs.pages import PAGES, ROOT, blocks, run

WITH_CODE = [page for page in PAGES if blocks(page)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(autouse=True)
def _database(db_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fresh database under the name that pages without a URL use, and a folder to write to."""
    monkeypatch.setenv("HITL_DATABASE_URL", db_url)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_code_of_a_page_runs(page: Path) -> None:
    """From top to bottom, with the names of the blocks before."""
    run(page)


def test_the_readme_sends_what_the_person_edited(capsys: pytest.CaptureFixture[str]) -> None:
    """The promise of the first screen."""
    run(ROOT / "README.md")

    assert capsys.readouterr().out == "sent: It comes on Monday.\n"


def test_the_readmes_program_fits_on_one_screen() -> None:
    """About 25 lines of code, one block."""
    [(_, source)] = blocks(ROOT / "README.md")

    lines = [line for line in source.splitlines() if line.strip()]

    assert len(lines) <= 26


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    """A link inside the repository names a file that is there."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_page_of_the_command_line_lists_every_command() -> None:
    """And no other."""
    page = (ROOT / "docs/howto/cli.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `hitl-graph ([a-z-]+(?: \\\| [a-z-]+)*)", page, re.MULTILINE)
    listed = [name for row in rows for name in row.split(" \\| ")]

    known = [one.name for one in app.registered_commands] + [one.name for one in app.registered_groups]
    assert sorted(listed) == sorted(str(name) for name in known)
