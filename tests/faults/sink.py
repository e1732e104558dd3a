"""The outside world of the tests: a file to which every process appends what it did, and which counts."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any

__all__ = ["Sink"]


@dataclasses.dataclass(frozen=True)
class Sink:
    """Every request that reaches the target is a line of its file.

    Args:
        path: The file; made at the first request.
        idempotent: The target honours the key: of several requests with one key, only the first is an act.
    """

    path: Path
    idempotent: bool = True

    def request(self, key: str, digest: str, **what: Any) -> None:
        """Ask the target to act. One write, so that the lines of all processes stay whole."""
        line = {"key": key, "digest": digest, "pid": os.getpid(), "at": time.time(), **what}
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps(line).encode() + b"\n")
        finally:
            os.close(file)

    def requests(self) -> list[dict[str, Any]]:
        """All requests, in order."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def acts(self) -> list[dict[str, Any]]:
        """What the target did, in order."""
        found = self.requests()
        return list({one["key"]: one for one in reversed(found)}.values())[::-1] if self.idempotent else found

    def counts(self) -> collections.Counter[str]:
        """Acts by key."""
        return collections.Counter(one["key"] for one in self.acts())
