"""Edit forms of any schema: drawn, sent back by a browser, read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hitl_graph.answers import check_decision
from hitl_graph.decisions import Edit
from hitl_graph.errors import AnswerError
from hitl_graph.reviews import ReviewRequest
from hitl_graph.views.reading import EditForm, edit_form, form_over, moved_row
from tests.notebook.making import a_request
from tests.views.generated import proposals, typed_texts
from tests.views.rendered import html_of, sent_by

_QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "pay": {
            "oneOf": [
                {
                    "properties": {"kind": {"const": "card"}, "number": {"type": "string"}},
                    "required": ["kind", "number"],
                },
                {
                    "properties": {"kind": {"const": "iban"}, "iban": {"type": "string"}},
                    "required": ["kind", "iban"],
                },
            ]
        },
        "gift": {"anyOf": [{"$ref": "#/$defs/Line"}, {"type": "null"}]},
        "due": {"type": "string", "format": "date-time"},
        "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "amount": {"type": "number"},
        "currency": {"enum": ["EUR", "USD"]},
        "note": {"type": "string", "maxLength": 2000},
    },
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
            "required": ["name"],
        }
    },
}
PROPOSAL: dict[str, Any] = {
    "lines": [{"name": "pen", "count": 2}, {"name": "ink", "count": 1}],
    "pay": {"kind": "card", "number": "4711"},
    "gift": None,
    "due": "2026-03-01T10:00:00+02:00",
    "day": "2026-03-02",
    "amount": 12.5,
    "currency": "EUR",
}


def changes(typed: dict[str, str]) -> dict[str, Any]:
    """What the gate would get of a form in which this was typed."""
    request = a_request(proposal=PROPOSAL, edit_schema=ORDER, allowed=("edit",))
    found = edit_form(request, typed).changes("review")
    if not found:
        return {}
    decision = check_decision(request, Edit(found))
    assert isinstance(decision, Edit)
    return decision.changes


@_QUICK
@given(proposals())
def test_a_form_that_nobody_touched_changes_nothing(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """R25: for any schema, through the page's HTML and a browser's own line breaks, days and moments."""
    schema, proposal = case

    sent = sent_by(form_over(proposal, schema).inputs)

    assert form_over(proposal, schema, sent).changes("review") == {}


@_QUICK
@given(proposals(), st.data())
def test_what_is_typed_is_read_or_refused_by_name(
    case: tuple[dict[str, Any], dict[str, Any]], data: st.DataObject
) -> None:
    """Whatever stands in any field: never another error, and the error's field is one of the form."""
    schema, proposal = case
    sent = sent_by(form_over(proposal, schema).inputs)
    names = st.sampled_from(sorted(sent) or ["nope"])
    typed = {**sent, **data.draw(st.dictionaries(names, typed_texts, max_size=3))}
    request = a_request(proposal=proposal, edit_schema=schema, allowed=("edit",))
    form = edit_form(request, typed)
    html_of(form.inputs)

    field = _refused(form, request)

    assert field is None or (
        field.startswith("changes") and (form.place(field) or field == "changes" or "…" in field)
    )


def _refused(form: EditForm, request: ReviewRequest) -> str | None:
    try:
        found = form.changes("review")
        if found:
            check_decision(request, Edit(found))
    except AnswerError as error:
        return error.field
    return None


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ({"lines[1].count": "5"}, {"lines": [{"name": "pen", "count": 2}, {"name": "ink", "count": 5}]}),
        ({"lines[]": "1 0"}, {"lines": [{"name": "ink", "count": 1}, {"name": "pen", "count": 2}]}),
        ({"lines[]": "1"}, {"lines": [{"name": "ink", "count": 1}]}),
        ({"lines[]": ""}, {"lines": []}),
        ({"lines[]": "0 1 2", "lines[2].name": "nib"}, {"lines": [*PROPOSAL["lines"], {"name": "nib"}]}),
        ({"lines[]": "0 1 2"}, {}),
        ({"lines[0].count": ""}, {"lines": [{"name": "pen"}, {"name": "ink", "count": 1}]}),
        ({"pay{}": "1", "pay.iban": "DE02"}, {"pay": {"kind": "iban", "iban": "DE02"}}),
        ({"gift{}": "0", "gift.name": "bow"}, {"gift": {"name": "bow"}}),
        ({"due": "2026-03-01T11:30"}, {"due": "2026-03-01T11:30:00+02:00"}),
        ({"due": "2026-03-01T10:00"}, {}),
        ({"day": ""}, {"day": None}),
        ({"amount": "13"}, {"amount": 13}),
        ({"amount": "12.50"}, {}),
        ({"currency": '"USD"'}, {"currency": "USD"}),
        ({"note": ""}, {}),
        ({"note": "Dear\r\nAna"}, {"note": "Dear\nAna"}),
        ({"lines": '[{"name": "all"}]'}, {"lines": [{"name": "all"}]}),
    ],
)
def test_what_was_typed_reaches_its_place(typed: dict[str, str], read: dict[str, Any]) -> None:
    """R25: rows, forms, amounts, moments with their zone; what is empty and may be, is none."""
    assert changes(typed) == read


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"lines[1].count": "0"}, "changes.lines[1].count"),
        ({"lines[]": "1 0", "lines[1].count": "x"}, "changes.lines[0].count"),
        ({"lines[]": "0 1 2", "lines[2].count": "3"}, "changes.lines[2].name"),
        ({"lines[]": "0 x"}, "changes.lines"),
        ({"lines[]": " ".join(map(str, range(1000)))}, "changes.lines"),
        ({"pay{}": "1"}, "changes.pay.iban"),
        ({"pay{}": "9"}, "changes.pay"),
        ({"amount": "1,250.00"}, "changes.amount"),
        ({"currency": '"GBP"'}, "changes.currency"),
        ({"day": "soon"}, "changes.day"),
        ({"nope": "x"}, "changes.nope"),
        ({"lines": "{"}, "changes.lines"),
    ],
)
def test_what_is_wrong_stands_at_its_input(typed: dict[str, str], field: str) -> None:
    """A row that was moved is found by its place, and its input by what it was."""
    with pytest.raises(AnswerError) as caught:
        changes(typed)

    assert caught.value.field == field


def test_an_error_is_shown_beside_the_input_of_a_moved_row() -> None:
    """WCAG 3.3.1: by aria-describedby, at the row as it stands on the page."""
    request = a_request(proposal=PROPOSAL, edit_schema=ORDER, allowed=("edit",))
    form = edit_form(request, {"lines[]": "1 0", "lines[1].count": "x"})

    html = html_of(form.inputs, {form.place("changes.lines[0].count"): "should be a whole number"})

    place = html.index('name="changes.lines[1].count"')
    described = html[place : html.index(">", place)].split('aria-describedby="', 1)[1].split('"', 1)[0]
    assert f'id="{described.split()[0]}">should be a whole number' in html


def test_an_amount_says_its_currency() -> None:
    """By the field beside it, as it is typed."""
    form = form_over(PROPOSAL, ORDER, {"currency": '"USD"'})

    assert {one.name: (one.kind, one.unit) for one in form.inputs}["amount"] == ("money", "USD")


def test_rows_are_added_moved_and_removed_by_the_server() -> None:
    """Nothing that was typed is lost, and a new row has no old row's text."""
    form = form_over(PROPOSAL, ORDER, {"lines[]": "1 0", "lines[4].name": "gone"})

    added = moved_row(form, "add", "lines")
    up = moved_row(form_over(PROPOSAL, ORDER, added), "up", "lines", "5")
    removed = moved_row(form_over(PROPOSAL, ORDER, up), "remove", "lines", "1")

    assert (added["lines[]"], up["lines[]"], removed["lines[]"]) == ("1 0 5", "1 5 0", "5 0")


def test_a_schema_without_end_is_json_at_last() -> None:
    """A tree may hold trees; a person is not shown a thousand boxes."""
    schema = {
        "properties": {"tree": {"$ref": "#/$defs/T"}},
        "$defs": {"T": {"type": "object", "required": ["t"]}},
    }
    schema["$defs"]["T"]["properties"] = {"t": {"$ref": "#/$defs/T"}}

    form = form_over({"tree": {"t": {}}}, schema)

    assert max(len(list(one.walk())) for one in form.inputs) < 20
    assert form.changes("review") == {}


@pytest.mark.parametrize(
    "schema", [{"properties": 5}, {"properties": {"a": 7}}, {"anyOf": "x"}, {"$ref": "#/nowhere"}, True]
)
def test_a_broken_schema_still_gives_a_form(schema: Any) -> None:
    """What cannot be drawn is edited as it stands."""
    form = form_over({"a": {"b": 1}}, schema)

    assert form.changes("review") == {}
    assert html_of(form.inputs)


def test_two_fields_of_one_name_are_told_apart() -> None:
    """A proposal may call a field as another one's row is called: then that one is JSON."""
    form = form_over({"a": ["x"], "a[0]": "y"}, None, {"a[0]": "z"})

    assert form.changes("review") == {"a[0]": "z"}
