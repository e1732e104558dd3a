"""The log, insights, graphs and settings in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hitl_graph import Approve, Desk
from tests.inbox.serving import inbox, paused, visit
from tests.support.graphs import mail_graph

pytestmark = pytest.mark.xdist_group("inbox-browser")

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
PAGES = (
    "/audit",
    "/insights",
    "/graphs",
    "/graphs/thread?thread=t1",
    "/settings",
    "/settings/authority",
    "/settings/notices",
    "/settings/me",
)


def _some(db_url: str) -> None:
    paused(db_url, "t1", "t2")
    with Desk(db_url) as desk:
        case = desk.pending()[0]
        desk.decide(case.id, Approve(), digest=case.digest, by="ana", thread_id=case.thread_id)
        desk.authority.put("refund", group="finance", max_amount=500, by="ana")


def _wide(page: Page) -> int:
    """How many pixels a page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wider


def test_the_log_is_checked_and_filtered_with_the_keyboard(browser: Browser, db_url: str) -> None:
    """I9, R51."""
    _some(db_url)
    with inbox(db_url) as served, visit(browser, served, "/audit") as page:
        page.get_by_label("By", exact=True).fill("ana")
        page.keyboard.press("Enter")
        expect(page.get_by_role("row", name="approved it")).to_be_visible()
        expect(page.get_by_role("row", name="paused and asked")).to_have_count(0)
        page.locator("#tools > summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Check the log").press("Enter")
        expect(page.get_by_role("heading", name="The log holds")).to_be_visible()


def test_the_log_comes_as_a_file(browser: Browser, db_url: str) -> None:
    _some(db_url)
    with inbox(db_url) as served, visit(browser, served, "/audit") as page:
        page.locator("#tools > summary").click()
        with page.expect_download() as coming:
            page.get_by_role("button", name="Table (CSV)").click()
        assert coming.value.suggested_filename == "audit-default.csv"


def test_the_number_at_a_gate_leads_to_its_cases(browser: Browser, db_url: str) -> None:
    """R38."""
    paused(db_url, "t1", "t2")
    graphs = {"mail": mail_graph().compile(name="mail")}
    with inbox(db_url, graphs=graphs) as served, visit(browser, served, "/graphs") as page:
        page.get_by_role("link", name="2 wait at reply").click()
        expect(page.locator("ol.queue > li")).to_have_count(2)


def test_a_thread_is_paused_where_it_is_seen(browser: Browser, db_url: str) -> None:
    """I7."""
    paused(db_url, "t1")
    with inbox(db_url) as served, visit(browser, served, "/graphs/thread?thread=t1") as page:
        page.get_by_text("Hold this thread").click()
        page.get_by_label("Why").fill("It writes nonsense.")
        page.get_by_role("button", name="Pause it").click()
        expect(page.get_by_text("is paused by ana")).to_be_visible()


def test_what_is_wrong_with_a_field_is_said_beside_it_and_has_the_focus(
    browser: Browser, db_url: str
) -> None:
    with inbox(db_url) as served, visit(browser, served, "/settings/authority", allow=(422,)) as page:
        page.get_by_label("Act", exact=True).fill("refund")
        page.get_by_role("textbox", name="Which").fill("finance")
        page.get_by_label("Up to the amount").fill("plenty")
        page.get_by_role("button", name="Save").click()
        amount = page.get_by_label("Up to the amount")
        expect(amount).to_have_accessible_description(
            "Empty: any amount. “plenty” is no amount, such as 500 or 99.50."
        )
        expect(amount).to_be_focused()
        expect(page.get_by_role("textbox", name="Which")).to_have_value("finance")


def test_every_page_fits_a_phone(browser: Browser, db_url: str) -> None:
    """R51."""
    _some(db_url)
    graphs = {"mail": mail_graph().compile(name="mail")}
    with inbox(db_url, graphs=graphs) as served, visit(browser, served, "/audit", **PHONE) as page:
        wide = {}
        for one in PAGES:
            page.goto(served.address + one)
            wide[one] = _wide(page)
    assert wide == dict.fromkeys(PAGES, 0)
