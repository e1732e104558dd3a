"""Templates, and the text of other people in them: escaped, and with hidden characters written out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from hitl_graph.inbox.place import path_of, placed, root_of
from hitl_graph.views.code_words import code_words, failure_words, node_words, told_apart
from hitl_graph.views.field_places import place_words
from hitl_graph.views.history import decided_words
from hitl_graph.views.inputs import label_of
from hitl_graph.views.log import asked_words
from hitl_graph.views.request import span
from hitl_graph.views.said_words import sentence_of
from hitl_graph.views.text import folded, pieces_of

__all__ = ["ENVIRONMENT", "page", "render"]


_MARK = Markup('<mark class="hidden-character">{}</mark>')
_ISOLATED = Markup("<bdi>{}</bdi>")
_MOST_MARKS = 20_000  # of Markdown on one page: some tenths of a second
_FOLDED = Markup('<details class="rest"><summary>{}</summary>{}</details>')
_MOMENT = re.compile(
    r"\b20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?[+-][0-2]\d:[0-5]\d\b", re.ASCII
)
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


def shown(text: object) -> Markup:
    """Text from outside: markup is text, each hidden character a mark that can be seen, look-alike letters are said."""
    said = str(text)
    safe = Markup("").join(_MARK.format(piece) if kind else escape(piece) for kind, piece in pieces_of(said))
    return _ISOLATED.format(safe) if _RIGHT_TO_LEFT.search(said) else safe


def told(text: object) -> Markup:
    """`shown`, for a sentence of ours: moments in it are the reader's time. One that is none stays as it is."""
    said, parts, at = str(text), [], 0
    for found in _MOMENT.finditer(said):
        try:
            when = dt.datetime.fromisoformat(found[0])
        except ValueError:  # somebody wrote the 30th of February
            continue
        parts += [shown(said[at : found.start()]), moment(when)]
        at = found.end()
    return Markup("").join([*parts, shown(said[at:])])


def written(text: object) -> Markup:
    """`shown` where no element can stand, as in a title."""
    return escape("".join(piece for _, piece in pieces_of(str(text))))


def long(text: object) -> Markup:
    """`shown` for text of any length: what is too long to read at once stands behind "Show all"."""
    head, rest = folded(str(text))
    if not rest:
        return shown(head)
    words = f"Show all: {len(rest):,} more characters"
    return shown(head) + _FOLDED.format(words, shown(rest))


@jinja2.pass_context
def markdown(context: jinja2.runtime.Context, text: object) -> Markup:
    """Markdown of others, made safe; what is too long for that, or would keep the server busy, is text."""
    from hitl_graph.inbox.markdown import MOST, markdown_html, marks_of

    said, left = str(text), context["marks_left"]
    if len(said) > MOST or (marks := marks_of(said)) > left[0]:
        return long(said)
    left[0] -= marks
    return markdown_html(said, shown)


def first_wrong(html: Markup) -> Markup:
    """Markup of ours whose page opens with the focus on what is wrong, or on the first such field; without scripts too.

    Text from outside is escaped in it and can be taken for neither.
    """
    for mark in (' id="case-problem"', ' aria-invalid="true"'):
        if mark in html:
            return Markup(str(html).replace(mark, f"{mark} autofocus", 1))  # noqa: S704  # it was markup before
    return html


def since(seconds: float | None) -> str:
    """A length of time in words."""
    return "" if seconds is None else span(seconds)


def moment(value: dt.datetime | None) -> Markup:
    """A moment in UTC, in an element from which the page makes local time."""
    if value is None:
        return Markup("")
    utc = value.astimezone(dt.UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), f"{utc:%Y-%m-%d %H:%M} UTC")


def _environment() -> jinja2.Environment:
    found = jinja2.FileSystemLoader(str(resources.files("hitl_graph.inbox") / "templates"))
    environment = jinja2.Environment(
        loader=found, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "shown": shown,
        "told": told,
        "written": written,
        "long": long,
        "markdown": markdown,
        "first_wrong": first_wrong,
        "since": since,
        "moment": moment,
        "label": label_of,
        "place": place_words,
        "node": node_words,
        "code": code_words,
        "told_apart": told_apart,
        "failure": failure_words,
        "event": asked_words,
        "plain": sentence_of,
        "did": lambda kind: decided_words(None, kind),
    }
    return environment


ENVIRONMENT = _environment()
"""Everything is escaped; a name that is missing is an error."""


def render(request: Request, template: str, values: Mapping[str, Any]) -> str:
    """A template with what every page has: who is signed in, and where it is."""
    who = getattr(request.state, "principal", None)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    root = root_of(request)
    everywhere: dict[str, Any] = {"who": who, "path": path_of(request), "root": root, "now": now}
    everywhere |= {"settings": request.app.state.settings, "marks_left": [_MOST_MARKS]}
    return placed(ENVIRONMENT.get_template(template).render({**everywhere, **values}), root)


def page(
    request: Request,
    template: str,
    values: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """An answer of HTML."""
    return HTMLResponse(render(request, template, values or {}), status, headers=dict(headers or {}))
