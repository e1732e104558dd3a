"""Threads of agents with gates: a scripted model, tools that write down what ran, and answers by the call's id."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, Interrupt

from hitl_graph import ActionClass, Evidence, Owner, ReviewBeforeSend
from hitl_graph.decisions import Decision, decision_to_json
from hitl_graph.wire import native_request
from tests.support.fake_model import ScriptedModel

__all__ = ["AgentThread", "Mode", "Says", "agent_gate", "answered", "asked", "tools_for"]

Mode = Literal["sync", "async"]
Says = str | AIMessage


def agent_gate(name: str = "mail", **changes: Any) -> ReviewBeforeSend:
    """A gate that always asks about a tool's arguments."""
    fields: dict[str, Any] = {
        "name": name,
        "action": ActionClass(f"{name}_action", reversible=False, audience="customer"),
        "proposal": "args",
        "question": "May this be done for the customer?",
        "evidence": lambda state: [Evidence("Customer message", state["messages"][0].content)],
        "consequence": "Does it. It cannot be taken back.",
        "owner": Owner("support-leads"),
    }
    return ReviewBeforeSend(**{**fields, **changes})


def tools_for(ran: list[str]) -> list[BaseTool]:
    """The tools that most tests use. Each writes one line into `ran` when it runs."""

    def note(line: str) -> str:
        ran.append(line)
        return f"done: {line}"

    @tool
    def send_email(to: str, body: str = "") -> str:
        """Send an email."""
        return note(f"send_email({to}, {body})")

    @tool
    def save_draft(to: str, body: str = "") -> str:
        """Save an email as a draft."""
        return note(f"save_draft({to}, {body})")

    @tool
    def delete_file(path: str) -> str:
        """Delete a file."""
        return note(f"delete_file({path})")

    @tool
    def look_up(what: str) -> str:
        """Look something up."""
        return note(f"look_up({what})")

    @tool
    def ask_user(what: str) -> str:
        """Ask the user."""
        return note(f"ask_user({what})")

    return [send_email, save_draft, delete_file, look_up, ask_user]


def asked(question: Interrupt) -> dict[str, Any]:
    """The case in a question, whatever shape it was asked in."""
    request = native_request(question.value)
    assert request is not None, f"no case of ours: {question.value!r}"
    return request


def answered(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as they come over the wire."""
    return {
        key: decision_to_json(answer) if isinstance(answer, Decision) else answer
        for key, answer in answers.items()
    }


class AgentThread:
    """One thread of an agent, on a checkpointer in memory unless another is given.

    Attributes:
        ran: What the tools did, in order.
        model: The scripted model, which keeps what it was sent.
    """

    def __init__(
        self,
        middleware: AgentMiddleware[Any, Any, Any] | Sequence[AgentMiddleware[Any, Any, Any]],
        *script: Says,
        tools: Sequence[Any] | None = None,
        mode: Mode = "sync",
        thread_id: str = "t",
        **agent: Any,
    ) -> None:
        self.ran: list[str] = []
        self.model = ScriptedModel(*script)
        self.mode = mode
        self.config: Any = {"configurable": {"thread_id": thread_id}, "recursion_limit": 60}
        all_of_them = [middleware] if isinstance(middleware, AgentMiddleware) else list(middleware)
        agent.setdefault("checkpointer", InMemorySaver())
        self.tools = [*(tools_for(self.ran) if tools is None else tools)]
        self.agent = create_agent(self.model, self.tools, middleware=all_of_them, **agent)

    def run(self, given: Any) -> dict[str, Any]:
        """Give the agent an input, a command, or None."""
        if self.mode == "sync":
            out: dict[str, Any] = self.agent.invoke(given, self.config)
        else:
            out = asyncio.run(self.agent.ainvoke(given, self.config))
        return out

    def start(self, text: str = "Please answer the customer.") -> Self:
        """Say something to the agent and let it run until it pauses or ends."""
        self.run({"messages": [("user", text)]})
        return self

    @property
    def open(self) -> list[Interrupt]:
        """The questions that stand open."""
        return list(self.agent.get_state(self.config).interrupts)

    @property
    def cases(self) -> dict[str, dict[str, Any]]:
        """The open cases, by the id of the call that each is about."""
        return {case["tool_call"]["id"]: case for case in map(asked, self.open)}

    def answer(self, answer: Any, *, to: str | None = None) -> dict[str, Any]:
        """Answer one question by its id: the only one, unless `to` names another by its call."""
        [question] = [one for one in self.open if to is None or asked(one)["tool_call"]["id"] == to]
        return self.run(Command(resume=answered({question.id: answer})))

    def answer_all(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Answer several questions in one run, each by the id of its call."""
        ids = {asked(one)["tool_call"]["id"]: one.id for one in self.open}
        return self.run(Command(resume=answered({ids[call]: answer for call, answer in answers.items()})))

    @property
    def values(self) -> dict[str, Any]:
        """The agent's state."""
        out: dict[str, Any] = self.agent.get_state(self.config).values
        return out

    @property
    def messages(self) -> list[AnyMessage]:
        """The whole history."""
        return list(self.values["messages"])

    @property
    def proposals(self) -> list[dict[str, Any]]:
        """The calls as they stand in the model's own messages: name, args and id."""
        found = [call for m in self.messages if isinstance(m, AIMessage) for call in m.tool_calls]
        return [{"name": call["name"], "args": call["args"], "id": call["id"]} for call in found]

    def told(self, call: str = "c1") -> ToolMessage:
        """What the model was told of a call: there is exactly one such message."""
        [message] = [m for m in self.messages if isinstance(m, ToolMessage) and m.tool_call_id == call]
        return message

    @property
    def record(self) -> dict[str, Any]:
        """The newest record."""
        out: dict[str, Any] = self.values["reviews"][-1]
        return out
