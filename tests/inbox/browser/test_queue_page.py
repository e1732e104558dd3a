"""The queue in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.inbox.serving import inbox, paused, visit

pytestmark = pytest.mark.xdist_group("inbox-browser-2")


def test_a_case_that_waits_stands_on_the_page(browser: Browser, db_url: str) -> None:
    """R38."""
    paused(db_url, "t1")
    with inbox(db_url) as served, visit(browser, served) as page:
        expect(page.get_by_role("link", name="Is this reply safe")).to_be_visible()
