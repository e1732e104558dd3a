"""The review card in a real marimo, driven by a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import marimo, watched

pytestmark = pytest.mark.xdist_group("browser")

NOTEBOOK = """import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from langgraph.checkpoint.memory import InMemorySaver

    from hitl_graph.notebook import read_thread, review_card
    from tests.support.graphs import mail_graph, thread

    graph = mail_graph().compile(checkpointer=InMemorySaver())
    for name in ("wrapped", "bare"):
        graph.invoke({"ticket": "<img src=x> Where is it?", "sink": "sink"}, thread(name))
    return graph, mo, read_thread, review_card


@app.cell
def _(graph, mo, review_card):
    card = mo.ui.anywidget(review_card(graph, "wrapped", by="ana"))
    card
    return (card,)


@app.cell
def _(card, graph, read_thread):
    card.value
    read_thread(graph, "wrapped")
    return


@app.cell
def _(graph, review_card):
    review_card(graph, "bare", by="ben")
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The notebook, run."""
    home: Path = tmp_path_factory.mktemp("marimo")
    notebook = home / "cards.py"
    notebook.write_text(NOTEBOOK, encoding="utf-8")
    size = {"width": 1280, "height": 3000}
    with (
        marimo(notebook, home) as address,
        watched(browser, viewport=size, color_scheme="dark") as (page, errors),
    ):
        page.goto(address)
        expect(page.locator(".hitl-card")).to_have_count(2, timeout=40_000)
        yield page
        assert errors == []


def test_an_edit_goes_out_and_the_cells_that_use_the_card_run_again(page: Page) -> None:
    """The record appears on the card, and the thread that another cell shows has gone on."""
    card = page.locator(".hitl-card", has=page.get_by_text("Thread wrapped", exact=True))
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("Body").fill("It comes on Monday.")
    expect(card.locator("[data-diff=body] ins")).to_have_text("It comes on Monday.")

    card.get_by_role("button", name="Approve with these changes").click()

    expect(card.get_by_role("heading", name="ana approved with changes")).to_be_visible()
    expect(page.locator(".hitl-r").get_by_role("heading", name="Thread wrapped finished")).to_be_visible()
    expect(page.locator(".hitl-r ins")).to_have_text("It comes on Monday.")


def test_a_card_needs_no_wrapping(page: Page) -> None:
    """Returned as it is, it works as well; and it is dark where the page is."""
    card = page.locator(".hitl-card", has=page.get_by_text("Thread bare", exact=True))
    expect(card).to_have_attribute("data-theme", "dark")
    expect(card.locator("img")).to_have_count(0)

    card.get_by_role("button", name="Approve").click()

    expect(card.get_by_role("heading", name="ben approved")).to_be_visible()
    expect(card.get_by_role("status")).to_have_text("Thread bare finished.")
