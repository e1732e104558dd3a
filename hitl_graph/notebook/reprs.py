"""How the library's nouns look in a notebook: HTML and Markdown for requests, records, cases, maps and threads.

`register()` tells the running IPython and marimo of them; importing `hitl_graph.notebook` calls it. The nouns
themselves know nothing of notebooks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from hitl_graph.desk import Case, Page
from hitl_graph.nodes import BoundaryMap
from hitl_graph.notebook.markup import case_html, page, record_html, table_html, text_html
from hitl_graph.notebook.thread import OpenCase, Thread
from hitl_graph.notebook.view import case_view, thread_view
from hitl_graph.plain import printable
from hitl_graph.reviews import Record, ReviewRequest
from hitl_graph.views.diff import value_text
from hitl_graph.views.request import record_view, request_view, span

__all__ = ["html_of", "markdown_of", "register"]


def html_of(value: object) -> str:
    """HTML of a noun: escaped, without scripts, legible on light and dark pages.

    Raises:
        TypeError: It is none of the nouns that have a page of their own.
    """
    for kind, (to_html, _) in _FORMS.items():
        if isinstance(value, kind):
            return to_html(value)
    raise TypeError(f"a {type(value).__name__} has no HTML of its own")


def markdown_of(value: object) -> str:
    """Markdown of a noun, as plain as can be: for places that show no HTML.

    Raises:
        TypeError: It is none of the nouns that have a page of their own.
    """
    for kind, (_, to_markdown) in _FORMS.items():
        if isinstance(value, kind):
            return to_markdown(value)
    raise TypeError(f"a {type(value).__name__} has no Markdown of its own")


def register() -> bool:
    """Make the running IPython and marimo show the nouns so. Returns whether there was one to tell."""
    told = _tell_ipython()
    return _tell_marimo() or told


def _tell_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return False
    for kind, (to_html, to_markdown) in _FORMS.items():
        shell.display_formatter.formatters["text/html"].for_type(kind, to_html)
        shell.display_formatter.formatters["text/markdown"].for_type(kind, to_markdown)
    return True


def _tell_marimo() -> bool:
    """marimo has no public registry of formatters; where its own has moved, values show as Python prints them."""
    if "marimo" not in sys.modules:
        return False
    try:
        from marimo._output.formatting import formatter
    except ImportError:
        return False
    for kind, (to_html, _) in _FORMS.items():
        formatter(kind)(_as_mime(to_html))
    return True


def _as_mime(to_html: Callable[[Any], str]) -> Callable[[Any], tuple[Any, str]]:
    """A formatter of marimo's."""

    def shown(value: Any) -> tuple[Any, str]:
        return "text/html", to_html(value)

    return shown


def _request_html(request: ReviewRequest) -> str:
    return page(case_html(request_view(request)))


def _open_html(case: OpenCase) -> str:
    return page(case_html(case_view(case)))


def _open_of(case: Case) -> OpenCase:
    return OpenCase(
        id=case.id,
        thread_id=case.thread_id,
        node=case.node,
        payload=case.payload,
        response_schema=case.response_schema,
        asked_at=case.asked_at,
    )


def _case_html(case: Case) -> str:
    words = (
        f"{case.status.value} for {span(case.waited_s)}" if case.status == "pending" else case.status.value
    )
    if case.decision_type:
        words += f": {case.decision_type.replace('_', ' ')} by {printable(case.by or 'unknown')}"
    line = text_html(f"{words} · thread {printable(case.thread_id)} · review {case.id[:8]}")
    error = f'<p class="hitl-bad">{text_html(printable(case.error))}</p>' if case.error else ""
    return page(case_html(case_view(_open_of(case))), f"<p><small>{line}</small></p>{error}")


def _page_html(cases: Page) -> str:
    if not cases:
        return page("<p>No cases.</p>")
    rows = [[text_html(cell) for cell in row] for row in _rows(cases)]
    more = (
        "<p><small>There are more: ask for the next page with after=page.next.</small></p>"
        if cases.next
        else ""
    )
    return page(table_html(rows, head=_HEAD), more)


_HEAD = ("Review", "Question", "Gate", "Owner", "Status", "Waited", "Thread")


def _rows(cases: Page) -> list[tuple[str, ...]]:
    return [
        (
            case.id[:8],
            printable(case.question),
            printable(case.gate or case.node),
            printable(case.owner or ""),
            case.status.value,
            span(case.waited_s),
            printable(case.thread_id),
        )
        for case in cases
    ]


def _record_html(record: Record) -> str:
    return page(record_html(record_view(record)))


def _map_html(mapped: BoundaryMap) -> str:
    rows = []
    for node in mapped.nodes:
        then = ", ".join(f"{word.replace('_', ' ')}: {target}" for word, target in node.decisions.items())
        undone = {True: "yes", False: "no", None: ""}[node.reversible]
        asks = f"{node.asks}; unattended: {node.unattended}" if node.unattended else node.asks
        cells = (
            node.name,
            node.role,
            node.action or "",
            node.risk or "",
            undone,
            asks,
            then,
            node.owner or "",
            node.sla or "",
        )
        rows.append([text_html(printable(cell)) for cell in cells])
    head = ("Node", "Role", "Action", "Risk", "Can be undone", "Asks", "Then", "Owner", "Time limit")
    problems = "".join(f'<p class="hitl-bad">{text_html(printable(text))}</p>' for text in mapped.problems)
    good = "" if mapped.problems else "<p>No irreversible act can be reached without a gate.</p>"
    return page(
        "<h3>What this graph may do, and where it asks</h3>", problems or good, table_html(rows, head=head)
    )


def _thread_html(thread: Thread) -> str:
    view = thread_view(thread)
    error = f'<p class="hitl-bad">{text_html(view["error"])}</p>' if view["error"] else ""
    parts = [f"<h3>Thread {text_html(view['thread'])} {text_html(view['words'])}</h3>", error]
    parts += [f"<hr>{case_html(case_view(case))}" for case in thread.cases]
    if thread.records:
        parts.append("<h4>Decisions, oldest first</h4>")
        parts += [
            f"<div class='hitl-source'>{record_html(record_view(record))}</div>" for record in thread.records
        ]
    values = thread.values if isinstance(thread.values, Mapping) else {"value": thread.values}
    own = {k: v for k, v in values.items() if k not in ("reviews", "judgements", "effects")}
    if own:
        rows = [(text_html(printable(str(k))), text_html(printable(_state_text(v)))) for k, v in own.items()]
        parts.append(f"<details><summary>State</summary>{table_html(rows)}</details>")
    return page(*parts)


def _state_text(value: object) -> str:
    try:
        text = value_text(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 2000 else f"{text[:1999]}…"


def _request_markdown(request: ReviewRequest) -> str:
    view = request_view(request)
    undone = " **This cannot be undone.**" if view["irreversible"] else ""
    lines = [f"**{_md(view['question'])}**", ""]
    lines += [f"- Why it paused: {_md(text)}" for text in view["why"]]
    lines += [f"- If you agree: {_md(view['consequence'])}{undone}"]
    lines += [
        f"- Evidence: {_md(item['title'])}: {_md(item['text'] or str(item['pairs']))}"
        for item in view["evidence"]
    ]
    lines += [f"- Proposed {_md(one['name'])}: {_md(one['text'])}" for one in view["fields"]]
    return "\n".join(lines)


def _case_markdown(case: Case | OpenCase) -> str:
    request = case.request
    if request is not None:
        return _request_markdown(request)
    return f"**{_md(case_view(case if isinstance(case, OpenCase) else _open_of(case))['question'])}**"


def _page_markdown(cases: Page) -> str:
    lines = [_HEAD, ["---"] * len(_HEAD), *_rows(cases)]
    return "\n".join(
        "| " + " | ".join(_md(cell) if cell != "---" else cell for cell in row) + " |" for row in lines
    )


def _record_markdown(record: Record) -> str:
    view = record_view(record)
    marks = {"=": "{}", "-": "~~{}~~", "+": "**{}**"}
    lines = [f"**{_md(view['gate'])}: {view['decision']} by {_md(view['by'])}** {view['at']}", ""]
    for one in view["fields"]:
        pieces = "".join(
            marks[kind].format(_md(text)) if text.strip() else text for kind, text in one["diff"]
        )
        lines.append(f"- {_md(one['name'])}: {pieces}")
    return "\n".join(lines)


def _thread_markdown(thread: Thread) -> str:
    view = thread_view(thread)
    parts = [f"Thread {_md(view['thread'])} {_md(view['words'])}"]
    return "\n\n".join([*parts, *map(_case_markdown, thread.cases), *map(_record_markdown, thread.records)])


def _md(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    flat = " ".join(text.split(" ")).replace("\n", " ")
    return "".join(f"\\{char}" if char in "\\`*_{}[]()<>#+-.!|~&:@" else char for char in flat)


_FORMS: dict[type, tuple[Callable[[Any], str], Callable[[Any], str]]] = {
    ReviewRequest: (_request_html, _request_markdown),
    Record: (_record_html, _record_markdown),
    Page: (_page_html, _page_markdown),
    Case: (_case_html, _case_markdown),
    OpenCase: (_open_html, _case_markdown),
    BoundaryMap: (_map_html, lambda mapped: mapped.to_markdown()),
    Thread: (_thread_html, _thread_markdown),
}
