"""The edit form of a case's page: nested fields, rows without JavaScript, errors beside their inputs."""

from __future__ import annotations

import html
import re
from typing import Any

from hitl_graph.desk import Case
from tests.inbox.cases import address, ask, form_of, the_case
from tests.inbox.serving import client
from tests.views.test_reading import ORDER, PROPOSAL


def order(db_url: str) -> Case:
    """A case about an order with lines."""
    return ask(db_url, proposal=PROPOSAL, schema=ORDER)


def names(page: str) -> list[str]:
    """The names of the form's inputs, in order."""
    return [html.unescape(name) for name in re.findall(r'name="(changes\.[^"]*)"', page)]


def post(http: Any, case: Case, what: str, **fields: str) -> Any:
    """Press a button of the form."""
    return form_of(http, case).send(fields.pop("decision", ""), what, **fields)


def test_each_part_of_a_proposal_has_an_input(db_url: str) -> None:
    """R25: rows, forms, moments."""
    case = order(db_url)
    with client(db_url) as http:
        page = http.get(address(case)).text
    assert names(page)[:6] == [
        *("changes.lines[]", "changes.lines[0].name", "changes.lines[0].count"),
        *("changes.lines[1].name", "changes.lines[1].count", "changes.pay{}"),
    ]


def test_a_row_is_added_by_a_button_that_needs_no_script(db_url: str) -> None:
    """And nothing that was typed is lost."""
    case = order(db_url)
    with client(db_url) as http:
        sent = {"changes.lines[0].name": "quill", "row": "add - changes.lines"}
        page = post(http, case, "form", **sent).text
    assert "changes.lines[2].name" in names(page)
    assert 'value="quill"' in page
    assert 'value="0 1 2"' in page


def test_a_row_is_moved_and_removed(db_url: str) -> None:
    case = order(db_url)
    with client(db_url) as http:
        up = post(http, case, "form", row="up 1 changes.lines").text
        gone = post(http, case, "form", **{"row": "remove 0 changes.lines", "changes.lines[]": "1 0"}).text
    assert names(up)[1] == "changes.lines[1].name"
    assert "changes.lines[0].name" not in names(gone)


def test_a_button_that_nobody_drew_changes_nothing(db_url: str) -> None:
    """Neither a row of no list, nor a word that is none."""
    case = order(db_url)
    with client(db_url) as http:
        for row in (
            "",
            "up",
            "add - nope",
            "remove 99 changes.lines",
            "add - act9.changes.x",
            "x y changes.lines",
        ):
            answer = post(http, case, "form", row=row)
            assert answer.status_code == 200, row
            assert 'value="0 1"' in answer.text
    assert the_case(db_url).status == "pending"


def test_the_button_of_a_form_decides_nothing(db_url: str) -> None:
    case = order(db_url)
    with client(db_url) as http:
        form_of(http, case).send("approve", "form", row="add - changes.lines")
    assert the_case(db_url).status == "pending"


def test_what_is_wrong_in_a_row_stands_beside_it(db_url: str) -> None:
    """WCAG 3.3.1: the input says that it is wrong, and which text says why."""
    case = order(db_url)
    with client(db_url) as http:
        typed = {"changes.lines[]": "1 0", "changes.lines[1].count": "none"}
        page = post(http, case, "decide", **typed, decision="edit").text
    tag = re.search(r'<input[^>]*name="changes\.lines\[1\]\.count"[^>]*>', page)
    assert tag is not None and 'aria-invalid="true"' in tag[0] and 'value="none"' in tag[0]
    described = re.search(r'aria-describedby="([^" ]*)', tag[0])
    assert described is not None and re.search(rf'id="{described[1]}">“Count” in “Lines 1” has to be', page)


def test_a_row_that_was_changed_is_sent_with_its_list(db_url: str) -> None:
    """R25: the diff first, then the edit."""
    case = order(db_url)
    typed = {"changes.lines[1].count": "4", "changes.amount": "15"}
    with client(db_url) as http:
        form = form_of(http, case)
        diffed = form.diffed(**typed)
        answer = form.send("edit", diffed=diffed, **typed)
    assert answer.status_code == 303
    decision = the_case(db_url).decision
    assert decision is not None
    assert decision["changes"] == {"lines": [PROPOSAL["lines"][0], {"name": "ink", "count": 4}], "amount": 15}


def test_a_draft_keeps_rows_and_forms(db_url: str) -> None:
    """Autosave: after a reload the page is as it was left."""
    case = order(db_url)
    typed = {
        "changes.lines[]": "1 0 2",
        "changes.lines[2].name": "nib",
        "changes.pay{}": "1",
        "changes.pay.iban": "DE02",
    }
    with client(db_url) as http:
        post(http, case, "draft", **typed)
        page = http.get(address(case)).text
    assert 'value="1 0 2"' in page and 'value="nib"' in page and 'value="DE02"' in page


def test_a_hundred_thousand_rows_are_refused_in_words(db_url: str) -> None:
    """A flood is no page of inputs, and no error of ours."""
    case = order(db_url)
    with client(db_url) as http:
        sent = {"changes.lines[]": " ".join(map(str, range(100_000))), "decision": "edit"}
        answer = post(http, case, "decide", **sent)
    assert answer.status_code == 422
    assert "“Lines” has more rows than it may have: take some out." in answer.text
