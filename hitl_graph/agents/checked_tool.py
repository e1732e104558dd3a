"""A tool for one run: it looks once more at the call that reaches it, after all other middleware."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from hitl_graph.agents.ledgered import arun_ledgered, run_ledgered
from hitl_graph.agents.standing_in import StandIn, looks_of
from hitl_graph.agents.tool_spec import ToolSpec
from hitl_graph.agents.wording import tool_message
from hitl_graph.nodes.ledger import Act

__all__ = ["Check", "checked_tool", "was_called"]

Check = Callable[[dict[str, Any]], str | None]
"""Looks at the arguments just before the tool runs; gives why it may not run, or None."""


def checked_tool(
    tool: BaseTool, check: Check, results: dict[str, Any] | None = None, act: Act | None = None
) -> BaseTool:
    """The tool, which runs only with arguments that `check` lets through.

    Other middleware may stand between the approval and the tool, and change the call once more, or make it twice.
    With an `act` it runs once, and gives the same result again; in a graph with a ledger that holds beyond this step,
    elsewhere a run that raised does not count.
    """
    return _CheckedTool(
        **looks_of(tool),
        check=check,
        results={} if results is None else results,
        act=act,
        func=getattr(tool, "func", None) or getattr(tool, "coroutine", None),
    )


def was_called(tool: BaseTool | None) -> bool:
    """Whether a tool that runs under a key was called; other middleware may have put another in its place."""
    return not isinstance(tool, _CheckedTool) or (_CALLED, tool.key) in tool.results


_CALLED = "called"


class _CheckedTool(StandIn):
    check: Any
    results: Any  # the dict itself: pydantic would copy a declared one
    act: Any

    @property
    def key(self) -> str:
        """What the run goes by; empty where it may run as often as it is called."""
        return self.act.key if self.act else ""

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002  # LangChain's word
        if refused := self._refused(input):
            return refused
        if not self.key:
            return self.tool.invoke(input, config, **kwargs)
        self.results[_CALLED, self.key] = True
        if self.key not in self.results:
            self.results[self.key] = run_ledgered(self.tool, input, config, self.act, **kwargs)
        return self.results[self.key]

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002  # LangChain's word
        if refused := self._refused(input):
            return refused
        if not self.key:
            return await self.tool.ainvoke(input, config, **kwargs)
        self.results[_CALLED, self.key] = True
        if self.key not in self.results:
            self.results[self.key] = await arun_ledgered(self.tool, input, config, self.act, **kwargs)
        return self.results[self.key]

    def _refused(self, given: Mapping[str, Any]) -> ToolMessage | None:
        spec = ToolSpec.of(self.tool)
        added = {
            *(spec.injected if spec else ()),
            *getattr(self.tool, "hidden", ()),
        }  # a gated tool hides more
        args = {key: value for key, value in given["args"].items() if key not in added}
        why: str | None = self.check(args)
        if why is None:
            return None
        entry = {"tool": self.name, "outcome": "refused", "told": f"{self.name} was not run. {why}"}
        return tool_message(entry, given["id"], None)
