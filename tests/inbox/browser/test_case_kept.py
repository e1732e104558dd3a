"""What somebody has typed is never lost: without a connection, signed out, too long, decided meanwhile."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from hitl_graph import Approve, Desk
from tests.inbox.browser.floor import Floor
from tests.notices.receivers import query

pytestmark = pytest.mark.xdist_group("inbox-browser-2")

LOST = ("ERR_", "htmx:sse:error", "Failed to fetch", "NetworkError")


def typed(page: Page, text: str) -> None:
    """Type, and see what the page says of it."""
    page.get_by_label("Label").fill(text)


def signed_out(floor: Floor) -> None:
    """Every session ends now."""
    query(floor.db_url, "DELETE FROM hitl.sessions RETURNING key")


def signed_in_again(floor: Floor, page: Page) -> None:
    """In another tab of the same browser."""
    tab = page.context.new_page()
    tab.goto(floor.served["ana"].entry("/settings/me"))
    expect(tab.locator("main")).to_be_visible()
    tab.close()


def test_without_a_connection_it_says_so_and_saves_when_it_is_back(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case, allow=LOST) as page:
        page.context.set_offline(True)
        typed(page, "eggs")
        expect(page.locator("#case-saved")).to_contain_text("Not saved: there is no connection")
        expect(page.locator("#case-saved")).to_contain_text("still on this page: leave it open")
        page.context.set_offline(False)
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        expect(page.get_by_label("Label")).to_have_value("eggs")


def test_what_is_typed_while_the_words_before_are_saved_is_not_taken_for_saved(floor: Floor) -> None:
    """Nor is it sent without its diff: only an answer about all that stands there says that it is kept."""
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case) as page:
        diff, said = page.evaluate("""async () => {
            const box = document.querySelector("[name='changes.label']");
            const type = (text) => { box.value = text; box.dispatchEvent(new Event("input", { bubbles: true })); };
            const plain = window.fetch;
            let release;
            const held = new Promise((done) => { release = done; });
            const asked = new Promise((done) => {
                window.fetch = async (...given) => {
                    const answer = await plain(...given);
                    if (!String(given[0]).endsWith("/draft")) return answer;
                    window.fetch = plain;
                    done();
                    await held;
                    return answer;
                };
            });
            type("eggs");
            await asked;
            type("eggs and ham");
            release();
            await new Promise((done) => setTimeout(done, 100));
            return ["case-diff", "case-saved"].map((id) => document.getElementById(id).textContent);
        }""")
        assert ("eggs" in diff) == ("ham" in diff) == ("Saved" in said)
        expect(page.locator("#case-diff")).to_contain_text("ham")
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        page.reload()
        expect(page.get_by_label("Label")).to_have_value("eggs and ham")


def test_a_session_that_ends_in_the_middle_of_an_edit_loses_nothing(floor: Floor) -> None:
    """I9: what is typed is saved as soon as the same person is signed in again in another tab, and can be sent."""
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case, allow=(401, 403, *LOST)) as page:
        signed_out(floor)
        typed(page, "eggs")
        expect(page.locator("#case-saved")).to_contain_text("Not saved: you are not signed in any more.")
        expect(page.locator("#case-saved a")).to_have_text("Sign in in another tab")
        expect(page.get_by_label("Label")).to_have_value("eggs")
        signed_in_again(floor, page)
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#case-decided")).to_contain_text("with changes")
    assert (floor.now(case).decision or {})["changes"] == {"label": "eggs"}


def test_a_decision_after_the_session_ended_is_not_taken_and_can_be_sent_again(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case, allow=(401, 403, *LOST)) as page:
        typed(page, "eggs")
        expect(page.locator("#case-diff ins")).to_have_text("eggs")
        signed_out(floor)
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#notices")).to_contain_text(
            "You are not signed in any more, and nothing was done."
        )
        expect(page.get_by_label("Label")).to_have_value("eggs")
        signed_in_again(floor, page)
        expect(page.locator("#notices")).to_contain_text("You are signed in again.")
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#case-decided")).to_contain_text("with changes")
    assert floor.now(case).by == "ana"


def test_what_is_too_long_to_keep_says_what_to_do(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case, allow=(413,)) as page:
        field = page.get_by_label("Label")
        field.evaluate("(one) => { one.value = 'x'.repeat(2_200_000); }")
        field.dispatch_event("input")
        expect(page.locator("#case-saved")).to_contain_text("Not saved: it is too long.")
        expect(page.locator("#case-saved")).to_contain_text("shorten it")
        typed(page, "short")
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")


def test_what_was_typed_when_somebody_else_decided_is_shown(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case) as page, Desk(floor.db_url) as desk:
        typed(page, "eggs")
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        expect(page.locator("#case-now")).to_contain_text("ben approved it")
        page.reload()
        expect(page.get_by_role("heading", name="What you had written")).to_be_visible()
        expect(page.locator("#case")).to_contain_text("eggs")
