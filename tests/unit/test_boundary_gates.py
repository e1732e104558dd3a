"""The boundary and gates that may let an act pass: alone they are no proof, with a reason they are."""

from hitl_graph.gates import FailureEscalation, all_of, any_of
from hitl_graph.nodes import add_gate
from hitl_graph.nodes.boundary import check_boundary, walk
from hitl_graph.nodes.flow import read_flow
from tests.unit.boundary_graphs import (
    TAG,
    edges,
    gate,
    graph,
    measured,
    nothing,
    paths_of,
    problem_of,
    unsure,
    with_gate,
)


def test_a_conditional_gate_alone() -> None:
    """A gate that may let an irreversible act pass is refused; the error names both ways out."""
    text = problem_of(with_gate(unsure()))
    assert "send_email can pass 'triage' without a person: START -> draft -> triage -> send (passes" in text
    assert "any_of" in text
    assert 'unattended="..."' in text


def test_a_conditional_gate_with_a_reason() -> None:
    """A stated reason lets it pass."""
    check_boundary(with_gate(unsure(unattended="Checked by hand for a year: no error in 9,000.")))


def test_a_gate_that_approves_nothing() -> None:
    """Who chooses how to go on after a failure has approved no act."""
    assert paths_of(with_gate(gate(FailureEscalation, "broken"))) == ["START -> draft -> broken -> send"]


def test_a_conditional_gate_beside_one_that_always_asks() -> None:
    """any_of with a gate that always asks is accepted; all_of is not."""
    check_boundary(with_gate(any_of(unsure(), gate())))
    both = all_of(unsure(), gate())
    assert paths_of(with_gate(both)) == [f"START -> draft -> {both.name} -> send"]


def test_a_conditional_gate_after_an_approval() -> None:
    """A gate that lets pass takes nothing from an approval before it; an edit at it has none."""
    for allowed in (("approve", "reject"), ("approve", "edit", "reject")):
        builder = graph("draft")
        add_gate(builder, gate(), approved="triage", rejected="draft")
        add_gate(builder, unsure(allowed=allowed), approved="send", rejected="draft")
        edges(builder, "START draft", "draft reply")
        if "edit" in allowed:
            assert paths_of(builder) == [
                "START -> draft -> reply -> triage -> triage.review -> triage -> send"
            ]
        else:
            check_boundary(builder)


def test_a_collecting_gate_that_may_let_pass() -> None:
    """Its first node lets pass without a person; only that way is refused."""
    assert paths_of(with_gate(unsure(score=measured))) == ["START -> draft -> triage -> send"]


def test_a_collecting_gate_with_a_reason() -> None:
    """A stated reason covers the way past its second node."""
    check_boundary(with_gate(unsure(score=measured, unattended="Nothing leaves the house.")))


def test_the_second_node_of_a_collecting_gate_approves() -> None:
    """What was asked about is approved by a person, who is asked on that way only."""
    builder = graph("draft")
    builder.add_node("archive", nothing)
    add_gate(builder, unsure(score=measured), approved="archive", rejected="draft")
    found = walk(read_flow(edges(builder, "START draft", "draft triage")), "send_email")
    assert ("archive", True) in found.came
    assert ("archive", False) in found.came
    assert [edge.how for edge in found.edges_to(("archive", True))][-1].startswith("approved")


def test_the_second_node_of_a_collecting_gate_by_another_way() -> None:
    """Reached past its first node, it has nothing measured and may let pass."""
    one = any_of(unsure(score=measured), unsure(name="other"), name="check")
    builder = with_gate(one)
    text = problem_of(edges(builder, "draft check.review"))
    assert (
        "send_email can pass 'check.review' without a person: START -> draft -> check.review -> send" in text
    )


# Strict mode (R73).


def test_strict_mode_wants_a_gate_before_every_effect() -> None:
    """R73: a reversible effect without a gate is refused in strict mode."""
    builder = edges(graph(action=TAG), "START send")
    assert "tag can be reached without a gate: START -> send" in problem_of(builder, strict=True)


def test_strict_mode_wants_gates_that_always_ask() -> None:
    """R73: a reason why it may pass unattended does not count, and the gate is named once."""
    for reason in ("", "Nothing leaves the house."):
        builder = with_gate(unsure(score=measured, unattended=reason))
        assert problem_of(builder, strict=True) == (
            "send_email can pass 'triage' without a person: START -> draft -> triage: "
            "strict mode asks about everything; give add_gate(..., strict=True)"
        )


def test_strict_mode_accepts_a_strict_gate() -> None:
    """R73: add_gate(..., strict=True) makes the same graph pass."""
    for score in ("score", measured):
        builder = graph("draft", action=TAG)
        add_gate(builder, unsure(action=TAG, score=score), approved="send", rejected="draft", strict=True)
        check_boundary(edges(builder, "START draft", "draft triage"), strict=True)
