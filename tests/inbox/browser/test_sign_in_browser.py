"""Coming in and going out, in a browser: the token, a proxy's header, a provider."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from hitl_graph import Desk
from hitl_graph.inbox.sign_in import OpenIdConnect, ProxyHeader
from tests.inbox.cases import address, ask
from tests.inbox.provider import CLIENT, SECRET, oidc_provider
from tests.inbox.serving import inbox, ready, visit
from tests.support.browser import watched

pytestmark = pytest.mark.xdist_group("inbox-browser-2")


def test_a_wrong_token_is_said_beside_the_field_and_the_right_one_leads_on(
    browser: Browser, db_url: str
) -> None:
    """To the page that was asked for; and the token does not stay in the address."""
    case = ask(db_url)
    with inbox(db_url) as served, watched(browser) as (page, _):
        page.goto(served.address + address(case))
        expect(page.get_by_label("Token")).to_be_focused()
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("alert")).to_be_visible()
        page.goto(served.entry(address(case)))
        expect(page).to_have_url(served.address + address(case))
        assert served.token not in page.evaluate("document.referrer")


def test_who_signs_out_is_out_in_every_tab(browser: Browser, db_url: str) -> None:
    ask(db_url)
    with inbox(db_url) as served, visit(browser, served, allow=(401, "sse")) as page:
        other = page.context.new_page()
        other.goto(served.address)
        other.get_by_role("button", name="Sign out").click()
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        page.keyboard.press("j")
        page.keyboard.press("c")
        expect(page).to_have_url(f"{served.address}/sign-in?to=%2F")


def test_whom_the_proxy_names_is_in_and_decides(browser: Browser, db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support"])
    with inbox(db_url, sign_in=ProxyHeader()) as served:
        with watched(browser, extra_http_headers={"x-forwarded-user": "ana"}) as (page, errors):
            page.goto(served.address + address(case))
            ready(page)
            page.keyboard.press("a")
            expect(page.locator("#case-decided")).to_contain_text("ana approved it")
            assert errors == []
        with watched(browser, extra_http_headers={"x-forwarded-user": "eve"}) as (page, errors):
            page.goto(served.address)
            expect(page.get_by_text("eve is not listed as somebody who may come in")).to_be_visible()
            assert [one for one in errors if "403" not in one] == []


def test_a_provider_is_asked_and_leads_back_to_the_page_that_was_wanted(
    browser: Browser, db_url: str
) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana@example.com", name="Ana Pires", groups=["support"])
    with oidc_provider() as provider:
        way = OpenIdConnect(provider.issuer, CLIENT, SECRET)
        with inbox(db_url, sign_in=way, prefix="/review") as served, watched(browser) as (page, errors):
            page.goto(served.address + address(case))
            page.get_by_role("link", name="Sign in with your organisation").press("Enter")
            expect(page).to_have_url(served.address + address(case))
            ready(page)
            page.keyboard.press("a")
            expect(page.locator("#case-decided")).to_contain_text("ana@example.com approved it")
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("link", name="Sign in with your organisation")).to_be_visible()
            assert errors == []
