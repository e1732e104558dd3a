"""Deciding with the keyboard alone, in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from hitl_graph import Desk, Owner
from hitl_graph.reviews import ReviewKind
from tests.inbox.browser.floor import Floor
from tests.inbox.cases import KINDS, PAY, ask, at, the_case
from tests.inbox.serving import inbox, paused, ready, visit

pytestmark = pytest.mark.xdist_group("inbox-browser")


def press(page: Page, *names: str) -> None:
    for name in names:
        page.keyboard.press(name)


def test_a_low_risk_is_approved_with_one_key_and_u_takes_it_back(floor: Floor) -> None:
    """R51, I14."""
    case = floor.ask()
    with floor.page(case) as page:
        press(page, "a")
        expect(page.locator("#case-decided")).to_contain_text("Sends in")
        expect(page.locator("#case-decided")).to_be_focused()
        assert floor.now(case).decision_type == "approve"
        press(page, "u")
        expect(page.get_by_role("button", name="Approve")).to_be_visible()
        assert floor.now(case).status == "pending"


def test_looking_at_a_low_risk_leaves_no_trace(floor: Floor) -> None:
    case = floor.ask()
    with floor.page(case) as page, Desk(floor.db_url) as desk:
        expect(page.locator("#case-history li")).to_have_count(1)
        assert [event["type"] for event in desk.history(case.id)] == ["asked"]


def test_a_higher_risk_takes_enter_as_well(floor: Floor) -> None:
    name = floor.thread()
    paused(floor.db_url, name)
    case = the_case(floor.db_url, name)
    with floor.page(case) as page:
        press(page, "a")
        expect(page.get_by_role("button", name="Approve")).to_be_focused()
        assert floor.now(case).status == "pending"
        press(page, "Enter")
        expect(page.locator("#case-decided")).to_be_visible()


def test_e_edits_shows_the_diff_and_sends_it(floor: Floor) -> None:
    """R25, R77: the tone is a field like any other."""
    name = floor.thread()
    paused(floor.db_url, name)
    case = the_case(floor.db_url, name)
    with floor.page(case) as page:
        press(page, "e")
        expect(page.get_by_label("To", exact=True)).to_be_focused()
        press(page, "Tab", "ControlOrMeta+a")
        page.keyboard.type("It comes on Tuesday.")
        expect(page.locator("#case-diff ins")).to_have_text("It comes on Tuesday.")
        press(page, "ControlOrMeta+Enter", "Enter")
        expect(page.locator("#case-decided")).to_contain_text("with changes")
    assert (floor.now(case).decision or {})["changes"] == {"body": "It comes on Tuesday."}


def test_x_rejects_with_a_reason(floor: Floor) -> None:
    case = floor.ask()
    with floor.page(case) as page:
        press(page, "x")
        page.keyboard.type("tone")
        press(page, "Enter")
        expect(page.locator("#case-decided")).to_contain_text("rejected")
    assert (floor.now(case).decision or {})["reason"] == "tone"


def test_a_number_takes_an_option_and_enter_sends_it(floor: Floor) -> None:
    """R13."""
    case = floor.ask(**KINDS["choose"])
    with floor.page(case) as page:
        press(page, "2", "Enter")
        expect(page.locator("#case-decided")).to_contain_text("delivery")


def test_i_asks_for_information(floor: Floor) -> None:
    """R17."""
    case = floor.ask(allowed=("approve", "ask_info"))
    with floor.page(case) as page:
        press(page, "i")
        page.keyboard.type("Which order?")
        press(page, "Tab", "Enter")
        expect(page.locator("#case-decided")).to_contain_text("asked for information")


def test_c_claims_and_lets_go(floor: Floor) -> None:
    with floor.page(floor.ask()) as page:
        press(page, "c")
        expect(page.locator("#case-now")).to_contain_text("You are at it")
        press(page, "c")
        expect(page.locator("#case-now")).not_to_contain_text("You are at it")


def test_t_takes_over_from_the_agent(floor: Floor) -> None:
    """R71."""
    case = floor.ask(allowed=("approve", "take_over"))
    with floor.page(case) as page, Desk(floor.db_url) as desk:
        press(page, "t")
        expect(page.locator("#dialog-take_over")).to_contain_text(
            "The agent does nothing more in this thread"
        )
        press(page, "ControlOrMeta+Enter")
        expect(page.locator("#case-decided")).to_contain_text("took")
        expect(page.locator("#case-held")).to_contain_text("taken over by ana")
        expect(page.get_by_role("link", name="Hand it back on the thread's page")).to_be_visible()
        assert [hold.value for hold in desk.holds.list() if hold.value == case.thread_id] == [case.thread_id]


def test_s_puts_it_off(floor: Floor) -> None:
    case = floor.ask()
    with floor.page(case) as page:
        press(page, "s", "ArrowDown", "ControlOrMeta+Enter")
        expect(page.locator("#case-now")).to_contain_text("Put off until")
    assert floor.now(case).snoozed_until is not None


def test_r_gives_it_to_another_group(floor: Floor) -> None:
    case = floor.ask()
    with floor.page(case) as page:
        press(page, "r")
        page.keyboard.type("finance")
        press(page, "Tab")
        page.keyboard.type("It is about money.")
        press(page, "ControlOrMeta+Enter")
        expect(page.locator(".case-head")).to_contain_text("finance")
        expect(page.locator("#case-history")).to_contain_text("It is about money.")
    assert floor.now(case).owner == "finance"


def test_escape_leaves_a_dialog_and_what_was_typed_in_it(floor: Floor) -> None:
    with floor.page(floor.ask()) as page:
        press(page, "x")
        page.keyboard.type("tone")
        press(page, "Escape", "x")
        expect(page.locator("#reject-reason")).to_have_value("tone")


def test_slash_leads_to_the_search_of_the_queue(floor: Floor) -> None:
    with floor.page(floor.ask()) as page:
        with page.expect_navigation():
            press(page, "/")
        expect(page.locator("#q")).to_be_focused()


def test_keys_are_letters_in_a_field_and_enter_decides_nothing(floor: Floor) -> None:
    case = floor.ask(proposal={"label": "spam"})
    with floor.page(case) as page:
        page.get_by_label("Label").fill("")
        page.keyboard.type("axcu")
        press(page, "Enter")
        expect(page.locator("#case-diff ins")).to_have_text("axcu")
    assert floor.now(case).status == "pending"


def test_a_high_risk_lights_up_after_the_evidence_and_the_amount(floor: Floor) -> None:
    case = floor.ask(action=PAY, proposal={"amount": 50, "to": "kim"})
    with floor.page(case) as page:
        yes = page.get_by_role("button", name="Approve")
        expect(yes).to_have_attribute("aria-disabled", "true")
        press(page, "a")
        expect(page.locator("#case-why")).to_contain_text("Open the evidence first")
        page.locator("#evidence summary").press("Enter")
        expect(page.locator("#case-why")).to_contain_text("Type 50")
        page.get_by_label(re.compile("to confirm")).fill("50")
        expect(yes).not_to_have_attribute("aria-disabled", "true")
        press(page, "Enter", "Enter")
        expect(page.locator("#case-decided")).to_be_visible()


@pytest.mark.parametrize(
    ("kind", "shows", "keys"),
    [
        ("safe_to_send", "What is proposed", ("a",)),
        ("choose", "The options", ("1", "Enter")),
        ("verify_value", "The document", ("a",)),
        ("merge", "The two records", ("a",)),
        ("rule", "The proposed rule", ("a",)),
    ],
)
def test_each_kind_has_its_own_screen_and_is_decided_by_keys(
    floor: Floor, kind: str, shows: str, keys: tuple[str, ...]
) -> None:
    """R13, R68: the conversation is whole where an answer is asked."""
    assert set(KINDS) == set(ReviewKind)  # the last one is answered below
    case = floor.ask(**KINDS[kind])
    with floor.page(case) as page:
        expect(page.get_by_role("heading", name=shows)).to_be_visible()
        press(page, *keys)
        expect(page.locator("#case-decided")).to_be_visible()


def test_an_answer_of_ones_own_is_written_and_sent_by_keys(floor: Floor) -> None:
    """R70: what goes to the customer is the reviewer's own text."""
    case = floor.ask(**KINDS["respond"])
    with floor.page(case) as page:
        expect(page.get_by_role("heading", name="The whole conversation")).to_be_visible()
        press(page, "a")
        expect(page.locator("#notices")).to_contain_text("e writes the answer")
        press(page, "e")
        expect(page.get_by_role("textbox", name="Your answer")).to_be_focused()
        page.keyboard.type("I am a person. What happened?")
        press(page, "ControlOrMeta+Enter", "Enter")
        expect(page.locator("#case-decided")).to_contain_text("answered")
    assert (floor.now(case).decision or {})["message"] == "I am a person. What happened?"


def test_j_and_k_follow_the_view_that_the_case_was_opened_from(browser: Browser, db_url: str) -> None:
    """The newest of one group's first: as the queue showed them, not as they came."""
    for number in (1, 2, 3, 4):
        question = f"Should this happen, number {number}?"
        owner = Owner("support" if number != 3 else "finance")
        ask(db_url, thread=f"t{number}", question=question, owner=owner)
    with inbox(db_url) as served, visit(browser, served, "/?owner=support&sort=newest") as page:
        press(page, "j")
        with page.expect_navigation():
            press(page, "Enter")
        seen = []
        for key in ("j", "j", "k", ""):
            ready(page)
            seen.append(page.locator("h1").inner_text()[-2:-1])
            if key:
                with page.expect_navigation():
                    press(page, key)
        assert seen == ["4", "2", "1", "2"]
        press(page, "a")
        expect(page.locator("#case-decided")).to_be_visible()
        with page.expect_navigation():
            press(page, "j")
        ready(page)
        press(page, "j")
        expect(page.locator("#notices")).to_contain_text("No case comes after this one")
        page.get_by_role("link", name="Queue", exact=True).first.click()
        page.locator(".case-head").wait_for(state="detached")


def test_without_a_mouse_from_sign_in_to_decision(browser: Browser, db_url: str) -> None:
    """R51."""
    case = ask(db_url)
    with inbox(db_url) as served, at(browser, served, case) as page:
        page.goto("about:blank")
        page.context.clear_cookies()
        page.goto(served.address)
        ready(page)
        expect(page.get_by_label("Token")).to_be_focused()
        page.keyboard.type(served.token)
        with page.expect_navigation(url=f"{served.address}/"):
            press(page, "Enter")
        ready(page)
        press(page, "j")
        with page.expect_navigation():
            press(page, "Enter")
        ready(page)
        press(page, "a")
        expect(page.locator("#case-decided")).to_be_visible()
