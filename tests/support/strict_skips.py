"""In CI a skipped test is a failed one, unless its reason is on the list.

A server that is missing must not look green. A pytest plugin, loaded by `-p` in pyproject.toml; elsewhere
than in CI skips stay skips.
"""

import os
import re
from collections.abc import Generator

import pytest

ALLOWED = (
    r"shared data absent.*",  # the customer messages that are not part of the repository
    r"BANKING77's test\.csv is not beside the project.*",  # the same
    r"about running as (root|an ordinary user)",  # CI is one of the two
)
"""Reasons, as regular expressions, that the whole reason must match."""


def is_allowed(reason: str) -> bool:
    """Whether a test may be skipped for this reason in CI."""
    return any(re.fullmatch(pattern, reason.removeprefix("Skipped: ").strip()) for pattern in ALLOWED)


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    where = report.longrepr
    reason = str(where[2]) if isinstance(where, tuple) else str(where)
    if not is_allowed(reason):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped in CI for a reason that tests/support/strict_skips.py does not list: {reason}"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that was skipped."""
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that skips itself while it is collected."""
    report = yield
    _judge(report)
    return report
