"""HTML for notebooks that are read without a kernel: escaped, without scripts, legible on light and dark pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["case_html", "diff_html", "page", "record_html", "table_html", "text_html"]

_HIDDEN = re.compile(r"⟨U\+[0-9A-F]{4,6}⟩")

STYLE = (
    (Path(__file__).parent / "static" / "page.css")
    .read_text(encoding="utf-8")
    .partition("*/")[2]
    .replace("\n", "")
)


def page(*parts: str) -> str:
    """The parts in one box, with the style that they need."""
    return f'<style>{STYLE}</style><div class="hitl-r">{"".join(parts)}</div>'


def text_html(text: str) -> str:
    """Printable text, escaped, with the marks of hidden characters made visible."""
    lines = html.escape(text).replace("\n", "<br>")  # a page that drops our style still breaks lines
    return _HIDDEN.sub(lambda found: f"<mark>{found.group()}</mark>", lines)


def diff_html(pieces: Iterable[Sequence[str]]) -> str:
    """A word diff; what is struck or underlined says it without colour too."""
    tags = {"=": "{}", "-": "<del>{}</del>", "+": "<ins>{}</ins>"}
    return "".join(tags[kind].format(text_html(text)) for kind, text in pieces)


def table_html(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """A table of cells that are HTML already; the first of each row is its heading."""
    top = f"<tr>{''.join(f'<th>{text_html(cell)}</th>' for cell in head)}</tr>" if head else ""
    body = "".join(
        f"<tr><th>{row[0]}</th>{''.join(f'<td>{cell}</td>' for cell in row[1:])}</tr>" for row in rows
    )
    return f'<table class="hitl-t{" hitl-all" if head else ""}">{top}{body}</table>'


def case_html(view: Mapping[str, Any]) -> str:
    """A case, read-only."""
    if view["foreign"] is not None:
        return _foreign_html(view)
    happens = text_html(view["consequence"])
    if view["irreversible"]:
        happens += " <strong>This cannot be undone.</strong>"
    if view["if_wrong"]:
        happens += f"<br><small>If it is wrong: {text_html(view['if_wrong'])}</small>"
    rows = [("Why it paused", _lines(view["why"]))]
    rows += [("Uncertain", _lines(view["uncertainty"]))] if view["uncertainty"] else []
    rows += [("If you agree", happens)]
    must = f"{view['owner']}, priority {view['priority']}" + (f"; {view['limit']}" if view["limit"] else "")
    rows += [("Who must act", text_html(must))]
    rows += [("Blocks", text_html(", ".join(view["blocks"])))] if view["blocks"] else []
    warnings = "".join(
        f'<p class="hitl-bad"><strong>{text_html(text)}</strong></p>' for text in view["warnings"]
    )
    evidence = "".join(_evidence(item) for item in view["evidence"]) or "<p>No evidence was found.</p>"
    proposal = f'<div class="hitl-agent">{_fields(view["fields"])}</div>'
    parts = [
        f"<h3>{text_html(view['question'])}</h3>",
        f"<p><small>{text_html(view['gate'])} · {text_html(view['kind'].replace('_', ' '))}</small></p>",
        table_html(rows),
        warnings,
        '<div class="hitl-two">',
        f"<div><h4>Evidence: what is known</h4>{evidence}</div>",
        f"<div><h4>Proposed by the system: {text_html(view['act'])}</h4>{proposal}</div></div>",
    ]
    if view["options"]:
        parts += [
            "<h4>Options</h4>",
            table_html([(_of(o, "value"), _of(o, "label"), _of(o, "consequence")) for o in view["options"]]),
        ]
    if view["previous"]:
        parts += _previous(view["previous"])
    if view["transcript"]:
        turns = [(_of(turn, "role"), _of(turn, "text")) for turn in view["transcript"]]
        parts += [f"<details><summary>Transcript ({len(turns)})</summary>{table_html(turns)}</details>"]
    if view["versions"]:
        parts.append(f"<p><small>Made with {text_html(view['versions'])}</small></p>")
    return "".join(parts)


def record_html(view: Mapping[str, Any]) -> str:
    """A record: what was proposed and what came of it."""
    word = view["decision"].replace("_", " ")
    told = [view["by"], view["at"], f"after {view['waited']}" if view["waited"] else "", f"via {view['via']}"]
    rows = [
        (label, text_html(view[key]))
        for label, key in (
            ("Option", "option"),
            ("Said", "words"),
            ("Reason", "reason"),
            ("Cause", "cause"),
            ("Recurrence", "recurrence"),
            ("Note", "note"),
            ("Went on to", "route"),
        )
        if view[key]
    ]
    outcome = view["outcome"].replace("_", " ")
    outcome = "" if outcome in (word, f"{word}d", f"{word}ed") else f" → {text_html(outcome)}"
    fields = table_html((text_html(one["name"]), diff_html(one["diff"])) for one in view["fields"])
    if not view["final"] and view["outcome"] == "rejected":
        fields = f"<p>Nothing was done. What was proposed:</p>{fields}"
    return (
        f"<h3>{text_html(view['gate'])}: {text_html(word)}{outcome}</h3>"
        f"<p><small>{text_html(' · '.join(part for part in told if part))}</small></p>"
        f"{table_html(rows) if rows else ''}<h4>{text_html(view['act'])}: proposed → final</h4>{fields}"
    )


def _foreign_html(view: Mapping[str, Any]) -> str:
    who = f"Asked by node {view['node'] or 'unknown'}, which is no gate of this library."
    acts = "".join(
        f"<p><strong>{text_html(act['name'])}</strong></p>{_fields(act['fields'])}" for act in view["acts"]
    )
    words = f'<div class="hitl-text">{text_html(view["description"])}</div>' if view["description"] else ""
    box = f'<div class="hitl-agent">{words}{acts}</div>' if words or acts else ""
    return f"<h3>{text_html(view['question'])}</h3><p><small>{text_html(who)}</small></p>{box}"


def _previous(view: Mapping[str, Any]) -> list[str]:
    said = f"{view['decision']} by {view['by']}" + (f": {', '.join(view['said'])}" if view["said"] else "")
    fields = table_html((text_html(one["name"]), diff_html(one["diff"])) for one in view["fields"])
    return [f"<h4>Since the attempt before</h4><p>{text_html(said)}</p>{fields}"]


def _evidence(item: Mapping[str, Any]) -> str:
    source = f" <small>({text_html(item['source'])})</small>" if item["source"] else ""
    pairs = (
        table_html((text_html(name), text_html(value)) for name, value in item["pairs"])
        if item["pairs"]
        else ""
    )
    kind = "hitl-text hitl-mono" if item["mono"] else "hitl-text"
    text = f'<div class="{kind}">{text_html(item["text"])}</div>' if item["text"] else ""
    url = f"<p><small>{text_html(item['url'])}</small></p>" if item["url"] else ""
    return f'<div class="hitl-source"><strong>{text_html(item["title"])}</strong>{source}{pairs}{text}{url}</div>'


def _fields(fields: Iterable[Mapping[str, Any]]) -> str:
    rows = []
    for one in fields:
        cell = text_html(one["text"])
        if one["mono"]:
            cell = f'<span class="hitl-mono">{cell}</span>'
        if one["hidden"]:
            cell += f'<p class="hitl-bad">hidden: {text_html(", ".join(one["hidden"]))}</p>'
        rows.append((text_html(one["name"]), cell))
    return table_html(rows)


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(text_html(text) for text in texts)


def _of(view: Mapping[str, Any], key: str) -> str:
    return text_html(view[key])
