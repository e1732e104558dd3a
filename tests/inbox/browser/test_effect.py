"""From the click to what happens in the world: the demo's mails in a maildir, taken back in time or too late."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hitl_graph import Case, Desk, open_checkpointer
from hitl_graph.demo.graph import build_support_desk, ticket_input
from hitl_graph.demo.inbox_reader import Message
from tests.inbox.cases import address, at
from tests.inbox.serving import inbox, ready
from tests.support.graphs import thread

pytestmark = pytest.mark.xdist_group("inbox-browser-2")

LETTER = "I topped up 50 with Apple Pay and it vanished again."


def desk_case(db_url: str, maildir: Path, text: str = LETTER) -> Case:
    """The support desk has drafted a letter, and asks."""
    with open_checkpointer(db_url) as saver:
        build_support_desk(saver).invoke(
            ticket_input(Message(index=1, text=text), maildir=maildir), thread("t1")
        )
    with Desk(db_url) as desk:
        return desk.pending(thread_id="t1")[0]


def go_on(db_url: str) -> None:
    """What a worker does with what is decided."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        desk.resume(build_support_desk(saver))


def bodies(maildir: Path) -> list[str]:
    """What was sent."""
    found = sorted((maildir / "new").glob("*"))
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in found]
    return [mail.get_content().strip() for mail in mails]


def approve(page: Page, case: Case) -> None:
    """Everything that a letter takes: its evidence read, its recipient typed, then the yes."""
    for piece in page.locator("#evidence > details > summary").all():
        if not piece.locator("xpath=..").evaluate("one => one.open"):
            piece.press("Enter")
    if page.locator("#confirmed").count():
        page.locator("#confirmed").fill(page.locator("[data-wanted]").get_attribute("data-wanted") or "")
    yes = page.locator("[data-yes]:visible")
    expect(yes).not_to_have_attribute("aria-disabled", "true")
    yes.press("Enter")
    expect(page.locator("#case-decided")).to_be_visible()


def test_what_was_edited_shown_and_approved_is_what_is_sent(
    browser: Browser, db_url: str, tmp_path: Path
) -> None:
    """R25, R77: edit, diff, yes, and the edited words are in the maildir, once."""
    case = desk_case(db_url, tmp_path)
    mine = "Hello,\n\nwe have found your 50 and put it back. I am sorry for the trouble.\n\nAna"
    with inbox(db_url, undo_s=0) as served, at(browser, served, case) as page:
        page.keyboard.press("e")
        page.get_by_label("Body").fill(mine)
        expect(page.locator("#case-diff ins").first).to_contain_text("found")
        expect(page.locator("#case-diff del").first).to_be_visible()
        approve(page, case)
        assert bodies(tmp_path) == []
        go_on(db_url)
        expect(page.locator("#case-decided")).to_contain_text("Too late to take it back")
    assert bodies(tmp_path) == [mine]


def test_what_is_taken_back_in_time_is_not_sent(browser: Browser, db_url: str, tmp_path: Path) -> None:
    """I14: a worker that comes in between sends nothing, and the case waits again with what was typed."""
    case = desk_case(db_url, tmp_path)
    with inbox(db_url, undo_s=30) as served, at(browser, served, case) as page:
        page.get_by_label("Subject").fill("Found")
        expect(page.locator("#case-diff ins").first).to_be_visible()
        approve(page, case)
        expect(page.locator("#case-decided")).to_contain_text("Sends in")
        go_on(db_url)
        page.keyboard.press("u")
        expect(page.get_by_label("Subject")).to_have_value("Found")
        go_on(db_url)
    assert bodies(tmp_path) == []


def test_after_the_window_undo_says_plainly_that_it_is_too_late(
    browser: Browser, db_url: str, tmp_path: Path
) -> None:
    """On a page that has not heard yet that it was sent."""
    case = desk_case(db_url, tmp_path)
    with inbox(db_url, undo_s=0.3) as served, at(browser, served, case, allow=(409,)) as page:
        approve(page, case)
        expect(page.locator("#case-decided")).to_contain_text("goes out with the next run")
        page.route("**/now?**", lambda _: None)  # never answered
        go_on(db_url)
        page.keyboard.press("u")
        expect(page.locator("#case-problem")).to_contain_text(
            "too late to take this back: the graph was told"
        )
        expect(page.locator("#case-decided")).to_contain_text("Too late to take it back")
    assert len(bodies(tmp_path)) == 1


def test_who_answers_in_their_own_words_writes_the_letter(
    browser: Browser, db_url: str, tmp_path: Path
) -> None:
    """R68, R70: a complaint is answered by a person; their words are the mail to the customer's address."""
    case = desk_case(db_url, tmp_path, "I was charged twice, this is unacceptable.")
    mine = "I am sorry. The second charge is on its way back to you."
    with inbox(db_url, undo_s=0) as served, at(browser, served, case) as page:
        page.get_by_role("textbox", name="Your answer").fill(mine)
        page.get_by_role("button", name="Send the answer").press("Enter")
        expect(page.locator("#case-decided")).to_be_visible()
        go_on(db_url)
        with Desk(db_url) as desk:
            [letter] = desk.pending(thread_id="t1")
        page.goto(served.address + address(letter))
        ready(page)
        expect(page.get_by_label("Body")).to_have_value(mine)
        approve(page, letter)
        go_on(db_url)
    assert bodies(tmp_path) == [mine]
