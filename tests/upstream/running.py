"""Runs of graphs and entrypoints, sync and async, on a saver in memory and on both of ours."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.types import Command, Interrupt

from tests.unit.factories import EMAIL, plain

TICKET: dict[str, Any] = {"ticket": "Where is my card?", "email": dict(EMAIL)}


class Run:
    """One thread, sync or async, on one saver."""

    def __init__(self, saver: Any, is_async: bool) -> None:
        self.saver = saver
        self.is_async = is_async
        self.graph: Any = None
        self.config: Any = {"configurable": {"thread_id": "t"}}

    def on(self, graph: Any, **compiled: Any) -> Run:
        """Use this graph: a builder, or an entrypoint."""
        self.graph = (
            graph.compile(checkpointer=self.saver, **compiled) if hasattr(graph, "compile") else graph
        )
        return self

    async def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """A method of the graph, in its async form in an async run."""
        if self.is_async:
            return await getattr(self.graph, f"a{name}")(*args, **kwargs)
        return await asyncio.to_thread(getattr(self.graph, name), *args, **kwargs)

    async def invoke(self, value: Any, config: Any = None) -> Any:
        """Run it."""
        return await self.call("invoke", value, config or self.config)

    async def answer(self, decision: Any) -> Any:
        """Answer every open question alike, in one map."""
        answers = {one.id: plain(decision) for one in await self.open()}
        return await self.invoke(Command(resume=answers))

    async def open(self) -> list[Interrupt]:
        """The open questions."""
        return list((await self.call("get_state", self.config)).interrupts)

    async def history(self) -> list[Any]:
        """Every state of the thread, newest first."""
        if self.is_async:
            return [state async for state in self.graph.aget_state_history(self.config)]
        return await asyncio.to_thread(lambda: list(self.graph.get_state_history(self.config)))


async def gates_of(run: Run) -> list[str]:
    return sorted(one.value["gate"] for one in await run.open())


CONFIG: Any = {"configurable": {"thread_id": "t"}}
