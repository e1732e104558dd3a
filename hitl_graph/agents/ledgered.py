"""The run of an approved tool call, written down in the ledger before and after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from hitl_graph.agents.turn import Entry
from hitl_graph.nodes.ledger import Act, aentered, entered, to_its_end
from hitl_graph.reviews import proposal_digest

__all__ = ["act_of", "arun_ledgered", "run_ledgered"]


def act_of(tool: BaseTool, entry: Entry, *, named: bool = True) -> Act:
    """The act of a call that was let through. `metadata={"idempotent": True}` of a tool says that it is told once.

    `named`: A model's call, in which the person saw the tool's name; plain code that calls a gated tool has none.
    """
    return Act(
        key=entry["key"],
        review=entry["review"],
        action=entry["action"],
        digest=proposal_digest(entry["action"], entry["args"], tool.name if named else None),
        by=entry["by"],
        idempotent=bool((tool.metadata or {}).get("idempotent")),
    )


def run_ledgered(tool: BaseTool, given: Any, config: RunnableConfig | None, act: Act, **kwargs: Any) -> Any:
    """Run the tool, or give what it gave when it ran on this approval before.

    Raises:
        EffectHeld, EffectNotApproved, EffectUnderWay, EffectUnknown, RunTakenOver: It was not run.
    """
    with entered(act) as row:
        if not row.done:
            result = tool.invoke(given, config, **kwargs)
            row.finish(result, failed=_failed(result))
    return row.result if row.result is not None else _not_kept(tool, given)


async def arun_ledgered(
    tool: BaseTool, given: Any, config: RunnableConfig | None, act: Act, **kwargs: Any
) -> Any:
    """`run_ledgered`, for async graphs."""

    async def run() -> Any:
        async with aentered(act) as row:
            if not row.done:
                result = await tool.ainvoke(given, config, **kwargs)
                row.finish(result, failed=_failed(result))
        return row.result

    result = await to_its_end(run())
    return result if result is not None else _not_kept(tool, given)


def _failed(result: Any) -> bool:
    """Whether the tool itself says that it did not do it."""
    return isinstance(result, ToolMessage) and result.status == "error"


def _not_kept(tool: BaseTool, given: Any) -> Any:
    """What stands for a result that could not be kept, or that a person's word stands for."""
    text = f"{tool.name} was run before; what it gave is not kept."
    full = isinstance(given, Mapping) and given.get("type") == "tool_call"
    return ToolMessage(text, tool_call_id=given["id"], name=tool.name) if full else text
