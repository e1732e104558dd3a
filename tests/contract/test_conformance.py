"""LangGraph's own conformance suite for checkpointers, on both savers."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.conformance import checkpointer_test, validate

from hitl_graph import open_checkpointer
from hitl_graph.checkpointers import ReviewSaver

PASSES = {
    "put",
    "put_writes",
    "get_tuple",
    "list",
    "delete_thread",
    "delete_for_runs",
    "copy_thread",
    "prune",
}


class OnThreads(BaseCheckpointSaver[str]):
    """A sync saver as the suite calls one: each call in a thread of its own."""

    def __init__(self, saver: ReviewSaver) -> None:
        super().__init__(serde=saver.serde)
        self.saver = saver

    def get_next_version(self, current: str | None, channel: None) -> str:
        return self.saver.get_next_version(current, channel)

    async def aput(self, *args: Any) -> RunnableConfig:
        return await asyncio.to_thread(self.saver.put, *args)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await asyncio.to_thread(self.saver.put_writes, config, writes, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await asyncio.to_thread(self.saver.get_tuple, config)

    async def alist(self, config: RunnableConfig | None, **kwargs: Any) -> AsyncIterator[CheckpointTuple]:
        for one in await asyncio.to_thread(lambda: list(self.saver.list(config, **kwargs))):
            yield one

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.saver.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await asyncio.to_thread(self.saver.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await asyncio.to_thread(self.saver.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await asyncio.to_thread(self.saver.prune, thread_ids, strategy=strategy)


def count_tests(capability: str) -> int:
    """How many tests the suite has for a capability."""
    spec = importlib.import_module(f"langgraph.checkpoint.conformance.spec.test_{capability}")
    return sum(
        name.startswith("test_") and inspect.iscoroutinefunction(found) for name, found in vars(spec).items()
    )


@pytest.mark.parametrize("name", ["AsyncReviewSaver", "ReviewSaver"])
async def test_conformance(db_url: str, name: str) -> None:
    """Every capability is found and passes, with every test of it: none is skipped."""

    async def savers() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        if name == "AsyncReviewSaver":
            async with open_checkpointer(db_url) as saver:
                yield saver
        else:
            with open_checkpointer(db_url) as saver:
                yield OnThreads(saver)

    report = await validate(checkpointer_test(name)(savers))

    failures = [line for result in report.results.values() for line in result.failures]
    assert not failures, "\n".join(failures)
    assert {one for one, result in report.results.items() if result.passed} == PASSES == set(report.results)
    assert {one: report.results[one].tests_passed for one in PASSES} == {
        one: count_tests(one) for one in PASSES
    }
