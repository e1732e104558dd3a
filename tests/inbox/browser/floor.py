"""Two people at one inbox, each signed in in a browser of their own: what tests share that look at one case each."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Iterator
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from hitl_graph import Case
from tests.inbox.cases import address, ask, the_case
from tests.inbox.serving import Served, inbox, ready
from tests.support.browser import listened

__all__ = ["Floor", "floor_on"]


class Floor:
    """One database, the inbox of ana and that of ben, and their browsers. Each test has threads of its own."""

    def __init__(self, db_url: str, browser: Browser, served: dict[str, Served]) -> None:
        self.db_url, self.served = db_url, served
        self._browser = browser
        self._contexts: dict[str, BrowserContext] = {}
        self._numbers = itertools.count(1)

    def thread(self) -> str:
        """A name that no other thread has."""
        return f"thread-{next(self._numbers)}"

    def ask(self, **gate: Any) -> Case:
        """A case in a thread of its own: `tests.inbox.cases.ask`."""
        return ask(self.db_url, thread=self.thread(), **gate)

    def now(self, case: Case) -> Case:
        """The case as it stands."""
        return the_case(self.db_url, case.thread_id)

    @contextlib.contextmanager
    def page(
        self, to: Case | str = "/", *, who: str = "ana", allow: Collection[int | str] = ()
    ) -> Iterator[Page]:
        """A tab of somebody's browser. At the end its console must have said no error, as in `visit`."""
        page, errors = self.context(who).new_page(), []
        listened(page, errors)
        try:
            page.goto(self.served[who].address + (to if isinstance(to, str) else address(to)))
            ready(page)
            yield page
            meant = tuple(f"status of {one}" if isinstance(one, int) else one for one in allow)
            wrong = [said for said in errors if not any(one in said for one in meant)]
            assert wrong == [], wrong
        finally:
            page.close()

    def context(self, who: str) -> BrowserContext:
        """Somebody's browser, signed in."""
        if who not in self._contexts:
            self._contexts[who] = made = self._browser.new_context(locale="en-US")
            first = made.new_page()
            first.goto(self.served[who].entry("/settings/me"))
            expect(first.locator("main")).to_be_visible()
            first.close()
        return self._contexts[who]

    def close(self) -> None:
        """Close the browsers."""
        for one in self._contexts.values():
            one.close()


@contextlib.contextmanager
def floor_on(db_url: str, browser: Browser) -> Iterator[Floor]:
    """Open both inboxes on a fresh database."""
    with inbox(db_url) as ana, inbox(db_url, person="ben") as ben:
        made = Floor(db_url, browser, {"ana": ana, "ben": ben})
        try:
            yield made
        finally:
            made.close()
