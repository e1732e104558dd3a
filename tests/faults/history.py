"""What clients did and what they were told: invoked, and then ok, fail or unknown. One JSON line for each."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hitl_graph.errors import HitlError

__all__ = ["History"]


@dataclasses.dataclass
class History:
    """The operations of one client or of all of them.

    Args:
        path: A file that several processes append to; None: only in memory.
    """

    path: Path | None = None
    done: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def op(self, client: str, name: str, **what: Any) -> Iterator[dict[str, Any]]:
        """One operation: ok when the block ends, fail on an error of ours, unknown on any other; none is raised.

        A process that dies in the block leaves "invoke" behind, which reads as unknown. `what` names the review and
        the thread, and whatever the checker compares.
        """
        entry = {"client": client, "op": name, "outcome": "unknown", "error": None, **what}
        if self.path is not None:
            self._write({**entry, "phase": "invoke"})
        try:
            yield entry
        except HitlError as error:
            entry |= {"outcome": "fail", "error": type(error).__name__, "says": str(error)}
        except Exception as error:
            entry |= {"error": type(error).__name__, "says": str(error)}
        except BaseException:  # the client is dead, and whether it was done is not known
            self._write({**entry, "phase": "return"})
            raise
        else:
            entry["outcome"] = "ok"
        self._write({**entry, "phase": "return"})

    def read(self) -> list[dict[str, Any]]:
        """All operations, those that never returned as unknown."""
        if self.path is None or not self.path.exists():
            return list(self.done)
        entries = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
        returned = [entry for entry in entries if entry["phase"] == "return"]
        told = [_name(entry) for entry in returned]
        lost = []
        for entry in (entry for entry in entries if entry["phase"] == "invoke"):
            if _name(entry) in told:
                told.remove(_name(entry))
            else:
                lost.append(entry)
        return returned + lost

    def _write(self, entry: dict[str, Any]) -> None:
        if self.path is None:
            self.done.append(entry)
            return
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps(entry, default=str).encode() + b"\n")
        finally:
            os.close(file)


def _name(entry: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(str(entry.get(part)) for part in ("client", "op", "thread", "review", "key", "type"))
