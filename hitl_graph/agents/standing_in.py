"""A tool that stands in for another one: the same to the model and to `ToolNode`, and asked before the other runs."""

from __future__ import annotations

from typing import Any

from langchain_core.tools import BaseTool
from pydantic import ConfigDict

__all__ = ["StandIn", "looks_of"]


def looks_of(tool: BaseTool) -> dict[str, Any]:
    """What the model and `ToolNode` see of a tool, as the fields of one that stands in for it."""
    return {
        "name": tool.name,
        "description": tool.description,
        "args_schema": tool.args_schema or tool.get_input_schema(),
        "return_direct": tool.return_direct,
        "tags": tool.tags,
        "metadata": tool.metadata,
        "extras": tool.extras,
        "tool": tool,
    }


class StandIn(BaseTool):
    """The base of both kinds; they say in `invoke` and `ainvoke` what comes before the tool itself."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    tool: BaseTool
    func: Any = None
    """Read by `ToolNode` for the arguments that it adds itself; never called."""

    @property
    def _injected_args_keys(self) -> frozenset[str]:
        own: frozenset[str] = self.tool._injected_args_keys  # noqa: SLF001  # as LangChain asks the tool itself
        return own

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.name} is called by invoke or ainvoke")
