"""The graphs that a command is given, by the names of their workflows: `--graph` and `--config`."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from hitl_graph.cli.loading import GraphNotLoaded, load_graph

__all__ = ["CONFIG", "NamedGraph", "drawn_graphs", "named_graphs"]

CONFIG = "langgraph.json"
_UNNAMED = ("", "LangGraph")


@dataclasses.dataclass(frozen=True)
class NamedGraph:
    """A graph that was named: by which path, and whether the name was said, or is that of the attribute."""

    path: str
    said: bool

    def __call__(self, checkpointer: Any = None) -> Any:
        """The graph itself, on this checkpointer."""
        return load_graph(self.path, checkpointer)


def named_graphs(given: list[str], config: Path | None) -> dict[str, NamedGraph]:
    """The graphs by the names of their workflows, each to be loaded when the checkpointer is there.

    Args:
        given: As `--graph` gives them. config: All of this file as well; where nothing is said, of the folder's own.

    Raises:
        GraphNotLoaded: None is named, two have the same name, or the file cannot be read.
    """
    found: list[tuple[str, NamedGraph]] = []
    for one in given:
        name, _, path = one.rpartition("=")
        found.append((name or path.rpartition(":")[2], NamedGraph(path, said=bool(name))))
    if config is None and not given and Path(CONFIG).is_file():
        config = Path(CONFIG)
    if config is not None:
        found += _of_config(config)
    if not found:
        raise GraphNotLoaded(f"no graph is named: say --graph my_app.graph:graph, or write a {CONFIG}")
    names = [name for name, _ in found]
    for name in names:
        if names.count(name) > 1:
            raise GraphNotLoaded(
                f"two graphs are called {name!r}: say --graph NAME={dict(found)[name].path} for one of them"
            )
    return dict(found)


def drawn_graphs(named: dict[str, NamedGraph]) -> dict[str, Any]:
    """The graphs loaded, to be looked at: by the name that was said, else the graph's own, else the attribute's.

    Raises:
        GraphNotLoaded: One of them cannot be.
    """
    drawn: dict[str, Any] = {}
    for name, one in named.items():
        graph = one()
        own = str(getattr(graph, "name", None) or "")
        drawn[name if one.said or own in _UNNAMED or own in named else own] = graph
    return drawn


def _of_config(file: Path) -> list[tuple[str, NamedGraph]]:
    """The graphs of a `langgraph.json`, with paths from the file's own folder."""
    try:
        graphs = json.loads(file.read_text(encoding="utf-8"))["graphs"]
        paths = {name: one["path"] if isinstance(one, dict) else str(one) for name, one in graphs.items()}
    except OSError as error:
        raise GraphNotLoaded(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GraphNotLoaded(
            f'{file} names no graphs: it should hold {{"graphs": {{NAME: PATH:ATTRIBUTE}}}}'
        ) from error
    folder = file.resolve().parent
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return [
        (name, NamedGraph(str(folder / path) if ".py:" in path else path, said=True))
        for name, path in paths.items()
    ]
