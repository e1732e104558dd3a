"""The map of a graph's boundary: who is asked, when, and where each decision leads."""

import json

from langgraph.graph import END

from hitl_graph.gates import all_of
from hitl_graph.nodes import add_gate, effect
from hitl_graph.nodes.boundary_map import boundary_map
from hitl_graph.reviews import Owner, Sla
from tests.unit.boundary_graphs import (
    TAG,
    anywhere,
    asking,
    edges,
    failing,
    gate,
    gated,
    graph,
    measured,
    nothing,
    on_failure,
    unsure,
    with_gate,
)


def test_the_map_tells_who_is_asked_when_and_what_then() -> None:
    """R5: a gate's entry names its act, owner, time limit and the way of each decision."""
    sla = Sla(hours=4, on_expiry="escalate", escalate_to="managers")
    builder = graph("draft")
    add_gate(builder, gate(sla=sla), approved="send", rejected="draft", taken_over=END)
    entry = next(
        n for n in boundary_map(edges(builder, "START draft", "draft reply")).nodes if n.name == "reply"
    )
    assert (entry.role, entry.action, entry.risk, entry.reversible) == ("gate", "send_email", "medium", False)
    assert (entry.owner, entry.asks) == ("support", "always")
    assert entry.sla == "4 h, then escalate to managers"
    assert entry.decisions == {"approve": "send", "edit": "send", "reject": "draft", "take_over": "END"}


def test_the_map_lists_what_runs_alone() -> None:
    """R5: nodes without a gate or an effect are listed as running alone."""
    roles = {node.name: node.role for node in boundary_map(gated("notify")).nodes}
    assert roles == {"draft": "free", "notify": "free", "send": "effect", "reply": "gate"}
    assert (
        "Runs alone, and declares no act: `draft`, `notify`." in boundary_map(gated("notify")).to_markdown()
    )


def test_the_map_names_who_answers_for_an_effect() -> None:
    """R79: an effect has an owner: its own, or that of the gate before it."""
    builder = gated()
    builder.add_node("label", effect(nothing, action=TAG, owner=Owner("triage-team")))
    entries = {node.name: node for node in boundary_map(builder).nodes}
    assert (entries["send"].owner, entries["send"].asks) == ("support", "before it, by reply")
    assert (entries["label"].owner, entries["label"].asks) == ("triage-team", "never: runs alone")


def test_the_map_says_when_a_gate_asks() -> None:
    """The bars and the sample of a confidence gate, and each gate of a composite, are in the words."""
    builder = with_gate(all_of(unsure(), gate()), rejected="draft")
    entry = next(node for node in boundary_map(builder).nodes if node.role == "gate")
    assert entry.asks == (
        "when all of these ask: triage: when the score is under its bar (* 0.9), and for 5% of the rest; "
        "reply: always"
    )
    assert entry.decisions["passes"] == "send"


def test_the_map_of_a_collecting_gate() -> None:
    """Both of its nodes are listed, the first with its ways past and on to the second."""
    reason = "Nothing leaves the house."
    entries = {n.name: n for n in boundary_map(with_gate(unsure(score=measured, unattended=reason))).nodes}
    assert entries["triage"].decisions == {"passes": "send", "asks": "triage.review"}
    assert entries["triage"].unattended == reason
    assert entries["triage.review"].asks == "always, once triage has found a reason"


def test_the_map_draws_through_subgraphs() -> None:
    """Edges lead into and out of a subgraph directly, and inner decisions have full names."""
    builder = graph()
    builder.add_node("desk", asking())
    found = boundary_map(edges(builder, "START desk", "desk send"))
    drawn = {(edge.source, edge.target): edge.label for edge in found.edges}
    assert drawn == {
        ("START", "desk"): "",
        ("desk", "desk:draft"): "",
        ("desk:draft", "desk:reply"): "",
        ("desk:reply", "send"): "approved",
        ("desk:reply", "desk:draft"): "rejected",
        ("desk:reply", "desk:reply"): "judged again",
        ("send", "END"): "",
    }
    inner = next(node for node in found.nodes if node.name == "desk:reply")
    assert inner.decisions["reject"] == "desk:draft"
    assert next(node for node in found.nodes if node.name == "desk").role == "subgraph"


def test_the_map_holds_its_problems_and_raises_nothing() -> None:
    """What check_boundary raises stands in the map, and undeclared code leads to a question mark."""
    builder = gated()
    builder.add_node("triage", anywhere)
    found = boundary_map(edges(builder, "START triage"))
    assert "START -> triage -> send (undeclared Command)" in found.problems[0]
    assert [edge.target for edge in found.edges if edge.source == "triage"] == ["?"]
    assert "**Problems**" in found.to_markdown()


def test_the_map_shows_a_failure_handler_as_a_gate() -> None:
    """A handler that asks a person is a gate of the map, with its ways."""
    entry = next(
        node
        for node in boundary_map(failing(on_failure(skip="reply"))).nodes
        if node.name.startswith("__error")
    )
    assert (entry.role, entry.asks) == ("gate", "when the step has failed")
    assert entry.decisions["choose:skip"] == "reply"


def test_the_map_is_plain_json() -> None:
    """R50: the map survives JSON unchanged."""
    exported = boundary_map(edges(gated(), "draft send")).to_json()
    assert json.loads(json.dumps(exported)) == exported
    assert set(exported) == {"nodes", "edges", "problems"}


def test_the_table_is_safe_to_paste() -> None:
    """A reason with a pipe, a tag and a line break stays in its cell."""
    builder = with_gate(unsure(unattended="a | b\n<b>c</b>"))
    row = next(
        line for line in boundary_map(builder).to_markdown().splitlines() if line.startswith("| triage")
    )
    assert "a \\| b &lt;b>c&lt;/b>" in row
    assert row.replace("\\|", "").count("|") == 10


def test_the_chart_names_every_node_and_label() -> None:
    """The Mermaid chart has a box for each node, START and END, and the gate's labels on its edges."""
    chart = boundary_map(edges(gated(), "send END")).to_mermaid()
    assert chart.startswith("flowchart TD\n")
    for box in (
        '{{"reply<br/>gate: send_email"}}:::gate',
        '[["send<br/>effect: send_email"]]:::effect',
        '("draft")',
    ):
        assert box in chart
    assert '-->|"approved"|' in chart
    assert '("START")' in chart
    assert '("END")' in chart
