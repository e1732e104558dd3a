"""Runs to their first pause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.graphs import thread


def start(graph: Any, sink: Path, name: str = "t1") -> dict[str, Any]:
    """Run a thread to its first pause."""
    return dict(graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread(name)))
