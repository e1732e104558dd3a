"""Threads of deep agents: a supervisor and one kind of subagent, both scripted, with a gate before `send_email`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepagents import create_deep_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph.agents import GateMiddleware
from tests.support.agent_threads import AgentThread, agent_gate, tools_for
from tests.support.fake_model import ScriptedModel, call

__all__ = ["SUBAGENT_CALL", "DeepThread", "delegate"]

SUBAGENT_CALL = "t1"


def delegate(id: str = SUBAGENT_CALL, what: str = "Write to Ana.") -> AIMessage:  # noqa: A002  # as LangChain calls it
    """The supervisor's call of the subagent."""
    return call("task", id, description=what, subagent_type="writer")


class DeepThread(AgentThread):
    """One thread of a deep agent.

    Attributes:
        supervisor: The model of the outer agent.
        subagent: The model of every subagent.
    """

    def __init__(
        self,
        supervisor: Sequence[Any],
        subagent: Sequence[Any],
        *,
        checkpointer: Any = None,
        gate_the_supervisor: bool = False,
        gate: GateMiddleware | None = None,
    ) -> None:
        self.ran = []
        self.mode = "sync"
        self.config = {"configurable": {"thread_id": "t"}, "recursion_limit": 60}
        self.supervisor = self.model = ScriptedModel(*supervisor)
        self.subagent = ScriptedModel(*subagent)
        self.tools = tools_for(self.ran)
        gate = gate or GateMiddleware({"send_email": agent_gate()})
        writer: Any = {
            "name": "writer",
            "description": "Writes to customers.",
            "system_prompt": "Write to the customer.",
            "tools": self.tools,
            "model": self.subagent,
            "middleware": [gate],
        }
        self.agent = create_deep_agent(
            model=self.supervisor,
            tools=self.tools,
            middleware=[gate] if gate_the_supervisor else [],
            subagents=[writer],
            checkpointer=checkpointer or InMemorySaver(),
        )
