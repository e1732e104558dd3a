"""What the desk would refuse now is not lit on the case's page: its keys say why, and the way out is beside it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from hitl_graph import Approve, Desk, Option, open_checkpointer
from tests.inbox.browser.floor import Floor
from tests.inbox.cases import PAY, address, ask
from tests.inbox.serving import inbox, paused, ready, visit
from tests.notices.receivers import query
from tests.support.graphs import mail_graph

pytestmark = pytest.mark.xdist_group("inbox-browser-2")


def palette(page: Page, words: str) -> list[str]:
    """What the palette lists for words."""
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    expect(page.locator("#palette-said")).not_to_be_empty()
    found = page.locator("#palette-options li span:first-child").all_inner_texts()
    page.keyboard.press("Escape")
    expect(page.locator("#palette-text")).not_to_be_focused()
    return found


def test_while_somebody_is_at_it_keys_say_who_and_t_takes_it_over(floor: Floor) -> None:
    """R34: also on a page that was open before they claimed it, without losing what is typed there."""
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case) as page, Desk(floor.db_url) as desk:
        yes = page.get_by_role("button", name="Approve")
        expect(yes).not_to_have_attribute("aria-disabled", "true")
        assert palette(page, "put it off") == ["Put it off"]
        desk.claim(case.id, by="ben")
        expect(yes).to_have_attribute("aria-disabled", "true")
        expect(page.get_by_role("button", name="Reject").first).to_have_attribute("aria-disabled", "true")
        expect(page.get_by_role("button", name="Put it off")).to_have_count(0)
        assert palette(page, "put it off") == []
        page.keyboard.press("a")
        expect(page.locator("#case-bar [data-bar]")).to_be_focused()
        for key in "xrsc":
            page.locator("#notices").evaluate("(one) => one.replaceChildren()")
            page.keyboard.press(key)
            expect(page.locator("#notices")).to_contain_text("ben is at it. t takes it from them.")
        yes.click(force=True)
        assert floor.now(case).status == "pending"
        page.keyboard.press("t")
        page.keyboard.type("He is away.")
        page.get_by_role("button", name="Take it", exact=True).click()
        expect(page.locator("#case-now")).to_contain_text("You are at it")
        expect(yes).not_to_have_attribute("aria-disabled", "true")
        expect(page.locator("#case-bar")).to_be_empty()


def test_what_somebody_lets_go_is_lit_again_at_once(floor: Floor) -> None:
    case = floor.ask()
    with Desk(floor.db_url) as desk:
        desk.claim(case.id, by="ben")
        with floor.page(case) as page:
            yes = page.get_by_role("button", name="Approve")
            expect(yes).to_have_attribute("aria-disabled", "true")
            desk.release(case.id, by="ben")
            expect(yes).not_to_have_attribute("aria-disabled", "true")
            page.keyboard.press("a")
            expect(page.locator("#case-decided")).to_be_visible()


def test_u_says_that_it_is_too_late_since_when_and_what_else_there_is(floor: Floor) -> None:
    """I14."""
    name = floor.thread()
    paused(floor.db_url, name)
    with Desk(floor.db_url) as desk, open_checkpointer(floor.db_url) as saver:
        [case] = desk.cases(thread_id=name)
        with floor.page(case) as page:
            page.keyboard.press("u")
            expect(page.locator("#notices")).to_contain_text("Nothing is decided here")
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            desk.resume(mail_graph().compile(checkpointer=saver), thread_ids=[name])
            expect(page.locator("#case-now")).to_contain_text("Too late")
            page.keyboard.press("u")
            expect(page.locator("#notices")).to_contain_text(
                "Too late to take it back: the graph was told at"
            )
            expect(page.locator("#notices")).to_contain_text("What comes next in this thread can be held")
            page.goto(f"{floor.served['ana'].address}/?tab=decided&q={name}")
            ready(page)
            page.keyboard.press("j")
            page.keyboard.press("u")
            expect(page.locator("#notices")).to_contain_text(
                "Too late to take it back: the graph was told at"
            )


def test_an_edit_that_is_refused_comes_back_with_its_diff_and_the_focus(floor: Floor) -> None:
    """R25: the button stays that of an edit, before and after it is sent."""
    case = floor.ask(proposal={"amount": 5, "to": "kim"})
    with floor.page(case, allow=(422,)) as page:
        page.get_by_label("To", exact=True).fill("lee")
        page.get_by_label("Amount").fill("five")
        expect(page.locator("#case-diff .error")).to_be_visible()
        send, yes = (page.get_by_role("button", name=name) for name in ("Send with the changes", "Approve"))
        expect(send).to_be_visible()
        expect(yes).to_be_hidden()
        send.click()
        expect(page.get_by_label("Amount")).to_be_focused()
        expect(page.locator("[aria-invalid]")).to_have_count(1)
        expect(page.locator("#case-diff ins")).to_have_text(["five", "lee"])
        expect(send).to_be_visible()
        expect(yes).to_be_hidden()
        page.get_by_label("Amount").fill("7")
        expect(page.locator("#case-diff ins")).to_have_text(["7", "lee"])
        send.click()
        expect(page.locator("#case-decided")).to_contain_text("with changes")


def test_the_number_of_an_option_that_is_not_for_them_says_why(browser: Browser, db_url: str) -> None:
    """By what each lets through; the others can be chosen."""
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support"], roles=["admin"])
        desk.authority.put("refund", group="support", max_amount=20, by="ana")
    options = [Option("50"), Option("10")]
    asked = {"kind": "choose", "option_field": "amount", "options": options}
    case = ask(db_url, action=PAY, proposal={"amount": "50", "to": "kim"}, **asked)
    with inbox(db_url, person="ana") as served, visit(browser, served, address(case)) as page:
        page.keyboard.press("1")
        expect(page.locator("#notices")).to_contain_text("Not for you: ana may let “refund” through up to 20")
        expect(page.locator("#option-1")).not_to_be_checked()
        page.keyboard.press("2")
        expect(page.locator("#option-2")).to_be_checked()


def test_a_claim_that_ends_by_itself_is_noticed(floor: Floor) -> None:
    """On the case's page and in the queue, though nobody did anything."""
    case = floor.ask(proposal={"label": "spam"})
    ends = (
        "UPDATE hitl.reviews SET claimed_until = now() + interval '4 s' WHERE id = %s RETURNING claimed_until"
    )
    with Desk(floor.db_url) as desk:
        desk.claim(case.id, by="ben", thread_id=case.thread_id)
    with floor.page(case) as page, floor.page(f"/?q={case.thread_id}") as queue:
        query(floor.db_url, ends, case.id)
        page.reload()
        queue.reload()
        yes, row = page.get_by_role("button", name="Approve"), queue.locator("#rows li").first
        expect(yes).to_have_attribute("aria-disabled", "true")
        expect(row).not_to_have_attribute("data-takes", re.compile(r"\bdecide\b"))
        expect(row).to_have_attribute("data-takes", re.compile(r"\bdecide\b"), timeout=15_000)
        expect(yes).not_to_have_attribute("aria-disabled", "true", timeout=15_000)
