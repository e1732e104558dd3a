"""The shape of the code: layers, explicit names, files of a size that can be read."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import hitl_graph

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "hitl_graph").rglob("*.py"))
MODULES = sorted(info.name for info in pkgutil.walk_packages(hitl_graph.__path__, "hitl_graph."))
PACKAGES = ["hitl_graph", *(name for name in MODULES if hasattr(importlib.import_module(name), "__path__"))]
CODE = sorted(
    path
    for folder in ("hitl_graph", "examples", "benchmarks", "docs", "notebooks", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
MOST_LINES = 400

LONG_FOR_A_REASON: dict[str, str] = {
    "notebooks/02_three_patterns.py": "one notebook, read from its title to its end: its text is half of it",
    "notebooks/03_threshold.py": "the same: each step rests on the data and the bars of the one before",
}
"""Files with more lines than that: their path, and why they may."""


def in_order(names: list[str]) -> list[str]:
    """Constants, then classes, then functions; each by the alphabet, as ruff sorts `__all__`."""
    return sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_import_contracts_hold() -> None:
    """No module imports from a layer above it; gates and vocabulary know no LangGraph and no database."""
    linter = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", LIBRARY, ids=relative)
def test_no_module_imports_the_front_page(path: Path) -> None:
    """`hitl_graph/__init__.py` is for users: inside, everybody names the module that they mean."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    from_front = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "hitl_graph"
    ]

    assert from_front == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_packages_all_is_what_can_be_seen(name: str) -> None:
    """`__all__` of a package is sorted and equals its visible names, no more and no less."""
    package = importlib.import_module(name)
    named = {key for key in dir(package) if key[0] != "_"}
    visible = [key for key in named if not isinstance(getattr(package, key), ModuleType)]

    assert list(getattr(package, "__all__", ())) == in_order(visible)


@pytest.mark.parametrize("name", MODULES)
def test_all_names_things_that_exist_in_order(name: str) -> None:
    """Whatever a module lists in `__all__` is there, and sorted."""
    module = importlib.import_module(name)
    listed = list(getattr(module, "__all__", ()))

    assert [key for key in listed if not hasattr(module, key)] == []
    assert listed == in_order(listed)


def test_files_can_be_read_in_one_sitting() -> None:
    """At most 400 lines, unless a reason is written down above; and no reason outlives its file."""
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}

    long = {name for name, count in lines.items() if count > MOST_LINES}

    assert long == set(LONG_FOR_A_REASON)


def test_each_check_that_is_waived_says_why() -> None:
    """A mark that tells ruff or mypy to look away is followed by its reason, on the same line."""
    mark = re.compile(r"# (noqa|type: ignore)\b(?!(: [A-Z]+\d+(, [A-Z]+\d+)*|\[[a-z,-]+\])  # \S)")

    silent = [
        f"{relative(path)}:{number}"
        for path in CODE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if mark.search(line)
    ]

    assert silent == []


def test_constraints_are_names_and_versions_only() -> None:
    """No address and no path comes with the dependencies."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    odd = [line for line in lines if not line.startswith("# ") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)]

    assert lines
    assert odd == []


def test_the_changelog_begins_with_this_version() -> None:
    """What is built is what the changelog speaks of."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert headings[0] == version
