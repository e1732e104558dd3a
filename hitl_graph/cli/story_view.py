"""One case's story for people: the answers to what an auditor asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.output import facts, one_line, value_text
from hitl_graph.views.ways import way_words

__all__ = ["story_view"]

_DECIDED = ("decided", "decided_elsewhere", "answer_known")


def story_view(told: Mapping[str, Any]) -> Group:
    """The whole story, in the order in which it happened."""
    review, decided = told["review"], told["decided"]
    about = f"{review['question']} ({review['gate'] or review['node'] or 'an interrupt'}, {review['status']})"
    rows: dict[str, Text | str] = {
        "Case": one_line(review["id"]),
        "Thread": one_line(review["thread_id"]),
        "Asked": Text.assemble(one_line(review["asked_at"]), "  ", one_line(about)),
        "Proposed": value_text(told["proposed"]["arguments"]),
        "Seen": one_line(told["seen"]["digest"]),
        "Decided": _decision(decided, told["events"]),
        "Changed": _changes(decided),
        "Informed": "yes: what was decided on is what was shown" if told["informed"] else "not proven",
        "Done": _effects(told["effects"]),
        "Versions": _versions(told["versions"]),
    }
    if told["erased"]:
        erased = told["erased"]
        rows["Erased"] = one_line(f"by {erased['by']} at {erased['at']}: {erased['reason']}")
    if not told["consistent"]:
        rows["Beware"] = Text(
            "the tables do not say what the events say: hitl-graph audit verify", "bold red"
        )
    return Group(facts(rows), Text(), _events(told["events"]))


def _decision(decided: Mapping[str, Any] | None, events: list[Mapping[str, Any]]) -> Text:
    if decided is None:
        return Text("nobody has decided")
    who = (decided["identity"] or {}).get("name") or decided["by"]
    way = next((way_words(one["data"]) for one in reversed(events) if one["type"] in _DECIDED), "")
    said = f"{decided['type']} by {who} at {decided['decided_at']}{f', {way}' if way else ''}"
    return one_line(f"{said}, after {decided['waited_s']:.0f} s")


def _changes(decided: Mapping[str, Any] | None) -> Text:
    if decided is None or decided["edited"] is None:
        return Text("-")
    if not decided["edited"]:
        return Text("nothing")
    return Text("\n").join(
        one_line(f"{one['op']} {one['path']}: {one.get('value', '')!r}") for one in decided["patch"]
    )


def _effects(effects: list[Mapping[str, Any]]) -> Text:
    told = [
        f"{one['action']}: {one['status']} at {one['finished_at'] or one['started_at']}" for one in effects
    ]
    return Text("\n").join(map(one_line, told)) if told else Text("nothing that the ledger knows")


def _versions(versions: Mapping[str, Any] | None) -> Text:
    known = {name: value for name, value in (versions or {}).items() if value is not None}
    return one_line(", ".join(f"{name} {value}" for name, value in known.items()) or "not given")


def _events(events: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("Event", "When", "What", "By", "Way", "Seal"):
        table.add_column(name, overflow="fold")
    for one in events:
        data = one["data"] or {}
        by, what = data.get("by") or "", one["type"]
        if what == "refused_attempt":
            what = f"refused: {data.get('what')}: {data.get('why')}"
        seal = "waits" if one["seal"] is None else f"{one['seal']} {one['hash'][:12]}"
        table.add_row(
            str(one["id"]), one_line(one["at"]), one_line(what), one_line(by), one_line(way_words(data)), seal
        )
    return table
