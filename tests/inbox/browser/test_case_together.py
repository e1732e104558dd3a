"""Several people at one case, and a case that changes while it is open, in browsers."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from hitl_graph import Approve, Desk
from tests.inbox.browser.floor import Floor
from tests.inbox.cases import change
from tests.inbox.serving import ready
from tests.notices.receivers import query

pytestmark = pytest.mark.xdist_group("inbox-browser")


def test_of_two_who_race_one_wins_and_the_other_is_told(floor: Floor) -> None:
    """I1."""
    case = floor.ask(proposal={"label": "spam"})
    with (
        floor.page(case, allow=(409,)) as ana,
        floor.page(case, who="ben", allow=(409,)) as ben,
    ):
        ana.keyboard.press("x")
        ana.keyboard.type("my own words")
        ben.keyboard.press("a")
        expect(ben.locator("#case-decided")).to_be_visible()
        expect(ana.locator("#case-now")).to_contain_text("ben")
        expect(ana.locator("#dialog-reject")).to_be_hidden()
    assert floor.now(case).by == "ben"


def test_of_two_who_press_at_once_one_wins_and_the_other_reads_why(floor: Floor) -> None:
    """I1: neither page has heard of the other; what the loser wrote stands there still."""
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case, allow=(409,)) as ana, floor.page(case, who="ben", allow=(409,)) as ben:
        for page in (ana, ben):
            page.route("**/now?**", lambda _: None)  # never answered
        ana.get_by_label("Label").fill("my own words")
        expect(ana.locator("#case-diff ins")).to_have_text("my own words")
        ben.keyboard.press("a")
        ana.get_by_role("button", name="Send with the changes").click()
        for page in (ana, ben):
            expect(page.locator("#case-decided")).to_be_visible()
        winner = floor.now(case).by
        assert winner in ("ana", "ben")
        lost = ana if winner == "ben" else ben
        expect(lost.locator("#case-problem")).to_contain_text(f"{winner} ")
        if lost is ana:
            expect(ana.locator("#case")).to_contain_text("my own words")


def test_a_decision_of_somebody_else_shows_by_itself(floor: Floor) -> None:
    """Live: the page hears of the commit."""
    case = floor.ask()
    with floor.page(case) as page, Desk(floor.db_url) as desk:
        expect(page.locator("#case-history li")).to_have_count(1)
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        expect(page.locator("#case-now")).to_contain_text("ben approved it")
        expect(page.locator("#case-history li")).to_have_count(2)


def test_what_is_being_typed_stays_when_something_happens(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case) as page, Desk(floor.db_url) as desk:
        page.get_by_label("Label").fill("eggs")
        desk.claim(case.id, by="ben")
        expect(page.locator("#case-now")).to_contain_text("ben is at it")
        expect(page.get_by_label("Label")).to_be_focused()
        expect(page.get_by_label("Label")).to_have_value("eggs")


def test_a_case_that_changes_says_so_and_keeps_what_was_typed(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case, allow=(409,)) as page:
        page.get_by_label("Label").fill("eggs")
        expect(page.locator("#case-diff ins")).to_have_text("eggs")
        change(floor.db_url, {"label": "ham"}, thread=case.thread_id)
        expect(page.locator("#case-changed")).to_be_visible()
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#case-problem")).to_be_focused()
        expect(page.locator("#case-problem del")).to_have_text("spam")
        expect(page.locator("#case-problem ins")).to_have_text("ham")
        expect(page.get_by_label("Label")).to_have_value("eggs")
    assert floor.now(case).status == "pending"


def test_a_draft_is_there_after_a_reload(floor: Floor) -> None:
    """I9."""
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case) as page:
        page.get_by_label("Label").fill("eggs")
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        page.reload()
        expect(page.get_by_label("Label")).to_have_value("eggs")
        expect(page.locator("#case-saved")).to_contain_text("was put back")
        expect(page.locator("#case-diff ins")).to_have_text("eggs")
        page.get_by_role("button", name="Throw my draft away").click()
        expect(page.get_by_label("Label")).to_have_value("spam")


def test_a_draft_is_its_authors_alone_and_outlives_a_takeover(floor: Floor) -> None:
    """I9."""
    case = floor.ask(proposal={"label": "spam"})
    with (
        floor.page(case) as ana,
        floor.page(case, who="ben") as ben,
    ):
        ana.keyboard.press("c")
        ana.get_by_label("Label").fill("eggs")
        expect(ana.locator("#case-saved")).to_contain_text("Saved as your draft")
        expect(ben.locator("#case-now")).to_contain_text("ana is at it")
        ben.keyboard.press("t")
        ben.keyboard.type("She is away.")
        ben.get_by_role("button", name="Take it", exact=True).click()
        expect(ben.locator("#case-now")).to_contain_text("You are at it")
        expect(ben.get_by_label("Label")).to_have_value("spam")
        expect(ana.locator("#case-now")).to_contain_text("ben is at it")
        expect(ana.locator("#case-history")).to_contain_text("She is away.")
        ana.reload()
        expect(ana.get_by_label("Label")).to_have_value("eggs")


def test_others_see_who_looks_and_who_writes(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with (
        floor.page(case) as ana,
    ):
        with floor.page(case, who="ben") as ben:
            expect(ana.locator(".presence")).to_contain_text("ben is viewing")
            ben.get_by_label("Label").fill("eggs")
            expect(ana.locator(".presence")).to_contain_text("ben is editing")
        expect(ana.locator(".presence")).to_have_count(0)


def test_a_problem_with_one_form_keeps_what_stands_in_the_other(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case, allow=(422,)) as page:
        page.get_by_label("Label").fill("eggs")
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        page.locator("h1").click()
        page.keyboard.press("x")
        page.get_by_role("button", name="Reject", exact=True).last.click()
        expect(page.locator("#reject-reason")).to_be_focused()
        expect(page.locator("#reject-reason-error")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_label("Label")).to_have_value("eggs")


def test_a_draft_outlives_the_end_of_its_claim(floor: Floor) -> None:
    """I9."""
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case) as page:
        page.keyboard.press("c")
        expect(page.locator("#case-now")).to_contain_text("You are at it")
        page.get_by_label("Label").fill("eggs")
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        query(
            floor.db_url,
            "UPDATE hitl.reviews SET claimed_until = now() - interval '1 minute' WHERE thread_id = %s RETURNING id",
            case.thread_id,
        )
        page.reload()
        ready(page)
        expect(page.locator("#case-now")).not_to_contain_text("You are at it")
        expect(page.get_by_label("Label")).to_have_value("eggs")
