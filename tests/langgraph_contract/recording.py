"""A saver that notes every call, so that a test can say what LangGraph stores, where and in which order."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver

NULL_TASK = "00000000-0000-0000-0000-000000000000"
Writes = Sequence[tuple[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Put:
    """One saved checkpoint."""

    ns: str
    id: str
    parent: str | None
    source: str | None
    checkpoint: Checkpoint
    config: RunnableConfig

    @property
    def start_version(self) -> Any:
        """The version of the input channel: raised by new input."""
        return self.checkpoint["channel_versions"].get("__start__")

    @property
    def resumed_after_last_input(self) -> bool:
        """Whether the run that made this checkpoint was a resume: the stamp that our savers read."""
        seen = self.checkpoint["versions_seen"].get("__interrupt__", {})
        return bool(seen.get("__start__") == self.start_version)


@dataclass(frozen=True, kw_only=True)
class PutWrites:
    """The writes of one task, saved beside a checkpoint."""

    ns: str
    checkpoint: str
    task: str
    path: str
    writes: tuple[tuple[str, Any], ...]
    config: RunnableConfig

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(channel for channel, _ in self.writes)

    def value(self, channel: str) -> Any:
        """The last value written to a channel in this call."""
        return dict(self.writes)[channel]

    @property
    def asked(self) -> dict[Any, str]:
        """The open questions of the task and their interrupt ids."""
        return {i.value: i.id for channel, v in self.writes if channel == "__interrupt__" for i in v}


class Recorder(InMemorySaver):
    """InMemorySaver that records each call in `calls`, before it is stored.

    Args:
        drop: writes for which this is true are recorded, and then not stored.
        before_put, before_put_writes: called with the record before anything is stored.
    """

    def __init__(
        self,
        *,
        drop: Callable[[PutWrites], bool] = lambda call: False,
        before_put: Callable[[Put], None] = lambda call: None,
        before_put_writes: Callable[[PutWrites], None] = lambda call: None,
        serde: Any = None,
    ) -> None:
        super().__init__(serde=serde)
        self.calls: list[Put | PutWrites] = []
        self._drop = drop
        self._before_put = before_put
        self._before_put_writes = before_put_writes
        self._calls_lock = threading.Lock()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        call = Put(
            ns=config["configurable"].get("checkpoint_ns", ""),
            id=checkpoint["id"],
            parent=config["configurable"].get("checkpoint_id"),
            source=metadata.get("source"),
            checkpoint=copy.deepcopy(checkpoint),
            config=config,
        )
        with self._calls_lock:
            self.calls.append(call)
        self._before_put(call)
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(self, config: RunnableConfig, writes: Writes, task_id: str, task_path: str = "") -> None:
        call = PutWrites(
            ns=config["configurable"]["checkpoint_ns"],
            checkpoint=config["configurable"]["checkpoint_id"],
            task=task_id,
            path=task_path,
            writes=tuple(writes),
            config=config,
        )
        with self._calls_lock:
            self.calls.append(call)
        self._before_put_writes(call)
        if not self._drop(call):
            super().put_writes(config, writes, task_id, task_path)

    def puts(self, *, ns: str = "") -> list[Put]:
        """The checkpoints saved in one namespace, in the order of the calls."""
        return [call for call in self.calls if isinstance(call, Put) and call.ns == ns]

    def put_writes_calls(self, *, ns: str = "") -> list[PutWrites]:
        """The writes saved in one namespace, in the order of the calls."""
        return [call for call in self.calls if isinstance(call, PutWrites) and call.ns == ns]

    def forget(self) -> None:
        """Start a new record: what is stored stays."""
        self.calls.clear()

    def pending(self, config: RunnableConfig) -> list[tuple[str, str, Any]]:
        """The writes stored on the thread's newest checkpoint."""
        found = self.get_tuple(config)
        return list(found.pending_writes or []) if found else []

    def as_another_process_would_find_it(self) -> Recorder:
        """A second saver that holds what is stored at this moment, as after a crash."""
        other = Recorder(serde=self.serde)
        for thread, namespaces in self.storage.items():
            for ns, checkpoints in namespaces.items():
                other.storage[thread][ns] = dict(checkpoints)
        other.writes.update({key: dict(rows) for key, rows in self.writes.items()})
        other.blobs.update(self.blobs)
        return other
