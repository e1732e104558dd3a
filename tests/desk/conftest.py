"""A refund that waits at the desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_graph.testing import FakeClock
from tests.desk.opening import Opened, opened


@pytest.fixture
def refund(db_url: str, sink: Path) -> Iterator[Opened]:
    """One refund of 50, on a database of its own."""
    with opened(db_url, sink) as one:
        yield one


@pytest.fixture
def timed(hitl_clock: FakeClock, db_url: str, sink: Path) -> Iterator[tuple[Opened, FakeClock]]:
    """The same, with a clock that stands still until the test moves it."""
    with opened(db_url, sink) as one:
        yield one, hitl_clock
