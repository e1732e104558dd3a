"""The pages that stand behind links in messages: which case, and one button. Plain HTML; every text is escaped."""

from __future__ import annotations

import html

from hitl_graph.desk import Case
from hitl_graph.notices import Link
from hitl_graph.plain import printable

__all__ = ["HEADERS", "ask_page", "case_page", "done_page", "later_page", "refused_page"]

HEADERS = {
    "content-security-policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""What every answer carries: nothing is loaded, framed, kept or passed on."""

_VERBS = {"approve": "Approve", "reject": "Reject"}


def ask_page(link: Link, case: Case) -> str:
    """What the link would decide, and the button that does it. The proposal is for those who sign in."""
    rows = {"Gate": case.gate or case.node, "Status": case.status.value, "Decides": link.person}
    if case.shape == "native":  # the gate's own words; what others ask may hold a draft
        rows["Question"] = case.question
    verb = _VERBS[link.action]
    note = "<p>This page does not show what is proposed. If you have not seen it, open the case in the inbox.</p>"
    button = f'<form method="post"><button type="submit">{verb}</button></form>'
    return _page(f"{verb}?", _table(rows) + note + button)


def done_page(case: Case) -> str:
    """It is decided, or one vote of several is kept."""
    rows = {"Gate": case.gate or case.node, "Status": case.status.value}
    return _page("Your decision is kept", _table(rows) + "<p>There is nothing left to do here.</p>")


def refused_page() -> str:
    """The same for every link that decides nothing."""
    text = "This link decides nothing: it is not valid, has expired, was used, or the case has been settled or changed."
    return _page("Nothing was decided", f"<p>{text}</p><p>Open the case in the inbox.</p>")


def later_page() -> str:
    """Something is wrong on this side."""
    return _page("Not now", "<p>Nothing was decided. Please try again in a while.</p>")


def case_page(thread_id: str, review_id: str) -> str:
    """Where a case can be seen. It is not looked up: nobody learns here whether it exists."""
    text = "<p>Cases are shown to those who sign in. At the command line:</p>"
    command = f"hitl-graph show {review_id} --thread {thread_id}"
    return _page("A case", f"{text}<pre>{_text(command)}</pre>")


def _table(rows: dict[str, str]) -> str:
    return (
        "<dl>" + "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in rows.items()) + "</dl>"
    )


def _text(value: str) -> str:
    """Text from outside: hidden characters are written out, markup is text."""
    return html.escape(printable(str(value))[:2000])


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{title}</h1>{body}</body></html>'
