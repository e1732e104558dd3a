"""Gates for agents: tools that ask, and middleware for `create_agent` (which needs the extra `langchain`)."""

import typing

from hitl_graph.agents.each_call import each_call
from hitl_graph.agents.gated import gated

if typing.TYPE_CHECKING:
    from hitl_graph.agents.middleware import GateMiddleware

__all__ = ["GateMiddleware", "each_call", "gated"]


def __getattr__(name: str) -> object:
    if name != "GateMiddleware":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from hitl_graph.agents.middleware import GateMiddleware  # `gated` does without langchain
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "langchain":
            raise
        problem = "GateMiddleware is for langchain's create_agent: install hitl-graph[langchain]"
        raise ImportError(problem, name="langchain") from error
    globals()[name] = GateMiddleware
    return GateMiddleware


def __dir__() -> list[str]:
    return [*globals(), "GateMiddleware"]
