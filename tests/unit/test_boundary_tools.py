"""The boundary and acts that hide in tools and functions: they are found there."""

from typing import Any

from langchain_core.tools import StructuredTool
from langgraph.graph import END, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from hitl_graph.nodes import HitlState, add_gate, effect
from hitl_graph.nodes.boundary import check_boundary
from hitl_graph.nodes.marks import mark_of, set_mark
from tests.unit.boundary_graphs import SEND, Builder, State, edges, gate, nothing, paths_of, problem_of


class Messages(HitlState, total=False):
    """A state with a conversation."""

    messages: list[Any]


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
