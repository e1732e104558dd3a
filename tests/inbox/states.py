"""Every page of the inbox in each of its states, on the support desk of `desk_cases`: for axe-core and for pictures."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hitl_graph import Approve, Desk
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.inbox.sign_in import OpenIdConnect, ProxyHeader
from tests.inbox.cases import address
from tests.inbox.desk_cases import BEN, ME, MIRA, Graphs, case_of, fill, graphs_on
from tests.inbox.desk_graphs import GRAPHS
from tests.inbox.desk_waiting import spam
from tests.inbox.serving import Served, inbox
from tests.inbox.test_hostile_text import EVERYTHING, UNSEEN, hostile

__all__ = ["STATES", "Office", "State", "Window", "office", "show"]

_FRIEND = "https://issuer.example.com"


@dataclasses.dataclass(frozen=True)
class Office:
    """The support desk and its inboxes, all on one database.

    Attributes:
        db_url: The database. desk: For what others do meanwhile. graphs: What asks.
        served: Where each inbox is: `main`, `empty` (nothing has happened in it), `proxy` and `oidc` (other sign-ins).
    """

    db_url: str
    desk: SyncDesk
    graphs: Graphs
    served: dict[str, Served]

    def case(self, thread: str) -> str:
        """The address of a thread's case."""
        return address(case_of(self.desk, thread))


@contextlib.contextmanager
def office(db_url: str) -> Iterator[Office]:
    """The desk, filled, and its inboxes served. The database must be fresh."""
    fill(db_url)
    drawn = {name: graph().compile(name=name) for name, graph in GRAPHS.items()}
    friend = OpenIdConnect(_FRIEND, "inbox", "a-secret-of-the-tests")
    with contextlib.ExitStack() as stack:
        desk = stack.enter_context(Desk(db_url))
        graphs = stack.enter_context(graphs_on(db_url))
        served = {
            "main": stack.enter_context(inbox(db_url, person=ME, undo_s=30, graphs=drawn)),
            "empty": stack.enter_context(inbox(db_url, person=ME, tenant="empty")),
            "proxy": stack.enter_context(inbox(db_url, sign_in=ProxyHeader())),
            "oidc": stack.enter_context(inbox(db_url, sign_in=friend)),
        }
        yield Office(db_url, desk, graphs, served)


@dataclasses.dataclass(frozen=True)
class Window:
    """A browser with one context for each inbox and person, in which its pages are opened."""

    browser: Browser
    office: Office
    how: dict[str, Any] = dataclasses.field(default_factory=dict)
    contexts: dict[tuple[str, str], BrowserContext] = dataclasses.field(default_factory=dict)

    def page(self, where: str, who: str) -> Page:
        """A new page of a context, signed in unless `who` is empty."""
        if (where, who) not in self.contexts:
            extra = {"x-forwarded-user": who} if where == "proxy" and who else {}
            made = self.browser.new_context(locale="en-GB", extra_http_headers=extra, **self.how)
            self.contexts[where, who] = made
            if who and where != "proxy":
                first = made.new_page()
                first.goto(self.office.served[where].entry("/settings/me"))
                first.close()
        return self.contexts[where, who].new_page()

    def close(self) -> None:
        """All of it."""
        for one in self.contexts.values():
            one.close()


@dataclasses.dataclass(frozen=True)
class State:
    """One state of a page.

    Attributes:
        name: Of the picture. to: The page's address, or what makes it.
        then: What is done on the page. before: What is done before it is opened.
        where, who: Which inbox, and whether somebody is signed in there.
        alone: Whether what it does is seen in other states, which so come before it.
    """

    name: str
    to: str | Callable[[Office], str]
    then: Callable[[Page, Office], None] | None = None
    before: Callable[[Office], None] | None = None
    where: str = "main"
    who: str = ME


def show(window: Window, state: State) -> Page:
    """The page in this state. Whoever gets it closes it."""
    if state.before:
        state.before(window.office)
    page = window.page(state.where, state.who)
    to = state.to if isinstance(state.to, str) else state.to(window.office)
    page.goto(window.office.served[state.where].address + to)
    expect(page.locator("main")).to_be_visible()
    if to.startswith("/cases/") and page.locator("#case").count():
        expect(page.locator("#case[data-ready]")).to_be_attached()
    if state.then:
        state.then(page, window.office)
    return page


# --- what is done on pages ------------------------------------------------------------------------------------------


def _case(thread: str) -> Callable[[Office], str]:
    return lambda office: office.case(thread)


def _some_spam(office: Office) -> None:
    """Enough of it is there, also where other states have decided some."""
    known = office.desk.cases(gate="spam_check")
    waiting = sum(case.status == "pending" for case in known)
    for number in range(8300 + len(known), 8300 + len(known) + max(0, 4 - waiting)):
        name, _, gate, proposal, given = spam(number, "hello@cheap-links.example", "We sell links.")
        office.graphs.ask(name, gate, proposal, given)


def _ticked(page: Page, _: Office) -> None:
    for box in page.locator("#rows .tick input").all()[:2]:
        box.check()
    page.locator("#rows a.title").nth(2).focus()
    expect(page.locator("#bulk")).to_be_visible()


def _bulk_done(page: Page, office: Office) -> None:
    _ticked(page, office)
    page.locator("#bulk-approve").click()
    expect(page.locator("#said .notice")).to_be_visible()


def _selected(page: Page, _: Office) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#rows li[aria-current]")).to_have_count(1)


def _palette(page: Page, _: Office) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("re")
    expect(page.locator("#palette-options li").nth(3)).to_be_visible()
    expect(page.locator("#palette-options")).to_contain_text("refund")


def _help(page: Page, _: Office) -> None:
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()


def _offline(page: Page, _: Office) -> None:
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("#offline")).to_be_visible()


def _opened(page: Page, _: Office) -> None:
    for summary in page.locator("details.evidence > summary").all():
        summary.click()
    expect(page.locator("[data-opened-count]")).to_contain_text("2 of 2")
    page.locator("#confirmed").fill("489.5")
    expect(page.locator("[data-yes][value=approve]")).not_to_have_attribute("aria-disabled", "true")


def _edited(page: Page, _: Office) -> None:
    body = page.get_by_label("Body", exact=True)
    body.fill(body.input_value().replace("on Friday, a day before you leave", "by Thursday evening"))
    expect(page.locator("#case-diff ins").first).to_be_visible()


def _wrong(page: Page, office: Office) -> None:
    page.get_by_label("To", exact=True).fill("hannah")
    expect(page.locator("#case-diff .error")).to_be_visible()
    page.locator("[data-yes]:visible").click()
    expect(page.locator("[aria-invalid]").first).to_be_visible()


def _rejecting(page: Page, _: Office) -> None:
    page.keyboard.press("x")
    page.locator("#dialog-reject").get_by_role("button", name="Reject").click()
    expect(page.locator("#reject-reason-error")).to_be_visible()


def _rerouting(page: Page, _: Office) -> None:
    page.keyboard.press("r")
    expect(page.locator("#dialog-reroute")).to_be_visible()


def _taking(page: Page, _: Office) -> None:
    page.keyboard.press("t")
    expect(page.locator("#dialog-take-claim")).to_be_visible()


def _claimed(office: Office) -> None:
    case = case_of(office.desk, "ticket-8177")
    if not case.claimed_by:
        office.desk.claim(case.id, by=MIRA)


def _decided(office: Office) -> None:
    case = case_of(office.desk, "ticket-8232")
    if case.status == "pending":
        office.desk.decide(case.id, Approve(), by=ME, digest=case.digest, undo_s=30)


def _stale(page: Page, office: Office) -> None:
    mail = {
        "to": "t.abernathy@example.org",
        "subject": "Your key ring",
        "body": "Dear Thomas, it is back on Monday.",
    }
    number = case_of(office.desk, "ticket-8199").proposal["body"].count("!")
    mail["body"] += "!" * (1 - number % 2)  # each time another one
    office.graphs.change("ticket-8199", "reply", {"email": mail})
    page.locator("[data-yes][value=approve]").click()
    expect(page.locator("#case-problem")).to_be_visible()


def _snoozed(office: Office) -> None:
    case = case_of(office.desk, "ticket-8205")
    office.desk.snooze(case.id, by=ME, hours=24)


def _hostile(office: Office) -> str:
    if not office.desk.cases(thread_id="hostile"):
        hostile(office.db_url, EVERYTHING + "\n" + UNSEEN, thread="hostile")
    return office.case("hostile")


def _held(office: Office) -> None:
    if not [hold for hold in office.desk.holds.list() if hold.standing]:
        office.desk.holds.pause("thread", "ticket-8177", by=ME, reason="The bank asks who this is.")
        office.desk.holds.pause("workflow", "accounts", by=ME, reason="The books are closed until Monday.")


def _holding(page: Page, _: Office) -> None:
    page.locator("summary", has_text="Hold this").first.click()


def _checked(page: Page, _: Office) -> None:
    page.locator("#tools > summary").click()
    page.get_by_role("button", name="Check the log").click()
    expect(page.locator("#check")).to_be_visible()
    page.locator(".log details > summary").first.click()


def _add_wrongly(page: Page, _: Office) -> None:
    page.get_by_label("Act", exact=True).fill("refund")
    page.get_by_role("textbox", name="Which").fill("finance")
    page.get_by_label("Up to the amount").fill("plenty")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[aria-invalid]")).to_be_visible()


def _open_all(page: Page, _: Office) -> None:
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")


def _token(page: Page, _: Office) -> None:
    page.locator("#make > summary").click()
    page.get_by_label("What it is for").fill("nightly report")
    page.get_by_label("Ends after days").fill("30")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".secret")).to_be_visible()


def _wrong_token(page: Page, _: Office) -> None:
    page.get_by_label("Token").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#sign-in-problem")).to_be_visible()


def _forged(page: Page, _: Office) -> None:
    page.locator("form.who input[name=csrf]").evaluate("(field) => { field.value = 'of another session'; }")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_text("This form is not of your session")).to_be_visible()


def _too_often(office: Office) -> None:
    with httpx.Client(base_url=office.served["oidc"].address) as http:
        while http.get("/sign-in").status_code != 429:
            pass


STATES = (
    State("queue", "/", _selected),
    State("queue-no-match", "/?q=parachute"),
    State("queue-empty", "/", where="empty"),
    State("queue-failed", "/?tab=failed"),
    State("queue-snoozed", "/?tab=snoozed", before=_snoozed),
    State("queue-decided", "/?tab=decided"),
    State("queue-filters", "/?gate=spam_check&sort=newest", _open_all),
    State("queue-bulk", "/?gate=spam_check", _ticked, before=_some_spam),
    State("queue-bulk-done", "/?gate=spam_check", _bulk_done, before=_some_spam),
    State("queue-offline", "/", _offline),
    State("palette", "/", _palette),
    State("help", "/", _help),
    State("case-send", _case("ticket-8213")),
    State("case-edit", _case("ticket-8213"), _edited),
    State("case-edit-wrong", _case("ticket-8203"), _wrong),
    State("case-reject", _case("ticket-8213"), _rejecting),
    State("case-reroute", _case("ticket-8213"), _rerouting),
    State("case-choose", _case("ticket-8222")),
    State("case-verify", _case("invoice-0417")),
    State("case-merge", _case("customer-5512")),
    State("case-rule", _case("exception-31")),
    State("case-respond", _case("chat-902")),
    State("case-high-risk", _case("ticket-8190")),
    State("case-confirmed", _case("ticket-8190"), _opened),
    State("case-one-key", _case("ticket-8230")),
    State("case-undo", _case("ticket-8232"), before=_decided),
    State("case-stale", _case("ticket-8199"), _stale),
    State("case-claimed", _case("ticket-8177"), before=_claimed),
    State("case-take-over", _case("ticket-8177"), _taking, before=_claimed),
    State("case-decided", _case("ticket-7101")),
    State("case-failed", _case("ticket-8150")),
    State("case-tool-call", _case("chat-903")),
    State("case-several-acts", _case("chat-904")),
    State("case-question", _case("chat-905")),
    State("insights", "/insights"),
    State("insights-empty", "/insights", where="empty"),
    State("audit", "/audit"),
    State("audit-checked", "/audit", _checked),
    State("audit-no-match", "/audit?who=nobody"),
    State("graphs", "/graphs"),
    State("graphs-empty", "/graphs", where="empty"),
    State("graphs-held", "/graphs", before=_held),
    State("threads", "/graphs/threads?graph=support"),
    State("thread", "/graphs/thread?thread=ticket-8190", _holding),
    State("thread-held", "/graphs/thread?thread=ticket-8177", before=_held),
    State("people", "/settings"),
    State("people-add", "/settings", _open_all),
    State("people-none", "/settings", where="empty"),
    State("person", f"/settings/people?person={BEN}"),
    State("authority", "/settings/authority"),
    State("authority-wrong", "/settings/authority", _add_wrongly),
    State("codes", "/settings/codes"),
    State("notices", "/settings/notices"),
    State("notices-add", "/settings/notices", _open_all),
    State("me", "/settings/me"),
    State("me-token", "/settings/me", _token),
    State("case-hostile", _hostile),
    State("sign-in", "/sign-in", who=""),
    State("sign-in-wrong", "/sign-in", _wrong_token, who=""),
    State("sign-in-oidc", "/sign-in", where="oidc", who=""),
    State("sign-in-unknown", "/sign-in", where="proxy", who=""),
    State("problem-404", "/nothing-here"),
    State("problem-role", "/settings", where="proxy", who=BEN),
    State("problem-403", "/settings/me", _forged),
    State("problem-429", "/sign-in", before=_too_often, where="oidc", who=""),
)
"""In this order: some of what they do is seen by those that follow."""
