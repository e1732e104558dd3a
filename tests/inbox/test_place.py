"""Addresses below a prefix."""

from __future__ import annotations

import pytest

from hitl_graph.inbox.markdown import markdown_html, marks_of
from hitl_graph.inbox.place import placed
from hitl_graph.inbox.rendering import shown


def test_addresses_in_tags_get_the_prefix() -> None:
    assert placed('<a href="/cases/1">', "/review") == '<a href="/review/cases/1">'


@pytest.mark.parametrize(
    "text", ['Pay now: href="/pay"', '<p>Set action="/x" there</p>', '<a href="//other">']
)
def test_words_of_others_and_foreign_addresses_are_left_as_they_are(text: str) -> None:
    assert placed(text, "/review") == text


def test_a_list_that_begins_at_a_number_shows_that_number() -> None:
    """1500 euros are not 1."""
    assert 'start="1500"' in markdown_html("1500. euros are owed", shown)


def test_cells_that_a_table_lacks_are_counted() -> None:
    """They are made up where it is drawn: a few bytes of a row can become a thousand cells."""
    table = "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "|b\n" * 500
    assert marks_of(table) > 400_000
