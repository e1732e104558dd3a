"""A tool that asks before it runs, for `ToolNode`, plain graphs and agents."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.tools import tool as as_tool
from langgraph.prebuilt.tool_node import ToolRuntime

from hitl_graph.agents.board import adecided, decided
from hitl_graph.agents.gated_call import GatedCall
from hitl_graph.agents.kept_run import akept_run, kept_run
from hitl_graph.agents.ledgered import act_of, arun_ledgered, run_ledgered
from hitl_graph.agents.policy import check_passes
from hitl_graph.agents.standing_in import StandIn, looks_of
from hitl_graph.agents.tool_spec import ToolSpec, gate_of_tool
from hitl_graph.errors import DefinitionError
from hitl_graph.gates import Gate
from hitl_graph.nodes.marks import ToolsMark
from hitl_graph.nodes.wiring import with_continuations
from hitl_graph.wire import Shape

__all__ = ["GatedTool", "gated"]

RUNTIME = "runtime"
"""The argument in which `ToolNode` hands over what it knows."""


def gated(tool: BaseTool | Callable[..., Any], gate: Gate, *, shape: Shape = Shape.NATIVE) -> GatedTool:
    """The same tool, asking before it runs: for `ToolNode`, for `create_agent`, or called in a node.

    All gated calls of one message are open at once, each with an id of its own, and none of them runs before all
    are decided. A rejected call does not run, and the model is told so. The decision is attached to the tool's
    message and, where the graph's state extends `HitlState`, kept in `reviews`.

    Tools without a gate in the same `ToolNode` run at once, and run again when the node goes on after the pause.
    With `each_call` every call is a task of its own, and none runs twice.

    Args:
        tool: A LangChain tool, or a function to make one of.
        gate: What to ask, and when. Its functions see the graph's state, with the arguments under the key that its
            `proposal` names.
        shape: The payload that an older client renders; the native case stands inside it.

    Returns:
        A tool of the same name, description and arguments.

    Raises:
        DefinitionError: One of them is none, or the gate may let an act pass that cannot be undone.
    """
    if not isinstance(gate, Gate):
        raise DefinitionError(
            "gated", "gate", f"is a {type(gate).__name__}, not a gate such as ReviewBeforeSend"
        )
    if not isinstance(tool, BaseTool):
        if not callable(tool):
            raise DefinitionError("gated", "tool", f"is a {type(tool).__name__}: give a tool or a function")
        tool = as_tool(tool)
    check_passes(gate)
    spec = ToolSpec.of(tool)
    gate = gate_of_tool(gate, spec, tool)
    leads: dict[str, str | None] = dict.fromkeys(("rejected", "responded", "asked"), "the model")
    leads["taken_over"] = "the model" if "take_over" in gate.decisions else None
    gate = with_continuations(gate, {"approved": f"runs {tool.name}", **leads}, {})
    made = GatedTool(
        **looks_of(tool),
        gate=gate,
        shape=shape,
        spec=spec,
        runtime_key=_runtime_argument(tool) or RUNTIME,
        func=_names_runtime(tool),
    )
    object.__setattr__(made, "__hitl_mark__", ToolsMark(((gate, tool.name),)))
    return made


class GatedTool(StandIn):
    """A tool behind a gate; made by `gated`."""

    gate: Any
    shape: Shape = Shape.NATIVE
    spec: Any = None
    runtime_key: str = RUNTIME

    @property
    def injected(self) -> frozenset[str]:
        """The arguments that the tool is given by the program."""
        return frozenset(self.spec.injected) if self.spec else frozenset()

    @property
    def hidden(self) -> frozenset[str]:
        """The arguments that no person is shown."""
        return self.injected | {self.runtime_key}

    @property
    def first_argument(self) -> str:
        """What a lone text is taken for."""
        fields: dict[str, Any] = ((self.spec.schema or {}).get("properties") or {}) if self.spec else {}
        return next(iter(fields), "input")

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002  # LangChain's word
        """Ask, and run the tool with what was approved; otherwise say why it did not run."""
        call = GatedCall.of(self, input)
        end = decided(call)
        if end.told:
            return call.answered(end)
        given = call.granted(end, input)
        if call.id is None:
            return run_ledgered(self.tool, given, config, act_of(self.tool, end.entry, named=False), **kwargs)
        return call.finished(
            end, kept_run(self.tool, given, config, call.run_key(end), act_of(self.tool, end.entry), **kwargs)
        )

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002  # LangChain's word
        """`invoke`, for async graphs."""
        call = GatedCall.of(self, input)
        end = await adecided(call)
        if end.told:
            return call.answered(end)
        given = call.granted(end, input)
        if call.id is None:
            return await arun_ledgered(
                self.tool, given, config, act_of(self.tool, end.entry, named=False), **kwargs
            )
        return call.finished(
            end,
            await akept_run(
                self.tool, given, config, call.run_key(end), act_of(self.tool, end.entry), **kwargs
            ),
        )


def _runtime_argument(tool: BaseTool) -> str | None:
    """The argument in which a tool itself asks for the runtime, if it does."""
    for name, hint in _hints(tool).items():
        kinds = (hint, typing.get_origin(hint), *typing.get_args(hint))
        if name == RUNTIME or any(isinstance(kind, type) and issubclass(kind, ToolRuntime) for kind in kinds):
            return name
    return None


def _hints(tool: BaseTool) -> dict[str, Any]:
    function = getattr(tool, "func", None) or getattr(tool, "coroutine", None)
    if function is None:
        return {}
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError:  # an annotation that cannot be read
        return {}


def _names_runtime(tool: BaseTool) -> Callable[..., None]:
    """A function that names what the tool needs from `ToolNode`, and the runtime as well."""

    def names(**_: Any) -> None:
        """Is never called."""

    own = {name: hint for name, hint in _hints(tool).items() if name != "return"}
    names.__annotations__ = own if _runtime_argument(tool) else {**own, RUNTIME: ToolRuntime}
    return names
