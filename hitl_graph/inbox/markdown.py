"""Markdown of others: as HTML in which nothing runs, nothing is fetched and nothing is hidden."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from hitl_graph.views.text import link_of

__all__ = ["MOST", "markdown_html", "marks_of"]

MOST = 100_000
"""Characters; a longer text is shown as it is."""
_MARKS = re.compile(r"[*_`~\[\]!<>&|\\#\n-]|^[ \t]*[0-9+]|://", re.MULTILINE)

_RULE = re.compile(r"[\s|:>*+.)0-9-]*")
"""What may stand below the head of a table."""

_TAGS = {
    *(
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "hr",
        "li",
        "mark",
        "bdi",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strong",
        "ul",
    ),
    *("table", "tbody", "td", "th", "thead", "tr"),
}


def markdown_html(text: str, shown: Callable[[object], Markup]) -> Markup:
    """The text as HTML: no HTML of its own, no pictures, links to http and https only, each with its host behind it.

    Args:
        text: Markdown. shown: What makes text safe and writes hidden characters out.
    """
    if len(text) > MOST:
        return shown(text)
    rules = _Rules(shown)
    html = rules.parser.render(text)
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href", "target"}, "ol": {"start"}},
        allowed_classes={"mark": {"hidden-character"}, "span": {"meta"}},
        url_schemes={"http", "https"},
        link_rel="noreferrer noopener",
    )
    return Markup(clean)  # noqa: S704  # rendered without HTML of its own, and cleaned


def marks_of(text: str) -> int:
    """How many characters may mean something in Markdown: the time to read it grows with them."""
    return sum(1 for _ in _MARKS.finditer(text)) + _cells(text)


def _cells(text: str) -> int:
    """How many cells tables may have at most: those that a row lacks are made up."""
    columns = cells = 0
    for line in text.split("\n"):
        if _RULE.fullmatch(line) and "|" in line and "-" in line:
            columns = max(columns, line.count("|") + 1)
        elif not line.strip(" \t"):
            columns = 0
        cells += columns
    return cells


class _Rules:
    """A parser whose text is all made safe by one function."""

    def __init__(self, shown: Callable[[object], Markup]) -> None:
        self.shown = shown
        self.open: list[str] = []
        self.parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(
            ["table", "strikethrough"]
        )
        rules = self.parser.renderer.rules  # type: ignore[attr-defined]  # the protocol of renderers has none
        rules["text"] = self._text
        rules["code_inline"] = self._code
        rules["code_block"] = rules["fence"] = self._block
        rules["link_open"], rules["link_close"] = self._link_open, self._link_close
        rules["image"] = self._image
        rules["heading_open"] = lambda *_: "<p><strong>"
        rules["heading_close"] = lambda *_: "</strong></p>\n"

    def _text(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return str(self.shown(tokens[at].content))

    def _code(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return f"<code>{self.shown(tokens[at].content)}</code>"

    def _block(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return f"<pre>{self.shown(tokens[at].content)}</pre>\n"

    def _link_open(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        url = str(tokens[at].attrGet("href") or "")
        self.open.append(url)
        href, _host = link_of(url)
        return f'<a href="{escape(href)}" target="_blank">' if href else ""

    def _link_close(self, *_: Any) -> str:
        url = self.open.pop() if self.open else ""
        href, host = link_of(url)
        said = f"({host})" if href else f"(leads to {url})"
        return f'{"</a>" if href else ""} <span class="meta">{self.shown(said)}</span>'

    def _image(self, tokens: Sequence[Token], at: int, options: Any, env: MutableMapping[str, Any]) -> str:
        token = tokens[at]
        alt = RendererHTML().renderInlineAsText(token.children, options, env)
        said = f"[picture, not loaded: {alt} {token.attrGet('src') or ''}]"
        return f'<span class="meta">{self.shown(said)}</span>'
