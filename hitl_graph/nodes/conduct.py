"""What a node's code does that no edge shows: acts, graphs that it runs, and Commands that it makes."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, ValuesView
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from langchain_core.runnables import Runnable
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send

from hitl_graph.nodes.marks import EffectMark, FailureMark, GateMark, ToolsMark, mark_of

__all__ = ["Conduct", "builder_of", "read_conduct", "runs_always"]

_PARTS = ("func", "afunc", "coroutine", "bound", "nodes", "steps", "steps__", "runnable", "tools_by_name")
_COMMAND = frozenset({"graph", "update", "resume", "goto"})
_CODE = (FunctionType, MethodType, functools.partial, Runnable)


@dataclasses.dataclass
class Conduct:
    """What a node's code does, as far as it can be read.

    Attributes:
        effects: The effects that it is or calls.
        graphs: The graphs that it is or calls.
        tools: The gates before tools that it runs or asks about.
        jumps: It goes to nodes of its own graph by Command or Send.
        leaves: It goes to nodes of the parent graph by Command.
        sends: It makes a Send.
        commands: It names Command.
        returns: Something that it names says that it returns a Command.
    """

    effects: list[EffectMark] = dataclasses.field(default_factory=list)
    graphs: list[Any] = dataclasses.field(default_factory=list)
    tools: list[ToolsMark] = dataclasses.field(default_factory=list)
    jumps: bool = False
    leaves: bool = False
    sends: bool = False
    commands: bool = False
    returns: bool = False


def read_conduct(runnable: Any, drawn: Iterable[Any] = ()) -> Conduct:
    """Read a node's code, and that of the project's own functions, methods and graphs that it names."""
    found = Conduct()
    seen: dict[tuple[int, int], Any] = {}  # holds on to what it has seen, so that no id comes twice
    queue = [(thing, "") for thing in (*drawn, runnable)]
    for thing, near in queue:
        is_method = isinstance(thing, MethodType)
        key = (id(thing.__func__), id(thing.__self__)) if is_method else (id(thing), 0)
        mark = mark_of(thing) if isinstance(thing, _CODE) else None
        if key in seen or isinstance(mark, (GateMark, FailureMark)):
            continue
        seen[key] = thing
        if isinstance(mark, ToolsMark):
            found.tools += [mark] if mark not in found.tools else []
            continue
        if isinstance(mark, EffectMark) and mark not in found.effects:
            found.effects.append(mark)
        if isinstance(thing, CompiledStateGraph):
            found.graphs.append(thing)
        elif isinstance(thing, (FunctionType, MethodType)):
            queue += _named_by(thing, near, found)
        else:
            queue += [(part, near) for part in _parts(thing)]
    found.jumps |= found.returns and not found.commands  # one that is made where nobody can look
    return found


def _parts(thing: Any) -> Iterator[Any]:
    """What a runnable, a tool or a callable object is made of."""
    if isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    if isinstance(thing, Runnable) or _is_langgraph(type(thing).__module__):
        for part in _PARTS:
            inner = getattr(thing, part, None)
            inner = inner.values() if isinstance(inner, Mapping) else inner
            yield from inner if isinstance(inner, (list, ValuesView)) else [inner]
    for name in ("__call__", "invoke", "ainvoke", "_run", "_arun"):
        if isinstance(method := getattr(type(thing), name, None), FunctionType):
            yield MethodType(method, thing)


def _named_by(function: FunctionType | MethodType, near: str, found: Conduct) -> list[tuple[Any, str]]:
    """What a function names that may run with it; how it goes on by Command is added to `found`."""
    owner = getattr(function, "__self__", None)
    function = getattr(function, "__func__", function)
    module = getattr(function, "__globals__", {}).get("__name__", "")
    if not isinstance(function, FunctionType) or _is_langgraph(module):
        return [] if owner is None else [(owner, near)]  # as of graph.invoke
    cells = list(_held_by(function))
    if module.startswith("hitl_graph.nodes"):  # a wrapper of ours: what it holds is the project's
        held = vars(owner).values() if hasattr(owner, "__dict__") else ()
        return [(value, near) for value in (*cells, *held) if callable(value)]
    found.returns |= _returns_command(function)
    if near and _foreign(module, near):
        return []
    top = module.partition(".")[0]
    codes = [function.__code__]
    for code in codes:
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]
    names = {name for code in codes for name in code.co_names}
    space = function.__globals__
    values = [(value, 0) for value in (owner, *cells, *(space[name] for name in names if name in space))]
    for value, depth in values:
        if depth < 3 and (issubclass(type(value), ModuleType) or _is_own(value, top)):
            values += [(inner, depth + 1) for inner in _members(value, names)]
    consts = [const for code in codes for const in code.co_consts]
    _read_commands(names, consts, [value for value, _ in values], found)
    # A tool that is named is most often bound to a model; a ToolNode runs its tools.
    return [
        (v, top) for v, _ in values if v is not owner and _may_run(v, top) and not isinstance(v, BaseTool)
    ]


def _members(value: Any, names: Iterable[str]) -> Iterator[Any]:
    """The attributes of a module or an object by these names, read without running any of its code."""
    for name in names:
        inner = inspect.getattr_static(value, name, None)
        if isinstance(inner, (staticmethod, classmethod)):
            inner = inner.__func__
        if isinstance(inner, FunctionType) and not isinstance(value, ModuleType):
            inner = MethodType(inner, value)
        if inner is not None:
            yield inner


def _may_run(value: Any, top: str) -> bool:
    own = callable(value) and (_is_langgraph(type(value).__module__) or _is_own(value, top))
    return issubclass(type(value), _CODE) or own


def _is_own(value: Any, top: str) -> bool:
    """Whether a value is an object or a class of the project, by its type: a proxy answers for others."""
    kind = value if issubclass(type(value), type) else type(value)
    return not _foreign(kind.__module__, top)


def _read_commands(names: set[str], consts: list[Any], values: list[Any], found: Conduct) -> None:
    """How one function uses `Command` and `Send`, from the names and constants of its code."""
    imports = any(name.partition(".")[0] == "langgraph" for name in names)
    commands = any(value is Command for value in values) or (imports and "Command" in names)
    sends = any(value is Send for value in values) or (imports and "Send" in names)
    # The keywords of a call stand in the code as a tuple of names; for f(**keywords) an empty one does.
    calls = [const for const in consts if isinstance(const, tuple) and const and _COMMAND.issuperset(const)]
    spread = commands and not calls and () in consts
    parent = "PARENT" in names or "__parent__" in consts
    leaves = spread or any("goto" in call and "graph" in call for call in calls)
    stays = spread or any("goto" in call and not ("graph" in call and parent) for call in calls)
    found.commands |= commands
    found.sends |= sends
    found.leaves |= leaves
    found.jumps |= stays or (sends and not leaves)


def _returns_command(function: FunctionType) -> bool:
    try:
        return bool(re.search(r"\bCommand\b", str(function.__annotations__.get("return", ""))))
    except NameError:  # an annotation that cannot be read
        return False


def _held_by(function: FunctionType) -> Iterator[Any]:
    """What a function closes over, and the defaults of its arguments."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that is not bound yet
            continue


def _is_langgraph(module: str) -> bool:
    return module.partition(".")[0] in ("langgraph", "langchain", "langchain_core")


def _foreign(module: str, near: str) -> bool:
    """Whether a module is Python's own, LangGraph's, or installed beside the project."""
    top = module.partition(".")[0]
    path = getattr(sys.modules.get(module), "__file__", None) or ""
    installed = "site-packages" in path or "dist-packages" in path
    return top in sys.stdlib_module_names or _is_langgraph(module) or (installed and top != near)


def builder_of(graph: Any) -> StateGraph[Any] | None:
    """The `StateGraph` that a graph is, or was compiled from."""
    builder = graph.builder if isinstance(graph, CompiledStateGraph) else graph
    return builder if isinstance(builder, StateGraph) else None


def runs_always(runnable: Any) -> bool:
    """Whether the node is a graph itself, and not code that may call one."""
    while isinstance(runnable, RunnableBindingBase):
        runnable = runnable.bound
    return isinstance(runnable, CompiledStateGraph)
