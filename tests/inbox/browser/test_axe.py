"""axe-core finds nothing on any page in any of its states: light and dark, on a desk and on a phone (WCAG 2.2 AA)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from hitl_graph.testing.databases import Databases
from tests.inbox.states import STATES, Office, State, Window, office, show

pytestmark = pytest.mark.xdist_group("inbox-axe")

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
ZOOMED = {"width": 640, "height": 400}
"""A window of 1280 by 800 at 200 %."""
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async ([tags, rules]) => {
  const only = rules.length ? { type: "rule", values: rules } : { type: "tag", values: tags };
  const found = await axe.run(document, { runOnly: only, resultTypes: ["violations"], preload: false });
  return found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
}"""
_COLOURS = ("color-contrast", "link-in-text-block")
_ADD = """(markup) => {
  document.querySelector("main").insertAdjacentHTML("beforeend", markup);
  const pale = document.getElementById("pale");
  if (pale) pale.style.color = "#bbb";
}"""
_MARK = """(row) => {
  const style = getComputedStyle(row);
  return [style.borderInlineStartColor, style.backgroundColor];
}"""
_WIDER = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth) - innerWidth"


@pytest.fixture(scope="module")
def desk(databases: Databases) -> Iterator[Office]:
    with databases.fresh_database() as url, office(url) as filled:
        yield filled


@pytest.fixture(scope="module")
def window(browser: Browser, desk: Office) -> Iterator[Window]:
    opened = Window(browser, desk, {"reduced_motion": "reduce", "viewport": DESK})
    yield opened
    opened.close()


def found(page: Page, *rules: str) -> list[str]:
    """What axe finds wrong with the page as it is now; with rules only what these find."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    said: list[str] = page.evaluate(_RUN, [_TAGS, list(rules)])
    return said


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_nothing_is_found(window: Window, state: State) -> None:
    """What a script can find of WCAG 2.2 AA: at each size all rules, and those about colours again in the dark.

    And nothing sticks out of a small window, or of one at 200 %.
    """
    page = show(window, state)
    wrong: dict[str, Any] = {}
    for size, viewport in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme="light")
        wrong[size] = found(page)
        page.emulate_media(color_scheme="dark")
        wrong[f"{size}, dark"] = found(page, *_COLOURS)
        wrong[f"{size}, wider"] = _wider(page)
    page.set_viewport_size(ZOOMED)
    wrong["at 200 %, wider"] = _wider(page)
    page.close()
    assert {what: one for what, one in wrong.items() if one} == {}


@pytest.mark.parametrize(
    ("markup", "rule"),
    [
        ('<p class="meta" id="pale">too pale to read</p>', "color-contrast"),
        ('<input name="nameless">', "label"),
        ("<button></button>", "button-name"),
        ("<h5>Out of order</h5>", "heading-order"),
    ],
)
def test_what_is_wrong_is_found(window: Window, markup: str, rule: str) -> None:
    """The test above can fail: each of these on the queue does it."""
    page = show(window, STATES[0])
    page.evaluate(_ADD, markup)
    said = [one.split(":")[0] for one in found(page)]
    page.close()
    assert said == [rule]


def test_what_sticks_out_is_found(window: Window) -> None:
    page = show(window, STATES[0])
    page.evaluate(_ADD, '<svg id="wide" width="1400" height="10"></svg>')
    page.evaluate("document.getElementById('wide').style.maxWidth = 'none'")
    wider = _wider(page)
    page.close()
    assert wider > 0


def test_the_selected_row_is_seen_in_forced_colours(window: Window) -> None:
    """Where the system chooses the colours, the mark is one of the system's, and not the ground's."""
    page = show(window, STATES[0])
    page.emulate_media(forced_colors="active")
    mark, ground = page.locator("#rows li[aria-current]").evaluate(_MARK)
    wrong = found(page, *_COLOURS)
    page.close()
    assert mark != ground
    assert wrong == []


def _wider(page: Page) -> int:
    wider: int = page.evaluate(_WIDER)
    return wider
