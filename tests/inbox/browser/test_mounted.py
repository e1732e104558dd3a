"""The inbox below a prefix of another application, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect

from hitl_graph import Approve, Desk
from hitl_graph.inbox import Settings, create_app
from hitl_graph.inbox.sign_in import LocalToken
from tests.inbox.cases import PAY, ask, the_case
from tests.inbox.serving import Served, inbox, ready, visit

pytestmark = pytest.mark.xdist_group("inbox-browser-2")


def leaving(page: Page, served: Served) -> list[str]:
    """What is asked for outside of the prefix, from now on."""
    asked: list[str] = []
    page.on("request", lambda one: None if one.url.startswith(served.address) else asked.append(one.url))
    return asked


def test_a_case_is_found_edited_and_decided_below_a_prefix(browser: Browser, db_url: str) -> None:
    """Addresses, static files, forms, drafts, the stream and the way from sign-in: nothing leaves the prefix."""
    ask(db_url)
    with inbox(db_url, prefix="/review") as served, visit(browser, served) as page:
        asked = leaving(page, served)
        page.keyboard.press("j")
        with page.expect_navigation(url="**/review/cases/**"):
            page.keyboard.press("Enter")
        ready(page)
        page.get_by_label("Label").fill("eggs")
        expect(page.locator("#case-saved")).to_contain_text("Saved as your draft")
        expect(page.locator("#case-diff ins")).to_have_text("eggs")
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#case-decided")).to_contain_text("with changes")
        page.keyboard.press("u")
        expect(page.get_by_label("Label")).to_have_value("eggs")
        assert asked == []


def test_news_come_below_a_prefix(browser: Browser, db_url: str) -> None:
    case = ask(db_url)
    with inbox(db_url, prefix="/a/b") as served, visit(browser, served) as page, Desk(db_url) as desk:
        expect(page.locator("#rows > li")).to_have_count(1)
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        expect(page.locator("#rows > li")).to_have_count(0)


def test_the_palette_and_filters_stay_below_a_prefix(browser: Browser, db_url: str) -> None:
    ask(db_url)
    with inbox(db_url, prefix="/review") as served, visit(browser, served) as page:
        page.get_by_label("Search").fill("happen")
        expect(page).to_have_url(f"{served.address}/?q=happen")
        page.keyboard.press("Control+k")
        page.keyboard.type("should this")
        expect(page.locator("#palette [aria-selected=true]")).to_contain_text("Should this happen")
        with page.expect_navigation(url=f"{served.address}/cases/**"):
            page.keyboard.press("Enter")


def test_signing_out_and_in_again_stays_below_a_prefix(browser: Browser, db_url: str) -> None:
    case = ask(db_url)
    with inbox(db_url, prefix="/review") as served, visit(browser, served) as page:
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{served.address}/sign-in")
        page.goto(f"{served.address}/cases/{case.id}?thread=t1")
        page.get_by_label("Token").fill(served.token)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{served.address}/cases/{case.id}?thread=t1")


def test_two_inboxes_on_one_host_do_not_share_a_session(browser: Browser, db_url: str) -> None:
    """Each prefix has a cookie of its own, which is sent nowhere else."""
    with inbox(db_url, prefix="/review") as served, visit(browser, served) as page:
        [cookie] = page.context.cookies()
        assert (cookie["path"], cookie["name"].endswith("-review")) == ("/review/", True)


@pytest.fixture
def unopened(db_url: str) -> Iterator[TestClient]:
    """Mounted by an application that does not open it."""
    outer = FastAPI()
    outer.mount("/review", create_app(Settings(sign_in=LocalToken("ana")), url=db_url))
    with TestClient(outer, base_url="http://127.0.0.1") as made:
        yield made


def test_who_mounts_it_without_opening_it_is_told_how(unopened: TestClient) -> None:
    with pytest.raises(RuntimeError, match="lifespan_context"):
        unopened.get("/review/")


def test_a_high_risk_is_approved_below_a_prefix_without_scripts(browser: Browser, db_url: str) -> None:
    """Forms are forms there too: the evidence is read, the amount typed."""
    ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    with (
        inbox(db_url, prefix="/review") as served,
        visit(browser, served, "/", java_script_enabled=False) as page,
    ):
        page.locator("#rows a.title").click()
        page.locator("#evidence summary").first.click()
        page.get_by_role("button", name="I have read this").click()
        expect(page.locator("[data-opened-count]")).to_have_text("1 of 1 opened")
        page.locator("#confirmed").fill("50")
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("#case-decided")).to_be_visible()
    assert the_case(db_url).decision_type == "approve"
