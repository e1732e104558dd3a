"""A browser that runs no scripts: everything is decided with buttons and links, checked by the server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from hitl_graph import Case
from tests.inbox.cases import PAY, address, ask, the_case
from tests.inbox.serving import Served, inbox, visit

pytestmark = pytest.mark.xdist_group("inbox-browser-2")


def plain(browser: Browser, served: Served, case: Case, **how: Any) -> AbstractContextManager[Page]:
    """The case's page, without scripts."""
    return visit(browser, served, address(case), java_script_enabled=False, **how)


def test_what_does_not_work_is_said(browser: Browser, db_url: str) -> None:
    case = ask(db_url)
    with inbox(db_url) as served, plain(browser, served, case) as page:
        expect(page.locator("noscript p").first).to_contain_text("Scripts are off in this browser.")


def test_each_dialog_is_a_page_of_its_own(browser: Browser, db_url: str) -> None:
    """What is missing is said in it, and a reason rejects."""
    case = ask(db_url, allowed=("approve", "edit", "reject", "ask_info", "take_over"))
    names = {
        "Reject": "reject",
        "Ask for information": "ask_info",
        "Take it over from the agent": "take_over",
        "Give it to a person": "reassign",
        "Give it to a group": "reroute",
        "Put it off": "snooze",
    }
    with inbox(db_url) as served, plain(browser, served, case, allow=(422,)) as page:
        for name, dialog in names.items():
            opener(page, name).click()
            expect(page.locator("dialog[open]")).to_have_id(f"dialog-{dialog}")
        page.locator("dialog[open]").get_by_role("button", name="Close").click()
        expect(page.locator("dialog[open]")).to_have_count(0)
        opener(page, "Reject").click()
        page.locator("#dialog-reject").get_by_role("button", name="Reject").click()
        expect(page.locator("#reject-reason-error")).to_be_visible()
        page.locator("#reject-reason").fill("tone")
        page.locator("#dialog-reject").get_by_role("button", name="Reject").click()
        expect(page.locator("#case-decided")).to_contain_text("rejected")
    assert (the_case(db_url).decision or {})["reason"] == "tone"


def opener(page: Page, name: str) -> Locator:
    """The button outside of dialogs."""
    return page.locator("#case-now, #proposal").get_by_role("button", name=name)


def test_an_act_that_cannot_be_undone_takes_its_evidence_and_its_amount(
    browser: Browser, db_url: str
) -> None:
    """The server asks for both, whatever the page does."""
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    with inbox(db_url) as served, plain(browser, served, case, allow=(422,)) as page:
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("#case")).to_contain_text("1 of 1 not opened yet")
        page.locator("#evidence summary").first.click()
        page.get_by_role("button", name="I have read this").click()
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("#confirmed-error")).to_contain_text("Type 50 to confirm")
        page.locator("#confirmed").fill("50")
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("#case-decided")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Approve")).to_be_visible()
