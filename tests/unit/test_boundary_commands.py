"""The boundary and Commands: where they lead if declared, and anywhere if not."""

from collections.abc import Callable
from types import FunctionType
from typing import Any, Literal

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.types import Command, Send

from hitl_graph.nodes import add_gate, effect
from hitl_graph.nodes.boundary import check_boundary
from tests.unit.boundary_graphs import (
    SEND,
    TAG,
    State,
    anywhere,
    edges,
    gate,
    gated,
    graph,
    nothing,
    paths_of,
    problem_of,
)


def declared(state: State) -> Command[Literal["send", "reply"]]:
    """A node that goes by Command, and says where."""
    return Command(goto="reply")


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
    return Command(**{"goto": "send"})  # noqa: PIE804  # as whoever builds a dict first


def by_send(state: State) -> Any:
    """A node that returns a Send."""
    return Send("send", state)


def by_annotation(state: State) -> Command[Any]:
    """A node that gets its Command from where nobody can look."""
    return state["email"]["next"]


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
