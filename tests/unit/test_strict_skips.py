"""A skip in CI fails, unless its reason is on the list."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {
    "test_one.py": """
import pytest

def test_skips_itself(): pytest.skip("no server")
def test_lacks_a_module(): pytest.importorskip("no_such_module")
@pytest.mark.skip(reason="no server")
def test_is_marked(): pass
def test_lacks_shared_data(): pytest.skip("shared data absent")
@pytest.mark.xfail(reason="known")
def test_fails_as_expected(): assert False
""",
    "pytest.ini": "[pytest]\n",  # not the project's own
    "test_two.py": "import pytest\npytest.skip('no server', allow_module_level=True)\n",
}

LINE = re.compile(r"^(ERROR)? ?(test_\w+\.py)(?:::(\w+))? ([A-Z]{5,})?", re.MULTILINE)
"""A line of pytest's that tells an outcome: of a test, or of a file that could not be collected."""

Outcomes = dict[str, str]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outcomes]:
    """What becomes of each of the tests above, by its name, for a value of CI."""
    folder = tmp_path_factory.mktemp("skips")
    for name, source in FILES.items():
        (folder / name).write_text(source)

    def run(ci: str) -> Outcomes:
        plugins = ["-p", "tests.support.strict_skips", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                *plugins,
                "-vv",
                "--continue-on-collection-errors",
            ],
            cwd=folder,
            env={
                **os.environ,
                "CI": ci,
                "PYTHONPATH": str(ROOT),
                "PYTEST_ADDOPTS": "",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return {name or file: word or error for error, file, name, word in LINE.findall(done.stdout)}

    return run


@pytest.fixture(scope="module")
def in_ci(outcomes: Callable[[str], Outcomes]) -> Outcomes:
    return outcomes("true")


@pytest.fixture(scope="module")
def elsewhere(outcomes: Callable[[str], Outcomes]) -> Outcomes:
    return outcomes("")


@pytest.mark.parametrize(
    "name", ["test_skips_itself", "test_lacks_a_module", "test_is_marked", "test_two.py"]
)
def test_an_unlisted_skip_fails_in_ci(in_ci: Outcomes, name: str) -> None:
    """Wherever it comes from: the test, an import, a mark, or the whole file."""
    assert in_ci[name] in {"FAILED", "ERROR"}


def test_a_listed_skip_stays_one_in_ci(in_ci: Outcomes) -> None:
    """The shared messages are not part of the repository."""
    assert in_ci["test_lacks_shared_data"] == "SKIPPED"


def test_an_expected_failure_is_no_skip(in_ci: Outcomes) -> None:
    """pytest reports it as skipped; it is none."""
    assert in_ci["test_fails_as_expected"] == "XFAIL"


@pytest.mark.parametrize("name", ["test_skips_itself", "test_is_marked", "test_lacks_shared_data"])
def test_a_skip_stays_one_elsewhere(elsewhere: Outcomes, name: str) -> None:
    """On a developer's machine a skip is a skip."""
    assert elsewhere[name] == "SKIPPED"
