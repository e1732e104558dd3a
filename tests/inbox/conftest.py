"""The browser, and two people at one inbox, once for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from hitl_graph.testing.databases import Databases
from tests.inbox.browser.floor import Floor, floor_on
from tests.support.browser import chromium

expect.set_options(timeout=10_000)  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def floor(browser: Browser, databases: Databases) -> Iterator[Floor]:
    """Two people at one inbox, for all tests of a module."""
    with databases.fresh_database() as url, floor_on(url, browser) as made:
        yield made
