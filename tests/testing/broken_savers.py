"""Savers that are wrong in one way each, under the contract for savers. Run by `test_saver_contract.py`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph.testing.saver_contract import SaverContract
from hitl_graph.testing.saver_thread import OpenSaver


class Memory(SaverContract):
    """LangGraph's saver in memory; a subclass breaks one thing."""

    modes = ("sync",)
    durabilities = ("sync",)
    copies = False
    forgets_refused = False
    broken: type[InMemorySaver] = InMemorySaver

    @pytest.fixture
    def open_saver(self) -> OpenSaver:
        saver = self.broken()
        return lambda: contextlib.nullcontext(saver)


class TestForgetful(Memory):
    """Nothing outlives the process."""

    @pytest.fixture
    def open_saver(self) -> OpenSaver:
        return lambda: contextlib.nullcontext(InMemorySaver())


class LosesQuestions(InMemorySaver):
    def put_writes(self, config: Any, writes: Sequence[Any], task_id: str, task_path: str = "") -> None:
        super().put_writes(config, [one for one in writes if one[0] != "__interrupt__"], task_id, task_path)


class TestLosesQuestions(Memory):
    """What was asked is not stored."""

    broken = LosesQuestions


class OneThread(InMemorySaver):
    def _one(self, config: Any) -> Any:
        return {**config, "configurable": {**config["configurable"], "thread_id": "the one"}}

    def put(self, config: Any, *args: Any) -> Any:
        return super().put(self._one(config), *args)

    def put_writes(self, config: Any, *args: Any) -> None:
        super().put_writes(self._one(config), *args)

    def get_tuple(self, config: Any) -> Any:
        return super().get_tuple(self._one(config))

    def list(self, config: Any, **kwargs: Any) -> Iterator[Any]:
        return super().list(self._one(config), **kwargs)

    def delete_thread(self, thread_id: str) -> None:
        super().delete_thread("the one")


class TestOneThread(Memory):
    """All threads are one."""

    broken = OneThread


class KeepsDeleted(InMemorySaver):
    def delete_thread(self, thread_id: str) -> None:
        """Nothing."""


class TestKeepsDeleted(Memory):
    """Deletion does nothing."""

    broken = KeepsDeleted


class SharesDeletion(InMemorySaver):
    def delete_thread(self, thread_id: str) -> None:
        for name in list(self.storage):
            super().delete_thread(name)


class TestSharesDeletion(Memory):
    """Deletion takes every thread."""

    broken = SharesDeletion


class LosesPartial(InMemorySaver):
    """Keeps no output of a task before its whole step is done."""

    def get_tuple(self, config: Any) -> Any:
        found = super().get_tuple(config)
        if found is None:
            return None
        asked = [one for one in found.pending_writes or () if one[1] == "__interrupt__"]
        return found._replace(pending_writes=asked)


class TestLosesPartial(Memory):
    """The answer of one gate is lost while another waits."""

    broken = LosesPartial


class Ascii(InMemorySaver):
    """Turns other letters into question marks."""

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.encode("ascii", "replace").decode()
        if isinstance(value, dict):
            return {key: self._plain(inner) for key, inner in value.items()}
        return value

    def put(self, config: Any, checkpoint: Any, *args: Any) -> Any:
        values = self._plain(checkpoint["channel_values"])
        changed: Any = {**checkpoint, "channel_values": values}
        return super().put(config, changed, *args)

    def get_tuple(self, config: Any) -> Any:
        found = super().get_tuple(config)
        if found is not None:
            found.checkpoint["channel_values"] = self._plain(found.checkpoint["channel_values"])
        return found


class TestAscii(Memory):
    """Text comes back changed."""

    broken = Ascii


class TestCannotCopy(Memory):
    """It says that it can copy."""

    copies = True


class TestKeepsRefused(Memory):
    """It says that it forgets refused answers."""

    forgets_refused = True


class NoHistory(InMemorySaver):
    def list(self, config: Any, **kwargs: Any) -> Iterator[Any]:
        yield from ()


class TestNoHistory(Memory):
    """Nothing is listed."""

    broken = NoHistory
