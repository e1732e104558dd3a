"""The boundary and error handlers: a failed step opens a way, and it is found like any other."""

from typing import Any, Literal

import pytest
from langgraph.errors import NodeError
from langgraph.types import Command

from hitl_graph.nodes import add_gate, effect
from hitl_graph.nodes.boundary import check_boundary
from tests.unit.boundary_graphs import (
    SEND,
    SENDS,
    State,
    edges,
    failing,
    gate,
    gated,
    graph,
    nothing,
    on_failure,
    paths_of,
    problem_of,
)


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
