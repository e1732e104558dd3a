"""The review card in a real JupyterLab, driven by a real browser: click → Python → graph → card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import jupyterlab, watched

pytestmark = pytest.mark.xdist_group("browser")

THREADS = ("edited", "wrong", "keys", "twice", "dark", "both")
ODD = ("mild", "odd", "grave", "big")
SETUP = """
from langgraph.checkpoint.memory import InMemorySaver
from hitl_graph.notebook import html_of, read_thread, review_card
from tests.notebook.odd import many_card, odd_card
from tests.support.graphs import mail_graph, thread, two_gates_graph

graph = mail_graph().compile(checkpointer=InMemorySaver())
pair = two_gates_graph().compile(checkpointer=InMemorySaver())
TICKET = {"ticket": "<img src=x onerror=document.title='run'> Where is it\\u200b?", "sink": "sink"}

def card(name):
    one = pair if name == "both" else graph
    one.invoke(TICKET, thread(name))
    return review_card(one, name, by="ana")
"""
STATE = (
    "v = graph.get_state(thread('edited')).values; print('state:', v['email']['body'], v['reviews'][0]['by'])"
)


def _cells() -> list[str]:
    cells = [SETUP, *(f"card({name!r})" for name in THREADS)]
    cells += [
        *(f"odd_card({name!r})" for name in ODD),
        "many_card('many')",
        "read_thread(graph, 'keys')",
        STATE,
    ]
    return cells


def _write(path: Path, cells: list[str]) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    listed = [{**code, "id": f"cell-{place}", "source": cell.strip()} for place, cell in enumerate(cells)]
    book = {"cells": listed, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(book), encoding="utf-8")


def _run(page: Page) -> None:
    expect(page.get_by_text("| Idle")).to_be_visible()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


class Lab:
    """One notebook that was run in JupyterLab."""

    def __init__(self, page: Page, errors: list[str]) -> None:
        self.page = page
        self.errors = errors

    def card(self, thread: str) -> Locator:
        return self.page.locator(".hitl-card", has=self.page.get_by_text(f"Thread {thread}", exact=True))


@pytest.fixture(scope="module")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The notebook, run once: each test has a card of its own in it."""
    root, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    _write(root / "cards.ipynb", _cells())
    _write(root / "restart.ipynb", [SETUP, "card('restarted')"])
    size = {"width": 1280, "height": 9000}  # all cells at once: JupyterLab draws only what can be seen
    with jupyterlab(root, home) as address, watched(browser, viewport=size) as (page, errors):
        page.goto(address.format("cards.ipynb"))
        _run(page)
        expect(page.locator(".hitl-card")).to_have_count(len(THREADS + ODD) + 1)
        yield Lab(page, errors)


@pytest.fixture(autouse=True)
def _nothing_broke(lab: Lab) -> Iterator[None]:
    yield
    assert lab.errors == []


def test_an_edit_goes_out_and_the_record_appears(lab: Lab) -> None:
    """Edit, see the diff, approve: the graph in the kernel has gone on with the person's words."""
    card = lab.card("edited")
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("Body").fill("It comes on Monday.")
    expect(card.locator("[data-diff=body] ins")).to_have_text("It comes on Monday.")
    expect(card.locator("[data-diff=body] del")).to_have_text("Draft 1")

    card.get_by_role("button", name="Approve with these changes").click()

    expect(card.get_by_role("heading", name="ana approved with changes")).to_be_visible()
    expect(card.locator(".hitl-record ins")).to_have_text("It comes on Monday.")
    expect(card.get_by_role("status")).to_have_text("Thread edited finished.")
    lab.page.locator(".jp-Cell", has_text="print('state:'").locator(".cm-content").click()
    lab.page.keyboard.press("Control+Enter")
    expect(lab.page.get_by_text("state: It comes on Monday. ana")).to_be_visible()


def test_a_wrong_answer_stands_beside_its_field(lab: Lab) -> None:
    """The reason is asked for, the field has the focus, and what was typed is still there."""
    card = lab.card("wrong")
    card.get_by_role("button", name="Reject").click()
    card.get_by_label("Note for the next reader").fill(" ")
    card.get_by_label("Reason").press("Control+Enter")

    reason = card.get_by_label("Reason")
    expect(card.get_by_text("is empty: say why")).to_be_visible()
    expect(reason).to_have_attribute("aria-invalid", "true")
    expect(reason).to_be_focused()

    reason.fill("tone")
    reason.press("Control+Enter")

    expect(card.get_by_text("What changed since the attempt before")).to_be_visible()
    expect(card.locator(".hitl-record").get_by_role("heading", name="ana rejected")).to_be_visible()


def test_keys_act_on_the_card_and_not_on_the_notebook(lab: Lab) -> None:
    """`x` opens the rejection, where JupyterLab would cut the cell; `a` does not send what cannot be undone."""
    card, cells = lab.card("keys"), lab.page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    card.get_by_role("button", name="Edit").focus()

    lab.page.keyboard.press("a")
    expect(card.get_by_role("button", name="Approve")).to_be_focused()
    lab.page.keyboard.press("x")
    expect(card.get_by_label("Reason")).to_be_focused()
    lab.page.keyboard.press("Escape")
    expect(card.get_by_label("Reason")).to_have_count(0)

    assert cells.count() == before
    expect(card.locator(".hitl-record")).to_have_count(0)


def test_no_key_does_another_thing_while_one_is_under_way(lab: Lab) -> None:
    """Beside an edit, `a` would approve what was proposed, without the edit: only the form's own keys act."""
    card = lab.card("mild")
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("Label").fill("no spam")
    send = card.get_by_role("button", name="Approve with these changes")
    send.focus()

    for key in ("a", "x", "e"):
        lab.page.keyboard.press(key)
    expect(card.locator("[data-diff=label] ins")).to_be_visible()
    expect(card.locator(".hitl-record")).to_have_count(0)
    expect(card.get_by_label("Label")).to_have_value("no spam")

    send.press("Control+Enter")
    expect(card.locator(".hitl-record ins")).to_have_text("no")


def test_a_field_may_be_called_anything(lab: Lab) -> None:
    """A model names the fields: names that JavaScript's objects have, and names without a Latin letter."""
    card = lab.card("odd")
    card.get_by_role("button", name="Edit").click()
    expect(card.get_by_label("constructor")).to_have_value("F" * 60)
    expect(card.get_by_label("件名")).to_have_value("one")

    assert card.evaluate(
        "node => node.scrollWidth <= node.clientWidth"
    )  # the long one does not widen the form

    for label, text in (("__proto__", "Opel"), ("Constructor", "F" * 59), ("本文", "three")):
        card.get_by_label(label).fill(text)
    expect(card.locator("[data-diff=__proto__] ins")).to_have_text("Opel")
    card.get_by_role("button", name="Approve with these changes").click()

    expect(card.locator(".hitl-record ins")).to_have_text(["F" * 59, "Opel", "three"])


def test_what_confirms_can_be_typed_and_follows_the_edit(lab: Lab) -> None:
    """Two lines are typed as one, and after an edit it is the new text that is asked for."""
    card = lab.card("grave")
    card.get_by_role("button", name="Approve").click()
    expect(card.get_by_label("To confirm, type to: ann@example.com ben@example.com")).to_be_focused()
    card.get_by_role("button", name="Back").click()
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("To", exact=True).fill("cid@example.com\nben@example.com")

    card.get_by_label("To confirm, type to: cid@example.com ben@example.com").fill(
        "cid@example.com ben@example.com"
    )
    card.get_by_role("button", name="Approve with these changes").click()

    expect(card.locator(".hitl-record ins")).to_have_text("cid")


def test_a_very_long_text_does_not_stop_the_page(lab: Lab) -> None:
    """The rest of it is drawn when it is asked for, and can be edited; a long name leaves room for its value."""
    card = lab.card("big")
    value = card.locator(".hitl-agent .hitl-value").first
    expect(value).to_contain_text("92000 more characters")
    assert len(value.inner_text()) < 10_000
    assert value.bounding_box()["width"] > 150
    card.get_by_text("92000 more characters").click()
    expect(value.locator(".hitl-text")).not_to_be_empty()

    card.get_by_role("button", name="Edit").click()
    card.get_by_label("Body").evaluate("n => { n.value += '!'; n.dispatchEvent(new Event('input')) }")
    expect(card.locator("[data-diff=body] ins")).to_have_text("!")
    card.get_by_role("button", name="Approve with these changes").click()

    expect(card.locator(".hitl-record ins")).to_have_text("!")


def test_many_cases_are_drawn_by_the_score(lab: Lab) -> None:
    """The rest is one button away."""
    card = lab.card("many")
    expect(card.locator(".hitl-case")).to_have_count(20)

    card.get_by_role("button", name="5 more cases wait: show 5").click()

    expect(card.locator(".hitl-case")).to_have_count(25)


def test_a_kernel_that_was_restarted_is_spoken_of(lab: Lab) -> None:
    """Nothing was decided, the card says so, and what was typed is still there."""
    page = lab.page.context.new_page()
    page.goto(lab.page.url.replace("cards.ipynb", "restart.ipynb"))
    _run(page)
    expect(page.locator(".hitl-card")).to_have_count(1)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel…").click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(page.get_by_text("| Idle")).to_be_visible()

    page.get_by_role("button", name="Reject").click()
    page.get_by_label("Reason").fill("tone")
    page.locator("[data-submit=reject]").click()

    expect(page.get_by_role("status").get_by_text("The kernel does not answer")).to_be_visible()
    expect(page.locator("[data-submit=reject]")).to_be_enabled()
    expect(page.get_by_label("Reason")).to_have_value("tone")
    page.close()


def test_a_double_click_decides_once(lab: Lab) -> None:
    """A rejection brings the next draft under the pointer: it must not be rejected with the same movement."""
    card = lab.card("twice")
    card.get_by_role("button", name="Reject").click()
    card.get_by_label("Reason").fill("tone")

    card.locator("[data-submit=reject]").dblclick()

    expect(card.locator(".hitl-record")).to_have_count(1)
    expect(card.get_by_role("button", name="Approve")).to_be_enabled()
    assert "Draft 2" in card.locator(".hitl-agent").inner_text()


def test_two_gates_are_decided_in_any_order(lab: Lab) -> None:
    """The grave one wants its amount typed."""
    card = lab.card("both")
    refund = card.get_by_role("region", name="Should this refund be paid to the customer?")
    refund.get_by_role("button", name="Approve").click()
    refund.get_by_label("To confirm, type amount: 5").fill("5")
    refund.locator("[data-submit=approve]").click()
    expect(refund).to_have_count(0)

    card.get_by_role("button", name="Approve").click()

    expect(card.get_by_role("status")).to_have_text("Thread both finished.")
    expect(card.locator(".hitl-record")).to_have_count(2)


def test_the_card_follows_the_theme_and_the_width(lab: Lab) -> None:
    """Dark when JupyterLab is; one column and nothing cut off on a narrow page."""
    card = lab.card("dark")
    expect(card).to_have_attribute("data-theme", "light")
    lab.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    expect(card).to_have_attribute("data-theme", "dark")
    lab.page.evaluate("document.body.dataset.jpThemeLight = 'true'")

    card.evaluate("node => { node.style.width = '320px' }")
    known, proposed = (
        card.locator(".hitl-known").bounding_box(),
        card.locator(".hitl-proposed").bounding_box(),
    )
    assert known and proposed
    assert known["y"] + known["height"] <= proposed["y"]
    assert card.evaluate("node => node.scrollWidth <= node.clientWidth")
    card.evaluate("node => { node.style.width = '' }")


def test_what_came_from_outside_is_text(lab: Lab) -> None:
    """A message that is markup neither runs nor draws, and its hidden character stands out, here and in the thread."""
    card, thread = lab.card("dark"), lab.page.locator(".hitl-r")

    for shown in (card, thread):
        expect(shown.get_by_text("<img src=x onerror").first).to_be_visible()
        expect(shown.locator("img")).to_have_count(0)
        expect(shown.locator("mark").first).to_have_text("⟨U+200B⟩")
    assert lab.page.title() != "run"
