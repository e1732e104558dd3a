"""Middleware for `create_agent`: a gate before each tool call that needs one."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, NotRequired

from langchain.agents.middleware.types import (
    AgentMiddleware,
    AgentState,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    PrivateStateAttr,
    ToolCallRequest,
    hook_config,
)
from langchain_core.messages import HumanMessage, RemoveMessage
from langchain_core.tools import BaseTool
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime
from langgraph.types import Command

from hitl_graph.agents.call_gate import Setting, led
from hitl_graph.agents.checked_tool import was_called
from hitl_graph.agents.guard import Leave, finished, leave_for, unchanged, ungated
from hitl_graph.agents.outcome import turn_update
from hitl_graph.agents.policy import Gates, Policy
from hitl_graph.agents.tool_spec import ToolSpec, gate_of_tool, tool_problem
from hitl_graph.agents.turn import CALLS, REFUSED, TOOLS, Entry, known_tools, open_calls
from hitl_graph.agents.turn_graph import compiled_turn, with_setting
from hitl_graph.agents.wording import dangling
from hitl_graph.errors import DefinitionError
from hitl_graph.nodes.marks import ToolsMark
from hitl_graph.nodes.state import keep_each, merge
from hitl_graph.wire import Shape

__all__ = ["GateMiddleware", "GateState"]

_MOST_SPECS = 512
_SHAPES = (Shape.NATIVE, Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH)


class GateState(AgentState[Any]):
    """An agent's state with the keys of `HitlState`; three more are no part of its input or output."""

    reviews: NotRequired[Annotated[list[dict[str, Any]], keep_each]]
    judgements: NotRequired[Annotated[dict[str, dict[str, Any]], merge]]
    effects: NotRequired[Annotated[list[dict[str, Any]], keep_each]]
    hitl_calls: NotRequired[Annotated[dict[str, Any], PrivateStateAttr]]
    hitl_refused: NotRequired[Annotated[dict[str, Any], PrivateStateAttr]]
    hitl_tools: NotRequired[Annotated[dict[str, Any], PrivateStateAttr]]


class GateMiddleware(AgentMiddleware[Any, Any, Any]):
    """Ask a person before a tool call runs.

    Each call of a turn that needs a gate is a case of its own, all are open at once, and each is answered by its own
    id. Nothing of the turn runs before all are decided. The pause happens in a node of the agent's graph, where no
    retry or fallback can take it for a failure. At execution a call runs only if it is exactly what was let through.

    Args:
        gates: A gate for each tool's name, glob or predicate of (tool_call, state); the first match decides. A
            gate's functions see the agent's state, with the arguments under the key that its `proposal` names.
        edit_to: The tools that an edit may call instead, by the tool that the model called; their own gates judge
            the edited call. Without it an edit changes arguments only.
        shape: The payload that an older client renders; the native case stands inside it.
        strict: Ask about every call that a gate matches, whatever its policy says (R73).
        max_repeats: How often the model may propose again just what was rejected before the agent is stopped, from
            0. Nobody is asked about such a call.

    Raises:
        DefinitionError: A matcher, a gate or a parameter is none, or a gate may let an act pass that cannot be
            undone.

    Example:
        `create_agent(model, tools, middleware=[GateMiddleware({"send_*": gate})], checkpointer=checkpointer)`
    """

    state_schema = GateState

    def __init__(
        self,
        gates: Gates,
        *,
        edit_to: Mapping[str, Sequence[str]] | None = None,
        shape: Shape = Shape.NATIVE,
        strict: bool = False,
        max_repeats: int = 2,
    ) -> None:
        super().__init__()
        self.policy = Policy.of(gates, strict=strict)
        self.edit_to = {
            name: (to,) if isinstance(to, str) else tuple(to) for name, to in (edit_to or {}).items()
        }
        if shape not in _SHAPES:
            raise DefinitionError("GateMiddleware", "shape", f"is one of {', '.join(_SHAPES)}")
        if not isinstance(max_repeats, int) or max_repeats < 0:
            raise DefinitionError("GateMiddleware", "max_repeats", "is a whole number from 0")
        self.shape = shape
        self.max_repeats = max_repeats
        self._turn = compiled_turn(self.policy)
        words = [(gate, ", ".join(self.policy.matchers(gate))) for gate in self.policy.gates]
        mark = ToolsMark(tuple((led(gate), tools) for gate, tools in words))
        self.__hitl_marks__ = {"after_model": mark, "aafter_model": mark}
        self._unseen = self.policy.names | {
            name for pair in self.edit_to.items() for name in (pair[0], *pair[1])
        }
        self._tools: dict[str, BaseTool] = {}
        self._specs: dict[int, tuple[Any, dict[str, Any] | None]] = {}

    def before_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Answer the calls that were still waiting when the user wrote again: their cases are closed."""
        update: dict[str, Any] = {}
        messages = dangling(state["messages"])
        if messages is not None:
            update["messages"] = [RemoveMessage(id=REMOVE_ALL_MESSAGES), *messages]
        if state.get(REFUSED) and isinstance(state["messages"][-1], HumanMessage):
            update[REFUSED] = {}  # what the user has written since may be a reason to ask again
        return update or None

    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """`before_agent`, for async graphs."""
        return self.before_agent(state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> Any:
        """Keep which tools the model was shown, and what they take."""
        tools = self._shown(request)
        return self._with_tools(request, tools, handler(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> Any:
        """`wrap_model_call`, for async graphs."""
        tools = self._shown(request)
        return self._with_tools(request, tools, await handler(request))

    @hook_config(can_jump_to=["end"])
    def after_model(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Ask about the calls of the turn that need it, and tell the model what came of those that do not run."""
        message, calls = self._gated(state)
        if message is None:
            return {CALLS: {}} if state.get(CALLS) else None
        with with_setting(self._setting(state)):
            turn = self._turn.invoke({"calls": calls})
        return turn_update(message, calls, turn, state, self.max_repeats)

    @hook_config(can_jump_to=["end"])
    async def aafter_model(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """`after_model`, for async graphs."""
        message, calls = self._gated(state)
        if message is None:
            return {CALLS: {}} if state.get(CALLS) else None
        with with_setting(self._setting(state)):
            turn = await self._turn.ainvoke({"calls": calls})
        return turn_update(message, calls, turn, state, self.max_repeats)

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Any]) -> Any:
        """Run what was let through, exactly so; anything else that needs a gate is not run."""
        leave = self._leave(request)
        if leave.told is not None:
            return leave.told
        if leave.entry is None:
            return handler(self._free(request))
        granted = self._granted(request, leave.entry)
        result = handler(granted)
        if not was_called(granted.tool):
            return result  # other middleware did something else in its place, which nobody here answers for
        return finished(result, leave.entry, str(request.tool_call["id"]))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Any]]
    ) -> Any:
        """`wrap_tool_call`, for async graphs."""
        leave = self._leave(request)
        if leave.told is not None:
            return leave.told
        if leave.entry is None:
            return await handler(self._free(request))
        granted = self._granted(request, leave.entry)
        result = await handler(granted)
        if not was_called(granted.tool):
            return result  # other middleware did something else in its place, which nobody here answers for
        return finished(result, leave.entry, str(request.tool_call["id"]))

    def _shown(self, request: ModelRequest[Any]) -> dict[str, Any]:
        """The tools in a request that a gate may stand before, or an edit may name, as they are kept."""
        if self._unseen:
            self._check_names({_name(tool) for tool in request.tools})
        out = {}
        for tool in request.tools:
            held, spec = self._specs.get(id(tool), (None, None))
            if held is not tool:
                spec = self._read(tool)
                if len(self._specs) >= _MOST_SPECS:  # of an agent that makes its tools anew for each request
                    self._specs.clear()
                self._specs[id(tool)] = (tool, spec)
            if spec is not None:
                out[spec["name"]] = spec["kept"]
        return out

    def _read(self, tool: BaseTool | dict[str, Any]) -> dict[str, Any] | None:
        name = _name(tool)
        named = any(name in targets for targets in self.edit_to.values())
        if not isinstance(name, str) or not (named or self.policy.may_match(name)):
            return None
        spec = ToolSpec.of(tool)
        if spec is None:
            return None
        if isinstance(tool, BaseTool):
            self._tools[name] = tool
        for matcher, gate in self.policy.rules:
            if matcher == name:
                gate_of_tool(gate, spec)  # what does not fit the tool is said before any model is asked
        return {"name": name, "kept": spec.to_json()}

    def _check_names(self, shown: set[Any]) -> None:
        """Say once which names stand before nothing: a misspelled one would let its tool run without its gate."""
        unknown, self._unseen = sorted(self._unseen - shown), frozenset()
        if unknown:
            problem = (
                f"GateMiddleware: the model is shown no tool named {', '.join(unknown)}, so a gate for it stands "
                "before nothing, and no edit leads to it. Check the spelling. A tool that other middleware adds "
                "later is gated all the same."
            )
            warnings.warn(problem, UserWarning, stacklevel=2)

    def _with_tools(self, request: ModelRequest[Any], tools: dict[str, Any], response: Any) -> Any:
        if (request.state or {}).get(TOOLS) == tools:
            return response
        return ExtendedModelResponse(model_response=response, command=Command(update={TOOLS: tools}))

    def _gated(self, state: Mapping[str, Any]) -> tuple[Any, list[Any]]:
        """The model's message and its open calls, if any of them may need a gate."""
        message, calls = open_calls(state["messages"])
        if message is None or not any(self.policy.may_match(call["name"]) for call in calls):
            return None, []
        return message, [dict(call) for call in calls]

    def _setting(self, state: Mapping[str, Any]) -> Setting:
        return Setting(
            policy=self.policy,
            edit_to=self.edit_to,
            tools=known_tools(state) or {},
            state=dict(state),
            problem=lambda name, args: tool_problem(self._tools.get(name), args),
            shape=self.shape,
        )

    def _leave(self, request: ToolCallRequest) -> Leave:
        return leave_for(self.policy, request.tool_call, request.state, known=request.tool is not None)

    def _granted(self, request: ToolCallRequest, entry: Entry) -> ToolCallRequest:
        """The request with the call that was let through, which a person may have changed."""
        call: Any = {**request.tool_call, "name": entry["tool"], "args": entry["args"]}
        tool: Any = request.tool
        if entry["tool"] != request.tool_call["name"]:
            tools = {one.name: one for one in request.runtime.tools}
            tool = tools.get(entry["tool"]) or self._tools.get(entry["tool"])
        if tool is not None:
            tool = unchanged(tool, entry)
        return request.override(tool_call=call, tool=tool)

    def _free(self, request: ToolCallRequest) -> ToolCallRequest:
        """The request of a call that needs no gate, unless other middleware makes one of it that does."""
        tool, call = request.tool, request.tool_call
        if tool is None or not self.policy.may_match(call["name"]):
            return request
        return request.override(tool=ungated(tool, self.policy, call, request.state))


def _name(tool: BaseTool | dict[str, Any]) -> Any:
    return tool.name if isinstance(tool, BaseTool) else tool.get("function", tool).get("name")
