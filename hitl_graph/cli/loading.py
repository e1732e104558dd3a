"""A graph by its name, as `--graph MODULE:ATTRIBUTE` gives it."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from hitl_graph.errors import HitlError

__all__ = ["GraphNotLoaded", "load_graph"]

_REST = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class GraphNotLoaded(HitlError):
    """The name leads to no graph. Nothing was run or decided."""


def load_graph(name: str, checkpointer: Any = None) -> Any:
    """The compiled graph that a name leads to, on this checkpointer.

    Args:
        name: `package.module:attribute` or `path/to/file.py:attribute`, from the current folder. The
            attribute is a compiled graph, a `StateGraph`, or a function that returns one (and may take
            `checkpointer`); or a `RemoteGraph`, whose server has its threads.
        checkpointer: Where the graph's threads are; it replaces the graph's own. None leaves that as it is.

    Raises:
        GraphNotLoaded: There is no such thing, or it is no graph.
    """
    module, _, path = name.rpartition(":")
    if not module or not path:
        raise GraphNotLoaded(f"{name!r} is no MODULE:ATTRIBUTE, such as my_app.graph:graph")
    found: Any = _module(module)
    for part in path.split("."):
        if not hasattr(found, part):
            raise GraphNotLoaded(f"{module} has no {path!r}: name the graph, or a function that returns it")
        found = getattr(found, part)
    if not isinstance(found, (StateGraph, Pregel)) and not _is_remote(found):
        found = _called(found, name, checkpointer)
    if isinstance(found, StateGraph):
        return found.compile(checkpointer=checkpointer)
    if _is_remote(found):
        return found
    if not isinstance(found, Pregel):
        raise GraphNotLoaded(
            f"{name} is a {type(found).__name__}, neither a graph nor a function that returns one"
        )
    return found if checkpointer is None else found.copy(update={"checkpointer": checkpointer})


def _is_remote(graph: Any) -> bool:
    """Whether an Agent Server runs it, on a checkpointer of its own."""
    return hasattr(graph, "ainvoke") and hasattr(graph, "assistant_id")


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    is_file = name.endswith(".py")
    spec = importlib.util.spec_from_file_location(Path(name).stem, name) if is_file else None
    if is_file and not Path(name).is_file():
        raise GraphNotLoaded(f"there is no file {name}")
    try:
        if spec is None or spec.loader is None:
            return importlib.import_module(name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except HitlError:
        raise
    except Exception as error:
        raise GraphNotLoaded(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _called(function: Any, name: str, checkpointer: Any) -> Any:
    """What a function gives, called with the checkpointer, or an empty config, when it takes one."""
    if not callable(function) or isinstance(function, type):
        raise GraphNotLoaded(
            f"{name} is a {type(function).__name__}, neither a graph nor a function that returns one"
        )
    known = {"checkpointer": checkpointer, "config": {}}
    given, unknown = {}, []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in known:
            given[parameter.name] = known[parameter.name]
        elif parameter.default is parameter.empty and parameter.kind not in _REST:
            unknown.append(parameter.name)
    if unknown:
        raise GraphNotLoaded(
            f"{name} needs {', '.join(unknown)}: name a function that needs at most a checkpointer"
        )
    try:
        return function(**given)
    except HitlError:
        raise
    except Exception as error:
        raise GraphNotLoaded(f"{name}() raised {type(error).__name__}: {error}") from error
