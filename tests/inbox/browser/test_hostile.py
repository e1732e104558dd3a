"""The corpus of bad input in a browser: nothing runs, opens or is fetched; and a form whose rows follow the keys."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from hitl_graph import Evidence
from tests.inbox.cases import address, ask, at, the_case
from tests.inbox.serving import inbox, visit
from tests.inbox.test_form_page import order
from tests.inbox.test_hostile_text import EVERYTHING, UNSEEN, hostile

pytestmark = pytest.mark.xdist_group("inbox-browser")


def test_nothing_of_it_runs(browser: Browser, db_url: str) -> None:
    """No script, no dialog, no request to another host, no CSP violation; a console error fails the visit."""
    case = hostile(db_url, EVERYTHING + UNSEEN)
    with inbox(db_url) as served, visit(browser, served) as page:
        asked: list[str] = []
        dialogs: list[str] = []

        def seen(dialog: Any) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", seen)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => { window.violated = e.violatedDirective; })"
        )
        page.goto(served.address + address(case))
        expect(page.locator("#case")).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.get_by_label("Body", exact=True).press("End")
        page.keyboard.type(" and more")
        expect(page.locator("#case-diff ins").first).to_contain_text("more")

        assert page.evaluate("[window.hacked ?? null, window.violated ?? null]") == [None, None]
        assert dialogs == []
        assert [url for url in asked if not url.startswith(served.address)] == []
        assert page.url == served.address + address(case)


def test_a_megabyte_does_not_freeze_the_page(browser: Browser, db_url: str) -> None:
    """It is there, and a key answers at once."""
    text = "\u202ea\u200b<b>word</b> " * 60_000
    case = ask(db_url, evidence=[Evidence("Log", text)])
    with inbox(db_url) as served, visit(browser, served) as page:
        page.goto(served.address + address(case))
        expect(page.locator("#case")).to_be_visible()
        page.keyboard.press("x")
        expect(page.locator("#dialog-reject")).to_be_visible(timeout=5_000)
        page.keyboard.press("Escape")
        page.locator("details.rest > summary").first.click()
        expect(page.locator("details.rest").first).to_have_attribute("open", "")


def test_a_row_is_added_filled_in_and_moved_by_keyboard(browser: Browser, db_url: str) -> None:
    """The focus follows the row, and what is typed in it is kept."""
    case = order(db_url)
    with inbox(db_url) as served, at(browser, served, case) as page:
        page.get_by_role("button", name="Add one to Lines").focus()
        page.keyboard.press("Enter")
        expect(page.locator('[name="changes.lines[2].name"]')).to_be_focused()
        page.keyboard.type("nib")
        page.get_by_role("button", name="Move up Lines 3").press("Enter")
        expect(page.get_by_role("button", name="Move up Lines 2")).to_be_focused()
        expect(page.locator("#case-diff")).to_contain_text("nib")
        page.reload()
        expect(page.locator('[name="changes.lines[]"]')).to_have_value("0 2 1")
        expect(page.locator('[name="changes.lines[2].name"]')).to_have_value("nib")
    assert the_case(db_url).status == "pending"


def test_the_focus_waits_for_the_row_while_other_parts_are_brought_up_to_date(
    browser: Browser, db_url: str
) -> None:
    """News that come between the key and its answer do not take the focus."""
    case = order(db_url)
    with inbox(db_url) as served, at(browser, served, case) as page:
        held: list[Any] = []
        page.route("**/form", lambda route: held.append(route))  # noqa: PLW0108  # a bound method of a list takes no mark
        page.get_by_role("button", name="Add one to Lines").press("Enter")
        with page.expect_response("**/now?**"):
            page.evaluate("document.getElementById('case-now').dispatchEvent(new CustomEvent('look'))")
        expect(page.locator("#case-now.htmx-request")).to_have_count(0)
        held[0].continue_()
        expect(page.locator('[name="changes.lines[2].name"]')).to_be_focused()


def test_another_form_of_a_value_shows_its_fields(browser: Browser, db_url: str) -> None:
    """The choice between forms draws the fields of the one that is chosen."""
    case = order(db_url)
    with inbox(db_url) as served, at(browser, served, case) as page:
        page.locator('[name="changes.pay{}"]').select_option(label="iban")
        expect(page.locator('[name="changes.pay.iban"]')).to_be_visible()
        expect(page.locator('[name="changes.pay{}"]')).to_be_focused()


def test_without_scripts_rows_are_added_and_sent_all_the_same(browser: Browser, db_url: str) -> None:
    """Forms are forms: the server does the work."""
    case = order(db_url)
    with inbox(db_url) as served, visit(browser, served, allow=(422,), java_script_enabled=False) as page:
        page.goto(served.address + address(case))
        page.get_by_role("button", name="Add one to Lines").click()
        page.locator('[name="changes.lines[2].name"]').fill("nib")
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#case-diff")).to_contain_text("nib")
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#case")).to_have_attribute("data-status", "decided")
    decision = the_case(db_url).decision
    assert decision is not None
    assert decision["changes"]["lines"][2] == {"name": "nib"}
