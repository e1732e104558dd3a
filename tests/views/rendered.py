"""What a browser would send of a rendered form that nobody touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from typing import Any

from hitl_graph.inbox.rendering import ENVIRONMENT
from hitl_graph.views.inputs import Input, is_date, stamp

__all__ = ["html_of", "sent_by"]

_FORM = ENVIRONMENT.from_string(
    '{% import "parts/form.html" as form %}{{ form.fields(inputs, errors, "/cases/1") }}'
)


def html_of(inputs: Iterable[Input], errors: Mapping[str, str] | None = None) -> str:
    """The form as its page draws it."""
    return _FORM.render(inputs=inputs, errors=errors or {})


def sent_by(inputs: Iterable[Input]) -> dict[str, str]:
    """The texts by name, as a browser gives them back: with its own line breaks, days and moments."""
    reader = _Reader()
    reader.feed(html_of(inputs))
    reader.close()
    return {name.removeprefix("changes."): text for name, text in reader.sent.items()}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sent: dict[str, str] = {}
        self.area = self.choice = ""
        self.begun = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag == "input":
            text = given["value"].replace("\r", "").replace("\n", "")
            if given["type"] == "date" and not is_date(text):
                text = ""
            if given["type"] == "datetime-local":
                found = stamp(text)
                text = found[0].removesuffix(":00") if found else ""
            self.sent[given["name"]] = text
        elif tag == "textarea":
            self.area, self.begun = given["name"], True
            self.sent[self.area] = ""
        elif tag == "select":
            self.choice = given["name"]
        elif tag == "option" and self.choice and (self.choice not in self.sent or "selected" in given):
            self.sent[self.choice] = given["value"]

    def handle_data(self, data: str) -> None:
        if self.area:
            text = data.replace("\r\n", "\n").replace("\r", "\n")
            self.sent[self.area] += text.removeprefix("\n") if self.begun else text
            self.begun = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.sent[self.area] = self.sent[self.area].replace("\n", "\r\n")
            self.area = ""
        elif tag == "select":
            self.choice = ""
