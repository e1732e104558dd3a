"""The boundary, proved on a graph's structure: every kind of way around a gate is refused, and named."""

import json
from collections.abc import Callable
from types import FunctionType
from typing import Any, Literal

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeError
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send

from hitl_graph.errors import BoundaryError, DefinitionError
from hitl_graph.gates import (
    ConfidenceGate,
    FailureEscalation,
    Gate,
    ReviewBeforeSend,
    Thresholds,
    all_of,
    any_of,
)
from hitl_graph.nodes import HitlState, add_gate, ask_on_failure, effect
from hitl_graph.nodes.boundary import check_boundary, walk
from hitl_graph.nodes.boundary_map import boundary_map
from hitl_graph.nodes.flow import read_flow
from hitl_graph.nodes.marks import FailureMark, mark_of, set_mark
from hitl_graph.reviews import Evidence, Owner, Sla
from hitl_graph.risk import ActionClass

SEND = ActionClass("send_email", reversible=False, audience="customer")
REFUND = ActionClass("refund", reversible=False, touches={"money"})
TAG = ActionClass("tag", reversible=True)


class State(HitlState, total=False):
    """A ticket's state."""

    email: dict[str, Any]
    score: float
    segment: str


class Messages(HitlState, total=False):
    """A state with a conversation."""

    messages: list[Any]


Builder = StateGraph[Any, Any, Any, Any]


def nothing(state: State) -> dict[str, Any]:
    """Do nothing."""
    return {}


def gate(
    kind: type[Gate] = ReviewBeforeSend, name: str = "reply", action: ActionClass = SEND, **own: Any
) -> Any:
    """A gate before sending an email."""
    return kind(
        name=name,
        action=action,
        proposal="email",
        question="Is this safe to send to the customer?",
        evidence=[Evidence("Message", "Where is my card?")],
        consequence="Sends an email.",
        owner=Owner("support"),
        **own,
    )


def unsure(name: str = "triage", action: ActionClass = SEND, score: Any = "score", **own: Any) -> Any:
    """A gate that may let pass."""
    bars = Thresholds({action.name: {"*": 0.9}})
    return gate(ConfidenceGate, name, action, score=score, thresholds=bars, segment="segment", **own)


def measured(state: State) -> float:
    """A score that is worked out."""
    return 0.5


def graph(*nodes: str, send: str = "send", action: ActionClass = SEND) -> Builder:
    """A graph with an effect, and free nodes without edges."""
    builder: Builder = StateGraph(State)
    for name in nodes:
        builder.add_node(name, nothing)
    builder.add_node(send, effect(nothing, action=action))
    return builder


def edges(builder: Builder, *pairs: str) -> Builder:
    """Draw edges written as `"a b"`."""
    for pair in pairs:
        source, target = pair.split()
        builder.add_edge(START if source == "START" else source, END if target == "END" else target)
    return builder


def routes_of(own: dict[str, str]) -> dict[str, Any]:
    """Where a gate's outcomes lead: to the effect, and back to the draft."""
    return {"approved": "send", "rejected": "draft", **own}


def gated(*nodes: str, **routes: str) -> Builder:
    """START, draft, gate, send; a rejection leads back to the draft."""
    builder = graph("draft", *nodes)
    add_gate(builder, gate(), **routes_of(routes))
    return edges(builder, "START draft", "draft reply")


def paths_of(graph: Any, **options: Any) -> list[str]:
    """Every way around a gate that is found."""
    with pytest.raises(BoundaryError) as caught:
        check_boundary(graph, **options)
    return [" -> ".join(path) for path in caught.value.paths]


def problem_of(graph: Any, **options: Any) -> str:
    """The text of the error."""
    with pytest.raises(BoundaryError) as caught:
        check_boundary(graph, **options)
    return caught.value.problem


def anywhere(state: State) -> Any:
    """A node that goes by Command and does not say where."""
    return Command(goto="send")


def declared(state: State) -> Command[Literal["send", "reply"]]:
    """A node that goes by Command, and says where."""
    return Command(goto="reply")


# What is accepted.


def test_a_gate_before_the_effect_is_enough() -> None:
    """START, draft, gate, send is accepted, and so is its loop back after a rejection."""
    check_boundary(gated())


def test_a_compiled_graph_is_read_like_its_builder() -> None:
    """Compiling changes nothing in the verdict."""
    check_boundary(gated().compile(checkpointer=InMemorySaver()))
    assert paths_of(edges(gated(), "draft send").compile()) == ["START -> draft -> send"]


def test_work_between_gate_and_effect_keeps_the_approval() -> None:
    """An approval lasts over free nodes until it is used."""
    check_boundary(edges(gated("format", approved="format"), "format send"))


def test_a_reversible_effect_needs_no_gate() -> None:
    """What can be taken back may run alone."""
    check_boundary(edges(graph(action=TAG), "START send"))


def test_a_second_act_after_a_second_gate_is_accepted() -> None:
    """The loop after an act is accepted when it goes through the gate."""
    check_boundary(edges(gated(), "send draft"))


def test_something_that_is_no_graph_is_refused_by_name() -> None:
    """The error names what was given."""
    with pytest.raises(DefinitionError, match="is a dict: give a StateGraph"):
        check_boundary({})


# What is refused.


def test_no_gate_at_all() -> None:
    """An effect right after START is named with its path."""
    assert problem_of(edges(graph("draft"), "START draft", "draft send")) == (
        "send_email can be reached without a gate: START -> draft -> send: "
        "put a gate for send_email on this way, with add_gate"
    )


def test_a_conditional_edge_around_the_gate() -> None:
    """A conditional edge past the gate is named as one."""
    builder = gated()
    builder.add_conditional_edges("draft", lambda s: "now", {"now": "send", "later": "reply"})
    text = problem_of(builder)
    assert "send_email can be reached without a gate: START -> draft -> send (conditional edge)" in text


def test_a_conditional_edge_to_gates_only() -> None:
    """A conditional edge that declares only the gate is accepted."""
    builder = gated("other")
    builder.add_conditional_edges("draft", lambda s: "reply", ["reply", "other"])
    check_boundary(builder)


@pytest.mark.parametrize("path_map", [None, {}], ids=["none", "empty"])
def test_a_conditional_edge_that_declares_nothing(path_map: Any) -> None:
    """It may go anywhere, and so to the effect; the error says what to declare."""
    builder = gated()
    builder.add_conditional_edges("draft", lambda s: "reply", path_map)
    text = problem_of(builder)
    assert "START -> draft -> send (undeclared conditional edge): the conditional edge" in text
    assert "path_map=[...]" in text


def test_a_conditional_edge_declared_by_literal() -> None:
    """A router's Literal is a declaration."""

    def route(state: State) -> Literal["reply"]:
        return "reply"

    builder = gated()
    builder.add_conditional_edges("draft", route)
    check_boundary(builder)


def test_an_undeclared_conditional_entry() -> None:
    """START can be left by an undeclared edge too."""
    builder = gated()
    builder.add_conditional_edges(START, lambda s: "draft")
    assert "START -> send (undeclared conditional edge): the conditional edge" in problem_of(builder)


def test_a_command_destination_that_is_declared() -> None:
    """A Literal of Command that names the effect is a way to it."""
    builder = gated()
    builder.add_node("triage", declared)
    assert "START -> triage -> send (Command)" in problem_of(edges(builder, "START triage"))


def test_a_command_destination_that_is_declared_by_add_node() -> None:
    """`destinations` are edges too; those that name the gate only are accepted."""
    bad, good = gated(), gated()
    bad.add_node("triage", anywhere, destinations={"send": "quick", "reply": "slow"})
    good.add_node("triage", anywhere, destinations=("reply",))
    assert paths_of(edges(bad, "START triage")) == ["START -> triage -> send"]
    check_boundary(edges(good, "START triage"))


def helper() -> Any:
    """Another function that makes the Command."""
    return Command(goto="send")


def by_helper(state: State) -> Any:
    """A node that lets a function of its module make the Command."""
    return helper()


def by_import(state: State) -> Any:
    """A node that imports Command where it needs it."""
    from langgraph.types import Command as Go

    return Go(goto="send")


def by_keywords(state: State) -> Any:
    """A node that makes the Command of a dict."""
    return Command(**{"goto": "send"})  # noqa: PIE804


def by_send(state: State) -> Any:
    """A node that returns a Send."""
    return Send("send", state)


def by_annotation(state: State) -> Command[Any]:
    """A node that gets its Command from where nobody can look."""
    return state["email"]["next"]  # type: ignore[no-any-return]


async def by_coroutine(state: State) -> Any:
    """An async node."""
    return Command(goto="send")


class Caller:
    """A callable object."""

    def __call__(self, state: State) -> Any:
        """Go on."""
        return self.go()

    def go(self) -> Any:
        """Make the Command."""
        return Command(goto="send")


def by_closure() -> Callable[[State], Any]:
    """A node made by a function."""
    go = Command

    def node(state: State) -> Any:
        return [go(goto=target) for target in ("send",)]

    return node


UNDECLARED = [
    anywhere,
    by_helper,
    by_import,
    by_keywords,
    by_send,
    by_annotation,
    by_coroutine,
    Caller(),
    Caller().go,
    by_closure(),
    RunnableLambda(anywhere),
    RunnableLambda(nothing) | RunnableLambda(anywhere),
]


@pytest.mark.parametrize("node", UNDECLARED, ids=lambda n: getattr(n, "__name__", type(n).__name__))
def test_a_command_that_is_not_declared(node: Any) -> None:
    """Code that makes a Command or a Send may go anywhere; the error says what to declare."""
    builder = gated()
    builder.add_node("triage", node)
    text = problem_of(edges(builder, "START triage", "triage reply"))
    assert "START -> triage -> send (undeclared Command): 'triage' makes a Command or Send" in text
    assert "destinations=" in text


def updates(state: State) -> Any:
    """A node whose Command goes nowhere."""
    return Command(update={"score": max(*state["email"].values())})


def asks(value: Any) -> bool:
    """Look whether something is a Command."""
    return isinstance(value, Command) and value.goto in ("goto", "send")


def inspects(state: State) -> Any:
    """A node that only looks at Commands."""
    return {"score": float(asks(state))}


def imports(state: State) -> Any:
    """A node that imports what it returns."""
    from langgraph.types import Command

    return Command(update={"score": 1.0})


def imports_send(state: State) -> Any:
    """A node that imports Send."""
    from langgraph.types import Send

    return Send("send", state)


def elsewhere(function: Any, **annotations: str) -> Any:
    """The same function in a module without this one's names."""
    copy = FunctionType(function.__code__, {"__name__": "elsewhere", "__builtins__": __builtins__})
    copy.__annotations__ = annotations
    return copy


def defaults(state: State) -> Any:
    """A node with an empty tuple in its code."""
    return Command(update={"score": len(state.get("reviews", ()))})


@pytest.mark.parametrize("node", [updates, inspects, elsewhere(imports, **{"return": "Command"}), defaults])
def test_a_command_that_goes_nowhere(node: Any) -> None:
    """A Command that only updates, and code that only looks at one, need no declaration."""
    builder = gated()
    builder.add_node("triage", node)
    check_boundary(edges(builder, "START triage", "triage reply"))


def test_a_send_that_is_imported_where_it_is_made() -> None:
    """A local import hides no Send."""
    builder = gated()
    builder.add_node("triage", elsewhere(imports_send))
    assert paths_of(edges(builder, "START triage")) == ["START -> triage -> send"]


def test_undeclared_code_is_named_once() -> None:
    """It reaches the effect directly; its ways over other nodes are the same problem."""
    builder = edges(gated("format", approved="format"), "format send")
    builder.add_node("triage", anywhere)
    assert paths_of(edges(builder, "START triage")) == ["START -> triage -> send"]


def test_undeclared_code_where_nothing_irreversible_happens() -> None:
    """Without an irreversible effect there is nothing to prove."""
    builder = graph(action=TAG)
    builder.add_node("triage", anywhere)
    check_boundary(edges(builder, "START triage"))


def test_an_effect_whose_own_function_goes_anywhere() -> None:
    """What an effect's function does by Command counts as well, beside where a held act goes."""
    builder = graph("wait")
    builder.add_node("label", effect(anywhere, action=TAG, held="wait"))
    assert paths_of(edges(builder, "START label")) == ["START -> label -> send"]


def test_the_held_way_of_an_effect_is_no_undeclared_one() -> None:
    """The wrapper's own Command is declared."""
    builder = graph("draft", "wait")
    builder.add_node("mail", effect(nothing, action=SEND, held="wait"))
    add_gate(builder, gate(), approved="mail", rejected="draft")
    check_boundary(edges(builder, "START draft", "draft reply"))


def test_a_send_fan_out_around_the_gate() -> None:
    """A fan-out that declares the effect is a way to it."""
    builder = gated()
    builder.add_conditional_edges("draft", lambda s: [Send("send", s)], ["send"])
    assert "START -> draft -> send (conditional edge)" in problem_of(builder)


def test_a_send_fan_out_through_the_gate() -> None:
    """A fan-out to the gate is accepted."""
    builder = graph("draft")
    add_gate(builder, gate(), approved="send", rejected=END)
    builder.add_conditional_edges("draft", lambda s: [Send("reply", s)], ["reply"])
    check_boundary(edges(builder, "START draft"))


def test_a_parallel_branch_beside_the_gate() -> None:
    """A branch that runs beside the gate is a way, though the gate stands in the graph."""
    builder = gated("notify")
    assert paths_of(edges(builder, "START notify", "notify send")) == ["START -> notify -> send"]


def test_a_parallel_branch_that_ends_before_the_effect() -> None:
    """A branch beside the gate that does not lead to the effect is accepted."""
    check_boundary(edges(gated("notify"), "START notify", "notify END"))


def test_a_join_with_a_branch_that_passed_no_gate() -> None:
    """A join waits for all, but only one of its branches was approved."""
    builder = gated("format", "notify", approved="format")
    builder.add_edge(["format", "notify"], "send")
    assert "START -> notify -> send (join)" in problem_of(edges(builder, "START notify"))


def test_a_join_of_branches_after_the_gate() -> None:
    """A join of branches that were all approved is accepted."""
    builder = gated("format", "left", "right", approved="format")
    builder.add_edge(["left", "right"], "send")
    check_boundary(edges(builder, "format left", "format right"))


def test_a_loop_back_to_the_effect() -> None:
    """An approval serves one act: a loop to a second one is refused."""
    builder = edges(gated("again"), "send again", "again send")
    text = problem_of(builder)
    assert "START -> draft -> reply -> send (approved) -> again -> send" in text
    assert "'send' has used the approval up" in text


def test_a_rejected_edge_into_the_effect() -> None:
    """A rejection that leads to the effect is refused, though an approval leads there as well."""
    text = problem_of(gated(rejected="send"))
    assert "START -> draft -> reply -> send (rejected)" in text
    assert "the gate 'reply' approves nothing along 'rejected'" in text


@pytest.mark.parametrize("outcome", ["asked", "taken_over", "responded"])
def test_an_edge_that_approves_nothing(outcome: str) -> None:
    """Asking for information, taking over and responding approve nothing."""
    builder = gated("more", **{outcome: "more"})
    words = outcome.replace("_", " ")
    assert f"START -> draft -> reply -> more ({words}) -> send" in problem_of(edges(builder, "more send"))


def test_a_plain_edge_out_of_a_gate() -> None:
    """An edge that is drawn out of a gate is taken whatever the decision is."""
    text = problem_of(edges(gated("log"), "reply log", "log send"))
    assert "START -> draft -> reply -> log -> send" in text
    assert "the gate 'reply' approves nothing along this edge" in text


def test_a_rejection_after_an_approval() -> None:
    """A second gate that rejects ends what the first one approved."""
    builder = graph("draft", "log")
    add_gate(builder, gate(), approved="second", rejected="draft")
    add_gate(builder, gate(name="second"), approved="send", rejected="log")
    edges(builder, "START draft", "draft reply", "log send")
    assert paths_of(builder) == ["START -> draft -> reply -> second -> log -> send"]


def test_the_gate_of_another_action() -> None:
    """A gate about a refund approves no email."""
    builder = graph("draft")
    add_gate(builder, gate(name="money", action=REFUND), approved="send", rejected="draft")
    text = problem_of(edges(builder, "START draft", "draft money"))
    assert "START -> draft -> money -> send (approved)" in text
    assert "the gate 'money' is about refund; put a gate for send_email before it" in text


def test_two_actions_with_a_gate_each() -> None:
    """Each action is approved by its own gate, and an act of one does not use up the other's."""
    builder = graph("draft")
    builder.add_node("pay", effect(nothing, action=REFUND))
    add_gate(builder, gate(), approved="money", rejected="draft")
    add_gate(builder, gate(name="money", action=REFUND), approved="pay", rejected="draft")
    check_boundary(edges(builder, "START draft", "draft reply", "pay send"))


def test_all_problems_stand_in_one_error() -> None:
    """Each way has its own line and its own path."""
    builder = edges(gated("notify"), "draft send", "START notify", "notify send")
    with pytest.raises(BoundaryError) as caught:
        check_boundary(builder)
    assert sorted(caught.value.paths) == [("START", "draft", "send"), ("START", "notify", "send")]
    assert caught.value.problem.startswith("2 problems:\n- send_email can be reached")


def test_an_interrupt_before_is_no_gate() -> None:
    """LangGraph's own breakpoints decide nothing."""
    builder = edges(graph("draft"), "START draft", "draft send")
    compiled = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["send"])
    assert paths_of(compiled) == ["START -> draft -> send"]


# Gates that may let an act pass.


def with_gate(one: Gate, **routes: str) -> Builder:
    """START, draft, this gate, send."""
    builder = graph("draft")
    add_gate(builder, one, **routes_of(routes))
    return edges(builder, "START draft", f"draft {one.name}")


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


# Subgraphs.


def desk(*pairs: str, ask: bool = False) -> Any:
    """A graph that drafts and sends, and asks between when told so."""
    builder = graph("draft")
    if ask:
        add_gate(builder, gate(), approved="send", rejected="draft")
    return edges(builder, *pairs).compile()


def test_an_effect_in_a_subgraph() -> None:
    """An effect inside a subgraph is found, and named with the subgraph's node."""
    builder = edges(StateGraph(State).add_node("desk", desk("START draft", "draft send")), "START desk")
    assert "START -> desk -> desk:draft -> desk:send" in problem_of(builder.compile())


def test_a_gate_in_a_subgraph() -> None:
    """A gate inside it is accepted."""
    inner = desk("START draft", "draft reply", ask=True)
    check_boundary(edges(StateGraph(State).add_node("desk", inner), "START desk"))


def test_an_approval_is_carried_into_a_subgraph() -> None:
    """A gate before the subgraph approves the effect inside."""
    builder: Builder = StateGraph(State)
    builder.add_node("desk", desk("START send"))
    add_gate(builder, gate(), approved="desk", rejected=END)
    check_boundary(edges(builder, "START reply"))


def asking() -> Any:
    """A graph that only asks: an approval ends it, and a rejection drafts again."""
    builder: Builder = StateGraph(State)
    builder.add_node("draft", nothing)
    add_gate(builder, gate(), approved=END, rejected="draft")
    return edges(builder, "START draft", "draft reply").compile()


def test_an_approval_is_carried_out_of_a_subgraph() -> None:
    """A gate inside the subgraph approves the effect after it."""
    builder = graph()
    builder.add_node("desk", asking())
    check_boundary(edges(builder, "START desk", "desk send"))


def test_a_rejection_is_carried_out_of_a_subgraph() -> None:
    """When a rejection ends the subgraph as well, the effect after it is reached without an approval."""
    inner: Builder = StateGraph(State)
    add_gate(inner, gate(), approved=END, rejected=END)
    builder = graph()
    builder.add_node("desk", edges(inner, "START reply").compile())
    assert "START -> desk -> desk:reply -> send (rejected)" in problem_of(
        edges(builder, "START desk", "desk send")
    )


def test_a_subgraph_of_a_subgraph() -> None:
    """Names are nested as deeply as graphs are."""
    inner = edges(StateGraph(State).add_node("mail", desk("START send")), "START mail").compile()
    builder = edges(StateGraph(State).add_node("desk", inner), "START desk")
    assert paths_of(builder) == ["START -> desk -> desk:mail -> desk:mail:send"]


def test_a_subgraph_with_a_config_of_its_own() -> None:
    """A graph with bound config is still a graph."""
    inner = desk("START send").with_config(tags=["inner"])
    assert paths_of(edges(StateGraph(State).add_node("desk", inner), "START desk")) == [
        "START -> desk -> desk:send"
    ]


SENDS = desk("START send")
ASKS = asking()


class Desk:
    """An object that holds a graph."""

    def __init__(self) -> None:
        """Hold it."""
        self.graph = SENDS

    def run(self, state: State) -> Any:
        """Call it."""
        return self.graph.invoke(state)


HELD = Desk()


def calls_global(state: State) -> Any:
    """A function that calls a graph of its module."""
    return SENDS.invoke(state)


def calls_attribute(state: State) -> Any:
    """A function that calls the graph of an object."""
    return HELD.run(state)


def calls_closure() -> Callable[[State], Any]:
    """A function that calls a graph that it closes over."""
    inner = SENDS

    async def node(state: State) -> Any:
        return await inner.ainvoke(state)

    return node


@entrypoint()
def calls_functional(state: State) -> Any:
    """A graph of the functional API that calls one."""
    return SENDS.invoke(state)


def calls_method() -> Callable[[State], Any]:
    """A function that closes over a graph's method."""
    run = SENDS.invoke

    def node(state: State) -> Any:
        return run(state)

    return node


CALLERS = [
    calls_global,
    calls_attribute,
    calls_closure(),
    Desk().run,
    calls_method(),
    lambda state, inner=SENDS: inner.invoke(state),
    calls_functional,
]


@pytest.mark.parametrize("node", CALLERS)
def test_a_graph_called_in_a_function(node: Any) -> None:
    """A graph that a function calls is entered."""
    builder = edges(StateGraph(State).add_node("desk", node), "START desk")
    assert paths_of(builder) == ["START -> desk -> desk:send"]


def calls_asking(state: State) -> Any:
    """A function that may call a graph that asks."""
    return ASKS.invoke(state) if state.get("score") else {}


def test_a_function_may_skip_the_graph_it_calls() -> None:
    """A gate in a graph that a function calls is no proof for what comes after."""
    builder = graph()
    builder.add_node("desk", calls_asking)
    text = problem_of(edges(builder, "START desk", "desk send"))
    assert "START -> desk -> send (when it does not call its graph)" in text


def test_a_function_that_calls_a_graph_may_end_its_own_graph() -> None:
    """Where a graph ends with a function that calls another one, both ends lead on."""
    inner = edges(StateGraph(State).add_node("call", calls_asking), "START call").compile()
    builder = graph()
    builder.add_node("desk", inner)
    text = problem_of(edges(builder, "START desk", "desk send"))
    assert "START -> desk -> desk:call -> send (when it does not call its graph)" in text
    assert ("desk:call:__end__", True) in walk(read_flow(builder), "send_email").came


def up(state: State) -> Any:
    """A node that goes to the parent graph."""
    return Command(goto="send", graph=Command.PARENT)


def parent(**options: Any) -> Builder:
    """A graph whose subgraph goes to a node of it by Command."""
    inner = edges(StateGraph(State).add_node("up", up), "START up").compile()
    builder = gated()
    builder.add_node("desk", inner, **options)
    return edges(builder, "START desk")


def test_a_command_to_the_parent_that_is_declared() -> None:
    """The destinations of the subgraph's node count for the Commands inside."""
    text = problem_of(parent(destinations=("send",)))
    assert "START -> desk -> desk:up -> send (Command to the parent graph, Command)" in text
    check_boundary(parent(destinations=("reply",)))


def test_only_a_command_to_the_parent_takes_its_declared_way() -> None:
    """What ends the subgraph otherwise does not go where its Commands go."""
    inner: Builder = StateGraph(State)
    inner.add_node("up", up)
    add_gate(inner, gate(), approved="up", rejected=END)
    builder = graph("file")
    builder.add_node("desk", edges(inner, "START reply").compile(), destinations=("send",))
    check_boundary(edges(builder, "START desk"))
    assert paths_of(edges(builder, "desk file", "file send")) == [
        "START -> desk -> desk:reply -> file -> send"
    ]


def test_a_command_to_the_parent_that_is_not_declared() -> None:
    """It may go anywhere in the parent graph."""
    text = problem_of(parent())
    assert "START -> desk -> desk:up -> send (Command to the parent graph, undeclared Command)" in text
    assert "add_node('desk', ..., destinations=...)" in text


def test_undeclared_code_cannot_leave_its_subgraph() -> None:
    """Code inside a subgraph goes anywhere in it, and not into the middle of the graph around it."""
    inner: Builder = StateGraph(State)
    inner.add_node("search", lambda s: Command(goto="read"))
    inner.add_node("read", nothing)
    builder = gated()
    builder.add_node("research", edges(inner, "START search").compile())
    check_boundary(edges(builder, "START research", "research draft"))


def test_an_empty_fan_out_leaves_the_subgraph() -> None:
    """A fan-out of nothing ends a subgraph before its gate; what follows it is not approved."""
    inner: Builder = StateGraph(State)
    inner.add_node("split", nothing)
    add_gate(inner, gate(), approved=END, rejected="split")
    inner.add_conditional_edges("split", lambda s: [Send("reply", s) for _ in ()], ["reply"])
    builder = graph()
    builder.add_node("desk", edges(inner, "START split").compile())
    text = problem_of(edges(builder, "START desk", "desk send"))
    assert "START -> desk -> desk:split -> send (sends nothing)" in text


def test_a_join_before_a_gate_in_a_subgraph() -> None:
    """A join of branches that always run is passed; one that may never complete ends the subgraph."""
    for sometimes in (False, True):
        inner: Builder = StateGraph(State)
        for name in ("left", "right"):
            inner.add_node(name, nothing)
        add_gate(inner, gate(), approved=END, rejected="left")
        inner.add_edge(["left", "right"], "reply")
        edges(inner, "START left")
        if sometimes:
            inner.add_conditional_edges("left", lambda s: "right", ["right", "reply"])
        else:
            edges(inner, "START right")
        builder = graph()
        builder.add_node("desk", inner.compile())
        edges(builder, "START desk", "desk send")
        if sometimes:
            assert "desk:left -> send (a join that never completes)" in problem_of(builder)
        else:
            check_boundary(builder)


def test_a_graph_that_calls_itself() -> None:
    """A graph inside itself is read once."""
    builder = gated()

    def again(state: State) -> Any:
        return recursive.invoke(state)

    builder.add_node("again", again)
    recursive = edges(builder, "send again").compile()
    check_boundary(recursive)


# Error handlers.


def failing(handler: Any, **routes: str) -> Builder:
    """START, draft, gate, send; the draft has an error handler."""
    builder = graph("later")
    builder.add_node("draft", nothing, error_handler=handler)
    add_gate(builder, gate(), **routes_of(routes))
    return edges(builder, "START draft", "draft reply")


def skips(state: State, error: NodeError) -> Any:
    """An error handler that goes on by Command."""
    return Command(goto="send")


def skips_declared(state: State, error: NodeError) -> Command[Literal["send"]]:
    """An error handler that says where it goes."""
    return Command(goto="send")


def retries_declared(state: State, error: NodeError) -> Command[Literal["draft", "__end__"]]:
    """An error handler that tries again."""
    return Command(goto="draft")


def notes(state: State, error: NodeError) -> dict[str, Any]:
    """An error handler that ends the run."""
    return {}


def test_an_undeclared_error_handler() -> None:
    """A handler that makes a Command may go anywhere."""
    text = problem_of(failing(skips))
    assert "START -> draft -> __error_handler__draft (error) -> send (undeclared Command)" in text
    assert "the error handler of 'draft' makes a Command" in text


def test_a_declared_error_handler() -> None:
    """A handler's annotation counts, though LangGraph does not draw it."""
    assert paths_of(failing(skips_declared)) == ["START -> draft -> __error_handler__draft -> send"]
    check_boundary(failing(retries_declared))


def test_an_error_handler_that_goes_nowhere() -> None:
    """A handler that only updates the state ends there."""
    check_boundary(failing(notes))


def acts_on_error(state: State, error: NodeError) -> Any:
    """An error handler that calls a graph that acts."""
    return SENDS.invoke(state)


@pytest.mark.parametrize("handler", [acts_on_error, effect(nothing, action=SEND)])
def test_an_error_handler_that_acts(handler: Any) -> None:
    """An effect in a handler is an effect."""
    [path] = paths_of(failing(handler))
    assert path.startswith("START -> draft -> __error_handler__draft")


def test_a_default_error_handler() -> None:
    """The handler for a whole graph is read before and after compiling."""
    builder = gated().set_node_defaults(error_handler=skips)
    want = ["START -> draft -> __default_error_handler__ -> send"]
    assert paths_of(builder)[:1] == want
    assert paths_of(builder.compile())[:1] == want


def on_failure(**targets: str) -> Any:
    """The error handler that asks a person, marked with where it leads."""
    escalation = gate(FailureEscalation, "broken", TAG)
    handler = ask_on_failure(escalation, **{"node": "draft", **targets})
    if mark_of(handler) is None:
        words = {"edit": "node", "choose:retry": "node", "choose:skip": "skip"}
        leads = {word: {"node": "draft", **targets}[key] for word, key in words.items()}
        set_mark(handler, FailureMark(escalation, {**leads, "choose:abort": END}))
    return handler


def test_asking_on_failure_and_going_on_before_the_gate() -> None:
    """Skipping a failed draft to the gate, and trying it again, are accepted."""
    check_boundary(failing(on_failure(skip="reply")))


def test_asking_on_failure_and_skipping_the_gate() -> None:
    """A skip past the gate is refused: who says skip has approved nothing."""
    text = problem_of(failing(on_failure(skip="send")))
    assert "START -> draft -> __error_handler__draft (error) -> send (choose:skip)" in text


def test_a_failed_act_may_be_tried_again() -> None:
    """An act that failed was not done: its approval stands for another try, and for nothing else."""
    for skip, accepted in (("draft", True), ("mail", False)):
        builder = graph("draft", send="mail")
        handler = on_failure(node="send", skip=skip)
        builder.add_node("send", effect(nothing, action=SEND), error_handler=handler)
        add_gate(builder, gate(), approved="send", rejected="draft")
        edges(builder, "START draft", "draft reply")
        if accepted:
            check_boundary(builder)
        else:
            assert paths_of(builder) == ["START -> draft -> reply -> send -> __error_handler__send -> mail"]


# Tools.


def mail(text: str) -> str:
    """Send a text."""
    return text


def test_a_tool_that_acts() -> None:
    """A ToolNode with a marked tool is an effect."""
    marked = mark_of(effect(nothing, action=SEND))
    assert marked is not None
    tool = StructuredTool.from_function(
        set_mark(lambda text: text, marked), name="mail", description="Sends."
    )
    builder: Builder = StateGraph(Messages)
    builder.add_node("tools", ToolNode([tool]))
    add_gate(builder, gate(), approved="tools", rejected=END)
    check_boundary(edges(builder, "START reply"))
    assert paths_of(edges(builder, "START tools")) == ["START -> tools"]


def test_a_tool_that_hands_over() -> None:
    """A tool that goes on by Command may go anywhere."""

    def hand_over(text: str) -> Any:
        """Hand over."""
        return Command(goto="send")

    builder: Builder = StateGraph(Messages)
    builder.add_node("send", effect(nothing, action=SEND))
    builder.add_node("tools", ToolNode([hand_over, mail]))
    assert "START -> tools -> send (undeclared Command)" in problem_of(edges(builder, "START tools"))


SENDER = effect(nothing, action=SEND)


def calls_effect(state: State) -> Any:
    """A free function that acts through an effect."""
    return SENDER(state)


def test_an_effect_called_in_a_function() -> None:
    """A node whose function calls an effect acts."""
    builder = edges(StateGraph(State).add_node("work", calls_effect), "START work")
    assert paths_of(builder) == ["START -> work"]


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


# The size of it.


def test_a_big_graph_is_walked_once_per_action() -> None:
    """300 nodes that lead to each other, twelve actions: two states for each node and action at most."""
    builder: Builder = StateGraph(State)
    actions = [ActionClass(f"act_{number}", reversible=False) for number in range(12)]
    names = [f"n{number}" for number in range(276)]
    for name in names:
        builder.add_node(name, nothing)
    for one in actions:
        builder.add_node(one.name, effect(nothing, action=one))
        add_gate(builder, gate(name=f"gate_{one.name}", action=one), approved=one.name, rejected="n0")
        edges(builder, f"n3 gate_{one.name}", f"{one.name} n0")
    for number, name in enumerate(names):
        for step in (1, 2, 7, 31):
            edges(builder, f"{name} {names[(number + step) % len(names)]}")
    flow = read_flow(edges(builder, "START n0"))
    assert len(builder.nodes) == 300
    for one in actions:
        found = walk(flow, one.name, frozenset([one.name]))
        assert len(found.came) <= 2 * len(flow.nodes)
        assert not found.bare
    check_boundary(builder)


# The map.


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


def test_one_approval_and_two_acts_side_by_side() -> None:
    """Two effects in one step cannot see each other: the fork behind the gate is refused."""
    builder = graph("draft", "prepare")
    builder.add_node("again", effect(nothing, action=SEND))
    add_gate(builder, gate(), approved="prepare", rejected="draft")
    edges(builder, "START draft", "draft reply", "prepare send", "prepare again")

    with pytest.raises(BoundaryError, match="several acts at once from 'prepare'"):
        check_boundary(builder)


def test_one_approval_and_a_fan_out_of_acts() -> None:
    """A router that sends may send one approval several times."""
    builder = graph("draft", "prepare")
    add_gate(builder, gate(), approved="prepare", rejected="draft")
    edges(builder, "START draft", "draft reply")
    builder.add_conditional_edges("prepare", lambda s: [Send("send", s)] * 3, ["send"])

    with pytest.raises(BoundaryError, match="several acts at once from 'prepare'"):
        check_boundary(builder)


def test_one_approval_and_either_of_two_acts() -> None:
    """A router takes one way: that is one act."""
    builder = graph("draft", "prepare")
    builder.add_node("again", effect(nothing, action=SEND))
    add_gate(builder, gate(), approved="prepare", rejected="draft")
    edges(builder, "START draft", "draft reply")
    builder.add_conditional_edges("prepare", lambda s: "send", ["send", "again"])

    check_boundary(builder)


def test_two_acts_of_one_name() -> None:
    """A reversible namesake would let the irreversible act pass unasked."""
    tame = ActionClass("send_email", reversible=True)
    builder = graph("draft")
    builder.add_node("other", effect(nothing, action=tame, owner=Owner("ops")))
    add_gate(builder, gate(), approved="send", rejected="draft")
    edges(builder, "START draft", "draft reply", "START other")

    with pytest.raises(BoundaryError, match="send_email is declared in two ways"):
        check_boundary(builder)
