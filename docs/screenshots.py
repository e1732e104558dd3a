"""Takes the pictures of `howto/notebooks.md`: `python -m docs.screenshots`. Needs Debian's Chromium."""

import json
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.support.browser import chromium, jupyterlab, watched

IMAGES = Path(__file__).parent / "images"
CELL = """
from langgraph.checkpoint.memory import InMemorySaver
from examples.review_before_send import graph
from hitl_graph.notebook import review_card

support = graph().compile(checkpointer=InMemorySaver())
ticket = {"from": "ann@example.com", "body": "I have been waiting for my new card for two weeks. When will it come?"}
_ = support.invoke({"ticket": ticket}, {"configurable": {"thread_id": "ticket-4711"}})
review_card(support, "ticket-4711", by="ana")
"""


def main() -> None:
    """The card while somebody edits."""
    IMAGES.mkdir(exist_ok=True)
    expect.set_options(timeout=60_000)  # milliseconds
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        root, home = Path(folder, "notebooks"), Path(folder, "home")
        root.mkdir()
        home.mkdir()
        _write(root / "card.ipynb")
        with (
            jupyterlab(root, home) as address,
            watched(browser, viewport={"width": 1240, "height": 2000}) as (page, _),
        ):
            page.goto(address.format("card.ipynb"))
            expect(page.get_by_text("| Idle")).to_be_visible()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            card = page.locator(".hitl-card")
            card.get_by_role("button", name="Edit").click(timeout=60_000)
            card.get_by_label("Body").fill("Your card was sent on Friday and will arrive by Tuesday.")
            expect(card.locator("[data-diff=body] ins").first).to_be_visible()
            card.get_by_label("Reason").focus()
            card.screenshot(path=IMAGES / "review_card.png")


def _write(path: Path) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code: dict[str, object] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**code, "id": "card", "source": CELL.strip()}]
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(book), encoding="utf-8")


if __name__ == "__main__":
    main()
