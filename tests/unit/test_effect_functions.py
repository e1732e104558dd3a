"""Functions of every kind as acts, and what an act declares (R1, R50, R65)."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph.decisions import Edit
from hitl_graph.errors import DefinitionError, EffectError, EffectHeld, EffectNotApproved
from hitl_graph.nodes import add_gate, effect
from hitl_graph.nodes.marks import EffectMark, mark_of
from hitl_graph.reviews import Owner
from hitl_graph.risk import ActionClass
from tests.unit.factories import (
    EMAIL,
    SEND,
    TAG,
    Email,
    Mode,
    Outbox,
    State,
    Thread,
    acting,
    approved,
    bare,
    confidence_gate,
    in_both_modes,
    mail_graph,
    review_gate,
)

# Functions of every kind


class Sender:
    """A callable object."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, state: Any, key: str) -> None:
        self.keys.append(key)


class AsyncSender(Sender):
    """An async callable object."""

    async def __call__(self, state: Any, key: str) -> None:  # type: ignore[override]  # async here
        self.keys.append(key)


def test_an_async_function_acts() -> None:
    """R65: in async graphs."""
    outbox = Outbox()
    approved(acting(outbox.asend), "async")
    assert len(outbox) == 1


@pytest.mark.parametrize(("make", "mode"), [(Sender, "sync"), (Sender, "async"), (AsyncSender, "async")])
def test_a_callable_object_acts(make: type[Sender], mode: Mode) -> None:
    """R65: a client with a __call__, sync or async."""
    sender = make()
    approved(acting(sender), mode)
    assert len(sender.keys) == 1


def test_a_partial_of_an_async_function_acts() -> None:
    """R65: with the client bound."""

    async def send(outbox: Outbox, state: Any, key: str) -> None:
        outbox.send(state, key)

    outbox = Outbox()
    approved(acting(functools.partial(send, outbox)), "async")
    assert len(outbox) == 1


@in_both_modes
def test_a_function_may_take_the_state_alone(mode: Mode) -> None:
    """R65: key and config are there for those who name them."""
    seen: list[Any] = []
    approved(acting(lambda state: seen.append(state["email"])), mode)
    assert seen == [EMAIL]


@in_both_modes
def test_a_function_may_take_the_config(mode: Mode) -> None:
    """R65: such as for a tenant."""
    seen: list[Any] = []

    def send(state: Any, config: RunnableConfig) -> None:
        seen.append(config["configurable"]["thread_id"])

    approved(acting(send), mode)
    assert seen == ["t"]


@in_both_modes
def test_a_function_with_a_default_keeps_it(mode: Mode) -> None:
    """R65: other parameters are its own."""
    seen: list[Any] = []

    def send(state: Any, retries: int = 3) -> None:
        seen.append(retries)

    approved(acting(send), mode)
    assert seen == [3]


@in_both_modes
@pytest.mark.parametrize("update", [{"log": ["sent"]}, None], ids=["with an update", "without"])
def test_a_function_may_say_where_to_go(mode: Mode, update: Any) -> None:
    """R12: a Command goes its way, and the act is recorded."""
    outbox = Outbox()

    def send(state: Any, key: str) -> Command[Any]:
        outbox.send(state, key)
        return Command(update=update, goto="after")

    builder = StateGraph(State)
    builder.add_node("send", effect(send, action=SEND), destinations=("after",))
    builder.add_node("after", lambda state: {"log": [*state.get("log", []), "after"]})
    add_gate(builder, review_gate(), approved="send", rejected=END)
    thread = approved(builder.add_edge(START, "reply"), mode)
    assert thread.values["log"] == [*(update or {}).get("log", []), "after"]
    assert len(thread.values["effects"]) == len(outbox) == 1


@in_both_modes
@pytest.mark.parametrize("result", ["sent", 7, ["sent"], True], ids=repr)
def test_a_result_that_is_no_update_is_refused_and_says_that_it_was_done(mode: Mode, result: Any) -> None:
    """R2: the act happened, and whoever reads the error knows."""
    with pytest.raises(DefinitionError, match="it was done"):
        approved(acting(lambda state: result), mode)


# What is declared


@pytest.mark.parametrize("function", [None, "send", 7])
def test_an_act_is_a_function(function: Any) -> None:
    """R8: found when the graph is built."""
    with pytest.raises(DefinitionError) as caught:
        effect(function, action=SEND)
    assert caught.value.field == "function"


@pytest.mark.parametrize("action", [None, "send_email", ActionClass])
def test_an_act_has_an_action_class(action: Any) -> None:
    """R1: declared like the gate's."""
    with pytest.raises(DefinitionError) as caught:
        effect(lambda state: None, action=action)
    assert caught.value.field == "action"


def no_state() -> None:
    """Takes nothing."""


def more(state: Any, runtime: Any) -> None:
    """Demands what it is not given."""


def only_named(state: Any, *, store: Any) -> None:
    """Demands it by name."""


@pytest.mark.parametrize("function", [no_state, more, only_named])
def test_an_act_that_demands_what_it_is_not_given_is_refused(function: Any) -> None:
    """R2: not for the first time after the approval."""
    with pytest.raises(DefinitionError, match="function"):
        effect(function, action=SEND)


def test_an_act_can_be_read_off_its_node() -> None:
    """R50: class, owner and where it goes when it is held."""
    node = acting(Outbox().send, owner=Owner("sales"), held="aside").nodes["send"]
    assert mark_of(node.runnable) == EffectMark(SEND, "sales", "aside")


def test_where_a_held_act_goes_is_drawn() -> None:
    """R50: no hidden way out of an act."""
    edges = acting(Outbox().send, held="aside").compile().get_graph().edges
    assert ("send", "aside") in {(edge.source, edge.target) for edge in edges}


def test_a_held_way_to_nowhere_fails_at_compile() -> None:
    """R8: a misspelt node is found before anything waits."""
    with pytest.raises(ValueError, match="nowhere"):
        acting(Outbox().send, held="nowhere").compile()


def test_the_node_keeps_the_functions_name() -> None:
    """R30: add_node without a name calls it as the function is called."""
    builder = StateGraph(State)
    builder.add_node(effect(more_or_less, action=SEND))
    assert list(builder.nodes) == ["more_or_less"]


def more_or_less(state: Any) -> None:
    """An act."""


def test_every_refusal_is_an_effect_error_and_no_pause() -> None:
    """R2: a caller catches EffectError; LangGraph does not take it for an interrupt."""
    assert issubclass(EffectNotApproved, EffectError) and issubclass(EffectHeld, EffectError)
    assert not issubclass(EffectError, GraphBubbleUp)


@in_both_modes
def test_a_scalar_proposal_is_compared_as_well(mode: Mode) -> None:
    """I4: a label, not only an object."""
    seen: list[str] = []
    builder = StateGraph(State)
    builder.add_node("tag", effect(lambda state: seen.append(state["label"]), action=TAG))
    add_gate(builder, confidence_gate(), approved="tag", rejected=END)
    thread = Thread(builder.add_edge(START, "triage"), mode).start(label="card", segment="card", score=0.1)
    thread.answer(Edit({"value": "refund"}))
    assert seen == ["refund"]


@in_both_modes
def test_a_model_as_proposal_is_compared_as_well(mode: Mode) -> None:
    """I4: in the state's own type."""

    class Modelled(State, total=False):
        email: Email

    outbox = Outbox()
    thread = Thread(mail_graph(state=Modelled, outbox=outbox), mode).start(email=Email(**EMAIL))
    thread.answer(Edit({"body": "Better."}))
    assert [mail for _, mail in outbox] == [Email(**{**EMAIL, "body": "Better."})]


@in_both_modes
def test_an_act_in_a_subgraph_finds_its_approval(mode: Mode) -> None:
    """I3: the gate outside, the act inside."""
    outbox = Outbox()
    inner = bare(outbox).compile()
    builder = StateGraph(State)
    builder.add_node("sub", inner)
    add_gate(builder, review_gate(), approved="sub", rejected=END)
    approved(builder.add_edge(START, "reply"), mode)
    assert len(outbox) == 1
