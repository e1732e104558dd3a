"""A tool for one run: it takes the arguments that were approved, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import ConfigDict

from hitl_graph.agents.tool_spec import ToolSpec, call_digest
from hitl_graph.agents.wording import tool_message
from hitl_graph.errors import PlainJsonError

__all__ = ["approved_tool"]


def approved_tool(tool: BaseTool, args: Mapping[str, Any]) -> BaseTool:
    """The tool, refusing everything but `args` and what the program itself adds to them.

    Other middleware may stand between the approval and the tool, and change the call once more.
    """
    return _ApprovedTool(
        name=tool.name,
        description=tool.description,
        args_schema=tool.args_schema or tool.get_input_schema(),
        return_direct=tool.return_direct,
        tags=tool.tags,
        metadata=tool.metadata,
        extras=tool.extras,
        tool=tool,
        args_approved=dict(args),
        func=getattr(tool, "func", None) or getattr(tool, "coroutine", None),
    )


class _ApprovedTool(BaseTool):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    tool: BaseTool
    args_approved: dict[str, Any]
    func: Any = None

    @property
    def _injected_args_keys(self) -> frozenset[str]:
        own: frozenset[str] = self.tool._injected_args_keys  # noqa: SLF001  # as LangChain asks the tool itself
        return own

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        return self._refused(input) or self.tool.invoke(input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        return self._refused(input) or await self.tool.ainvoke(input, config, **kwargs)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("an approved tool is called by invoke or ainvoke")

    def _refused(self, given: Mapping[str, Any]) -> Any:
        """The answer to a call that is not the approved one, or None."""
        spec = ToolSpec.of(self.tool)
        added = spec.injected if spec else ()
        args = {
            key: value
            for key, value in given["args"].items()
            if key not in added or key in self.args_approved
        }
        try:
            same = call_digest(self.name, args) == call_digest(self.name, self.args_approved)
        except PlainJsonError:
            same = False
        if same:
            return None
        told = f"{self.name} was not run. Its arguments were changed after they had been approved."
        entry = {"tool": self.name, "outcome": "refused", "told": told}
        return tool_message(entry, given["id"], None)
