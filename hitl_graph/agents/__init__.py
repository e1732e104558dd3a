"""Gates for agents: tools that ask, and middleware for `create_agent`."""

from hitl_graph.agents.each_call import each_call
from hitl_graph.agents.gated import gated
from hitl_graph.agents.middleware import GateMiddleware

__all__ = ["GateMiddleware", "each_call", "gated"]
