"""What commands and servers are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_graph.storage.embedded import embedded_url, leave_embedded
from tests.integration.holders import JOIN, Holder, Start, execute
from tests.integration.pausing import OWN_GRAPH


@pytest.fixture
def own_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file with graphs, in the current folder."""
    (tmp_path / "my_graph.py").write_text(OWN_GRAPH, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "my_graph.py"


@pytest.fixture
def start(hitl_home: Path) -> Iterator[Start]:
    """Starts processes that use the server of `hitl_home`. All are gone before that folder goes."""
    started: list[Holder] = []

    def start(program: str = JOIN, *arguments: object, **environment: str) -> Holder:
        started.append(Holder(program, *arguments, **environment))
        return started[-1]

    yield start
    for holder in started:
        if holder.process.returncode is None:
            holder.kill()


@pytest.fixture
def filled(hitl_home: Path) -> Path:
    """A data folder that a server wrote a table `kept` into, and that no server uses now."""
    execute(embedded_url(), "CREATE TABLE kept AS SELECT 42 AS n")
    leave_embedded(hitl_home)
    return hitl_home / "postgres" / "data"
