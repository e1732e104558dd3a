"""What a typed user sees: results have their types, and wrong calls are found before they run."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_users_program_has_the_types_that_it_says() -> None:
    """`assert_type` holds throughout, and each mark that lets an error be is needed."""
    program = Path(__file__).with_name("user_program.py")

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_says_that_it_is_typed() -> None:
    """Without `py.typed` a user's mypy would see only `Any`."""
    assert (ROOT / "hitl_graph/py.typed").is_file()
