"""The queue by keys alone, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from hitl_graph import ActionClass
from hitl_graph.desk import Desk
from tests.inbox.serving import copied, inbox, paused, ready, visit

pytestmark = pytest.mark.xdist_group("inbox-browser-2")

TAG = ActionClass("tag_ticket", reversible=True)


def selected(page: Page) -> str:
    """The question of the selected row, which has the focus too."""
    row = page.locator("#rows > li[aria-current=true] a.title")
    expect(row).to_be_focused()
    return row.inner_text()


def press(page: Page, *names: str) -> None:
    for name in names:
        page.keyboard.press(name)


def three(db_url: str, **gate: object) -> None:
    """Three cases in order."""
    for number in (1, 2, 3):
        paused(db_url, f"t{number}", question=f"Is this safe to send, number {number}?", **gate)


def test_j_and_k_move_and_enter_opens(browser: Browser, db_url: str) -> None:
    three(db_url)
    with inbox(db_url) as served, visit(browser, served) as page:
        press(page, "j", "j", "j", "k")
        assert selected(page).endswith("number 2?")
        press(page, "Enter")
        expect(page.get_by_role("heading", name="number 2?")).to_be_visible()


def test_what_takes_more_than_one_step_opens_the_case_at_it(browser: Browser, db_url: str) -> None:
    paused(db_url, "t1")
    panels = {"e": "edit", "x": "reject", "i": "ask_info", "r": "reroute", "s": "snooze", "t": "take_over"}
    with inbox(db_url) as served, visit(browser, served) as page:
        for key, panel in {**panels, "a": "approve"}.items():
            press(page, "j")
            with page.expect_navigation(url=f"**/cases/*&do={panel}"):
                press(page, key)
            page.goto(f"{served.address}/")


def test_a_approves_low_risk_at_once_and_u_takes_it_back(browser: Browser, db_url: str) -> None:
    three(db_url, action=TAG)
    with inbox(db_url, undo_s=30) as served, visit(browser, served) as page:
        press(page, "j", "j", "a")
        expect(page.locator("#said")).to_contain_text("Approved. It goes on in")
        expect(page.locator("#rows > li")).to_have_count(2)
        assert selected(page).endswith("number 3?")
        press(page, "u")
        expect(page.locator("#rows > li")).to_have_count(3)
        expect(page.locator("#said")).to_contain_text("it waits again")


def test_c_claims_and_gives_back(browser: Browser, db_url: str) -> None:
    paused(db_url, "t1")
    with inbox(db_url) as served, visit(browser, served) as page:
        press(page, "j", "c")
        expect(page.locator("#rows")).to_contain_text("claimed by you")
        press(page, "c")
        expect(page.locator("#rows")).not_to_contain_text("claimed by you")


def test_letters_in_a_field_are_letters(browser: Browser, db_url: str) -> None:
    three(db_url, action=TAG)
    with inbox(db_url) as served, visit(browser, served) as page:
        press(page, "j", "/")
        page.keyboard.type("axe?")
        expect(page.locator("#q")).to_have_value("axe?")
        expect(page.locator("dialog[open]")).to_have_count(0)
    with Desk(db_url) as desk:
        assert len(desk.pending()) == 3


def test_whoever_has_turned_keys_off_is_left_alone(browser: Browser, db_url: str) -> None:
    """WCAG 2.1.4."""
    paused(db_url, "t1")
    with inbox(db_url) as served, visit(browser, served) as page:
        press(page, "?")
        page.get_by_label("Keys of one character are on").uncheck()
        page.get_by_role("button", name="Close").click()
        press(page, "j")
        expect(page.locator("#rows > li[aria-current=true]")).to_have_count(0)
        press(page, "Control+k")
        expect(page.locator("#palette")).to_be_visible()


def test_a_search_stands_in_the_address_and_its_enter_leads_to_the_rows(
    browser: Browser, db_url: str
) -> None:
    three(db_url)
    with inbox(db_url) as served, visit(browser, served) as page:
        press(page, "/")
        page.keyboard.type("number 3")
        expect(page.locator("#rows > li")).to_have_count(1)
        expect(page).to_have_url(f"{served.address}/?q=number+3")
        expect(page.locator("#q")).to_be_focused()
        press(page, "Enter")
        assert selected(page).endswith("number 3?")
        page.reload()
        expect(page.locator("#rows > li")).to_have_count(1)


def test_help_shows_the_keys_of_the_page(browser: Browser, db_url: str) -> None:
    with inbox(db_url) as served, visit(browser, served) as page:
        press(page, "?")
        expect(page.locator("#help")).to_contain_text("Ask for information")
        press(page, "Escape")
        expect(page.locator("#help")).not_to_be_visible()


def test_the_palette_jumps_to_pages_filters_cases_and_commands(browser: Browser, db_url: str) -> None:
    three(db_url)
    with inbox(db_url) as served, visit(browser, served, "/?who=mine") as page:
        page.get_by_text("Saved filters").click()
        page.get_by_label("Save this view as").fill("My own view")
        press(page, "Enter")
        expect(page.get_by_text("Saved filters")).to_contain_text("1")  # on the new page
        ready(page)
        for typed, wanted, address in (
            ("own view", "My own view", "**/?who=mine"),
            ("number 2", "number 2?", "**/cases/*"),
            ("go to queue", "Go to Queue", "**/"),
        ):
            press(page, "Control+k")
            page.keyboard.type(typed)
            expect(page.locator("#palette [aria-selected=true]")).to_contain_text(wanted)
            with page.expect_navigation(url=address):
                press(page, "Enter")
            ready(page)
        press(page, "Control+k")
        page.keyboard.type("next case")
        expect(page.locator("#palette [aria-selected=true] kbd")).to_have_text("j")
        press(page, "Enter")
        assert selected(page).endswith("number 1?")


def test_a_key_moves_the_selection_at_once(browser: Browser, db_url: str) -> None:
    """Under 100 ms as felt, with a full page: the median of fifty."""
    paused(db_url, "t1")
    copied(db_url, 60)
    measure = """() => {
        const took = [];
        for (let step = 0; step < 49; step++) {
            const start = performance.now();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
            document.querySelector("#rows > li[aria-current=true]").getBoundingClientRect();
            took.push(performance.now() - start);
        }
        return took.sort((a, b) => a - b)[24];
    }"""
    with inbox(db_url) as served, visit(browser, served) as page:
        press(page, "j")
        assert page.evaluate(measure) < 100
