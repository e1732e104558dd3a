"""The inbox in Debian's Chromium, with 100,000 cases that wait: what a person feels, against a page with fifty."""

import contextlib
import time
from collections.abc import Iterator

import psycopg
from playwright.sync_api import Browser, Page, expect

from benchmarks.measure import Figure, latency
from benchmarks.queue_page import FEW, MANY, crowd, new_database, server
from hitl_graph.desk import Desk
from tests.support.browser import chromium

AT_ONCE_MS = 100.0

# A new case as the checkpointer writes it: a row and its event, in one transaction.
_CASE = """
INSERT INTO hitl.reviews (
    thread_id, id, checkpoint_id, task_id, node, workflow, shape, gate, kind, action, question, owner, payload, digest)
SELECT %(name)s, id, checkpoint_id, task_id, node, workflow, shape, gate, kind, action, question, owner, payload, digest
FROM hitl.reviews WHERE thread_id = 'thread-1'"""
_TOLD = "INSERT INTO hitl.events (type, thread_id, review_id) VALUES ('asked', %(name)s, '')"

_WATCH_ROWS = """() => {
    window.seen = {};
    new MutationObserver(() => document.querySelectorAll("#rows > li").forEach((row) => {
        window.seen[row.dataset.thread] ??= Date.now();
    })).observe(document.getElementById("queue"), { childList: true, subtree: true });
}"""
_WATCH_KEYS = """() => {
    window.felt = [];
    addEventListener("keydown", () => {
        const start = performance.now();
        requestAnimationFrame(() => requestAnimationFrame(() => window.felt.push(performance.now() - start)));
    }, { capture: true });
}"""


def felt(times: int) -> Iterator[Figure]:
    """From a commit to the row on the page, and from a key to the second frame after it, which shows what it did."""
    with (
        chromium() as browser,
        _opened(browser, MANY) as (many, many_url),
        _opened(browser, FEW) as (few, few_url),
    ):
        new = [_to_the_page(many, many_url, times), _to_the_page(few, few_url, times)]
        yield _figure(f"queue of {MANY:,}: from a commit to the row on the page", new)
        keys = [_from_the_key(many, times), _from_the_key(few, times)]
        yield _figure(f"queue of {MANY:,}: from the key j to the picture", keys)


def _figure(measure: str, series: list[list[float]]) -> Figure:
    figure = latency(measure, series[0], series[1], at_most=1)
    target = f"p50 at most {AT_ONCE_MS:g} ms"
    return Figure(**{**vars(figure), "target": target, "met": figure.ours <= AT_ONCE_MS})


@contextlib.contextmanager
def _opened(browser: Browser, cases: int) -> Iterator[tuple[Page, str]]:
    url = new_database()
    with Desk(url) as desk:  # migrates
        desk.run(desk.desk.people.put("ana", groups=["team-1"]))
    crowd(url, cases)
    with server(url) as address:
        context = browser.new_context(extra_http_headers={"x-forwarded-user": "ana"})
        page = context.new_page()
        page.goto(f"{address}/?sort=newest")
        expect(page.locator("#rows > li").first).to_be_visible()
        page.evaluate(_WATCH_ROWS)
        page.evaluate(_WATCH_KEYS)
        page.wait_for_timeout(1000)  # the stream is open
        yield page, url
        context.close()


def _to_the_page(page: Page, url: str, times: int) -> list[float]:
    took = []
    with psycopg.connect(url) as conn:
        for number in range(times):
            name = {"name": f"new-{number}"}
            conn.execute(_CASE, name)
            conn.execute(_TOLD, name)
            conn.commit()
            at = time.time()
            expect(page.locator(f"#rows > li[data-thread=new-{number}]")).to_be_attached()
            took.append(page.evaluate("(name) => window.seen[name]", name["name"]) / 1000 - at)
            page.wait_for_timeout(600)  # what comes in bursts is shown together
    return took


def _from_the_key(page: Page, times: int) -> list[float]:
    for number in range(times):
        page.keyboard.press("j" if number % 40 < 20 else "k")
        page.wait_for_timeout(60)
    return [one / 1000 for one in page.evaluate("() => window.felt")]
