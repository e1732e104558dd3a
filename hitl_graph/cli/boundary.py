"""`hitl-graph boundary`: where a graph acts alone, where it asks, and whether anything slips past."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from hitl_graph.cli.loading import load_graph
from hitl_graph.cli.options import GraphName
from hitl_graph.cli.output import err, facts, one_line, out, print_json, safe

if TYPE_CHECKING:
    from hitl_graph.nodes.boundary_map import BoundaryMap

__all__ = ["boundary"]


class Form(enum.Enum):
    """How the map is printed."""

    TEXT = enum.auto()
    MARKDOWN = enum.auto()
    MERMAID = enum.auto()
    JSON = enum.auto()
    NONE = enum.auto()


def boundary(
    graph: GraphName,
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="Every effect needs a gate that asks about everything.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the map as Markdown.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print it as a Mermaid flowchart.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Print no map, only what is wrong.")] = False,
) -> None:
    """Draw what a graph may do, and check that nothing irreversible is reached without a gate.

    Exit code 1 when something is; the way there is printed.
    """
    from hitl_graph.nodes.boundary_map import boundary_map

    chosen = {Form.MARKDOWN: markdown, Form.MERMAID: mermaid, Form.JSON: as_json, Form.NONE: check}
    forms = [form for form, wanted in chosen.items() if wanted]
    if len(forms) > 1:
        raise typer.BadParameter("give one of --markdown, --mermaid, --json and --check")
    form = forms[0] if forms else Form.TEXT
    found = boundary_map(load_graph(graph), strict=strict)
    if form is Form.JSON:
        print_json(found.to_json())
    elif form is Form.MARKDOWN:
        typer.echo(found.to_markdown(), nl=False)
    elif form is Form.MERMAID:
        typer.echo(found.to_mermaid(), nl=False)
    elif form is Form.TEXT:
        out().print(Group(*_map(found)))
    if found.problems:
        for problem in found.problems:
            err().print(Text.assemble(("not safe: ", "bold red"), safe(problem)), soft_wrap=True)
        raise typer.Exit(1)
    if form in (Form.TEXT, Form.NONE):
        what = (
            "No effect is reached without a gate that asks."
            if strict
            else "Nothing irreversible is reached without a gate."
        )
        out().print(Text(what, "green"))


def _map(found: BoundaryMap) -> Iterator[RenderableType]:
    """What asks and what acts, a block for each."""
    for node in found.nodes:
        if node.role == "free":
            continue
        undone = {True: ", can be undone", False: ", cannot be undone", None: ""}[node.reversible]
        risk = f", {node.risk} risk" if node.risk else ""
        rows: dict[str, Text | str] = {node.role: one_line(f"{node.action or ''}{risk}{undone}")}
        if node.asks:
            rows["asked" if node.role == "effect" else "asks"] = safe(node.asks)
        if node.unattended:
            rows["may pass"] = safe(node.unattended)
        if node.decisions:
            rows["then"] = safe(", ".join(f"{word}: {target}" for word, target in node.decisions.items()))
        if node.owner:
            rows["owner"] = safe(node.owner + (f", {node.sla}" if node.sla else ""))
        yield one_line(node.name, "bold")
        yield Padding(facts(rows), (0, 0, 1, 2))
    alone = ", ".join(node.name for node in found.nodes if node.role == "free")
    yield Text.assemble("Runs alone, and declares no act: ", safe(alone or "nothing"), "\n")
