"""What a node and a saver can learn about the run they are in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.config import get_config
from langgraph.graph import START
from langgraph.runtime import get_runtime
from langgraph.types import Send, interrupt

from .graphs import State, answers, builder, chain, says, thread
from .recording import Recorder


def config_seen_by(node_of: Any, *, graph_name: str | None = None, metadata: Any = None) -> dict[str, Any]:
    """Run a graph made by node_of(node) and return the config that its node saw."""
    seen: list[Any] = []

    def node(state: State) -> None:
        seen.append(get_config())

    graph = node_of(node).compile(checkpointer=Recorder(), name=graph_name)
    graph.invoke({}, {**thread(), "metadata": metadata or {}})
    return dict(seen[0])


def by_edge(node: Any) -> Any:
    return chain(("node", node))


def by_send(node: Any) -> Any:
    b = builder()
    b.add_node("node", node)
    b.add_conditional_edges(START, lambda state: [Send("node", {"text": "x"})], ["node"])
    return b


def nested(inner: Any) -> Any:
    return lambda node: chain(("sub", inner(node).compile(name="child")))


@pytest.mark.parametrize("shape", [by_edge, by_send, nested(by_edge), nested(by_send)])
def test_the_graphs_name_is_nowhere_in_a_nodes_config(shape: Any) -> None:
    """compile(name=…) does not reach the nodes: whoever needs it must pass it on."""
    assert "support-desk" not in repr(config_seen_by(shape, graph_name="support-desk"))


def test_the_graphs_name_is_nowhere_in_a_savers_config() -> None:
    """Nor does it reach put() and put_writes()."""
    saver = Recorder()
    chain(("node", says("x"))).compile(checkpointer=saver, name="support-desk").invoke({}, thread())
    assert "support-desk" not in repr([call.config for call in saver.calls])


@pytest.mark.parametrize("shape", [by_edge, by_send, nested(by_edge), nested(by_send)])
def test_the_callers_metadata_reaches_every_node(shape: Any) -> None:
    """invoke(…, {"metadata": …}) is the one channel from the caller to a node."""
    assert config_seen_by(shape, metadata={"workflow": "support"})["metadata"]["workflow"] == "support"


def test_the_callers_metadata_reaches_the_saver_with_each_call() -> None:
    """So an answer can say who gave it: the metadata of the resuming call stands in its put_writes()."""
    saver = Recorder()
    graph, config = (
        chain(("gate", lambda state: {"log": [interrupt("ok?")]})).compile(checkpointer=saver),
        thread(),
    )
    graph.invoke({}, config)
    saver.forget()
    graph.invoke(answers(graph, config, {"ok?": "yes"}), {**config, "metadata": {"by": "ana"}})
    assert {call.config["metadata"]["by"] for call in saver.calls} == {"ana"}


def test_a_nodes_own_metadata_reaches_it_and_not_the_saver() -> None:
    """add_node(metadata=…) is in get_config() of that node only."""
    seen: list[Any] = []
    saver = Recorder()
    b = builder()
    b.add_node("node", lambda state: seen.append(get_config()["metadata"]), metadata={"gate": "reply"})
    b.add_edge(START, "node")
    b.compile(checkpointer=saver).invoke({}, thread())
    assert seen[0]["gate"] == "reply"
    assert "reply" not in repr([call.config for call in saver.calls])


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        (by_edge, "__pregel_pull"),
        (nested(by_edge), "__pregel_pull"),
        (by_send, "__pregel_push"),
        (nested(by_send), "__pregel_push"),
    ],
)
def test_the_path_tells_whether_a_node_was_reached_by_send(shape: Any, first: str) -> None:
    """metadata["langgraph_path"] starts with __pregel_push for a Send, in subgraphs too."""
    assert config_seen_by(shape)["metadata"]["langgraph_path"][0] == first


def test_the_path_tells_it_in_async_nodes_too() -> None:
    """The same from ainvoke()."""
    seen: list[Any] = []

    async def node(state: State) -> None:
        seen.append(get_config()["metadata"]["langgraph_path"])

    asyncio.run(by_send(node).compile(checkpointer=Recorder()).ainvoke({}, thread()))
    assert seen == [("__pregel_push", 0, False)]


def test_an_error_handlers_path_is_that_of_its_node_with_a_mark() -> None:
    """Its trigger is __pregel_push like a Send's: only the path tells them apart."""
    seen: list[Any] = []

    def fails(state: State) -> None:
        raise ValueError("boom")

    b = builder()
    b.add_node("work", fails, error_handler=lambda state: seen.append(get_config()["metadata"]))
    b.add_edge(START, "work")
    b.compile(checkpointer=Recorder()).invoke({}, thread())
    assert seen[0]["langgraph_path"] == ("__pregel_pull", "work", "node_error_handler", False)
    assert seen[0]["langgraph_triggers"] == ("__pregel_push",)


@pytest.mark.parametrize("shape", [by_edge, by_send, nested(by_edge), nested(by_send)])
def test_a_node_can_reach_the_running_checkpointer(shape: Any) -> None:
    """configurable["__pregel_checkpointer"] is the saver, in a subgraph the root's."""
    assert isinstance(config_seen_by(shape)["configurable"]["__pregel_checkpointer"], Recorder)


def test_without_a_checkpointer_a_node_can_see_that_there_is_none() -> None:
    """So a gate can refuse to pretend to pause."""
    seen: list[Any] = []
    b = chain(("node", lambda state: seen.append(get_config()["configurable"].get("__pregel_checkpointer"))))
    b.compile().invoke({})
    assert seen == [None]


def test_the_runtime_names_thread_task_and_checkpoint() -> None:
    """get_runtime().execution_info is the public place for them."""
    seen: list[Any] = []

    def node(state: State) -> None:
        seen.append((get_runtime().execution_info, get_config()["configurable"]))

    saver, config = Recorder(), thread()
    chain(("node", node)).compile(checkpointer=saver).invoke({}, config)
    info, configurable = seen[0]
    assert info.thread_id == config["configurable"]["thread_id"]
    assert info.task_id == configurable["__pregel_task_id"]
    assert info.checkpoint_ns == configurable["checkpoint_ns"] == f"node:{info.task_id}"
    assert info.checkpoint_id in {put.id for put in saver.puts()}
