"""An agent that mails, pays and looks things up; what its tools did stands in `done`."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AnyMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from hitl_graph import ActionClass, Evidence, Owner, ReviewBeforeSend
from hitl_graph.agents import GateMiddleware
from tests.support.fake_model import ScriptedModel, call

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
PAY = ActionClass("pay", reversible=False, audience="customer", touches={"money"})
MAIL = call("send_email", "m1", to="ann@example.com", body="Hello")
DRAFT = ActionClass("save_draft", reversible=True)

ASK = {"messages": [("user", "Write to Ann.")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}


class Tools:
    """Tools that keep what they did."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        done = self.done

        @tool
        def send_email(to: str, body: str, copies: int = 0) -> str:
            """Send a mail."""
            done.append(("send_email", to, body))
            return f"sent to {to}"

        @tool
        def save_draft(to: str, body: str) -> str:
            """Keep a draft."""
            done.append(("save_draft", to, body))
            return "saved"

        @tool
        def pay(amount: int) -> str:
            """Pay somebody."""
            done.append(("pay", amount))
            return f"paid {amount}"

        @tool
        def look(question: str) -> str:
            """Look something up."""
            done.append(("look", question))
            return "found"

        self.send_email, self.save_draft, self.pay, self.look = send_email, save_draft, pay, look

    @property
    def all(self) -> list[BaseTool]:
        return [self.send_email, self.save_draft, self.pay, self.look]


def mail_gate(**changes: Any) -> ReviewBeforeSend:
    """A gate before every mail."""
    fields: dict[str, Any] = {
        "name": "mail",
        "action": SEND,
        "proposal": "args",
        "question": "Is this mail safe to send to the customer?",
        "evidence": lambda s: [Evidence("Asked for", s["messages"][0].content)],
        "consequence": "Sends a mail to {to}. It cannot be taken back.",
        "owner": Owner("support"),
    }
    return ReviewBeforeSend(**{**fields, **changes})


def pay_gate(**changes: Any) -> ReviewBeforeSend:
    """A gate before every payment."""
    more = {
        "name": "payment",
        "action": PAY,
        "question": "Should this sum be paid?",
        "consequence": "Pays {amount}.",
    }
    return mail_gate(**{**more, "owner": Owner("finance"), **changes})


class Mailing:
    """An agent on a memory saver, and the steps of a test."""

    def __init__(
        self, *script: Any, gates: Any = None, middleware: Any = (), before: Any = (), **more: Any
    ) -> None:
        self.tools = Tools()
        self.model = ScriptedModel(*script)
        options = {key: more.pop(key) for key in ("edit_to", "shape", "strict", "max_repeats") if key in more}
        gate = GateMiddleware(gates or {"send_email": mail_gate(), "pay": pay_gate()}, **options)
        more.setdefault("checkpointer", InMemorySaver())
        tools = [*self.tools.all, *more.pop("tools", ())]
        self.agent = create_agent(self.model, tools, middleware=[*before, gate, *middleware], **more)

    @property
    def done(self) -> list[tuple[Any, ...]]:
        return self.tools.done

    def ask(self, given: Any = ASK, config: Any = None) -> dict[str, Any]:
        """Run until it pauses or ends."""
        out: dict[str, Any] = self.agent.invoke(given, config or THREAD)
        return out

    def open(self) -> dict[str, Any]:
        """The open interrupts, by the id of the tool call that each is about."""
        found = self.agent.get_state(THREAD).interrupts
        return {case(one.value)["tool_call"]["id"]: one for one in found}

    def answer(self, **by_call: Any) -> dict[str, Any]:
        """Answer calls by their ids."""
        open_now = self.open()
        return self.ask(Command(resume={open_now[id_].id: answer for id_, answer in by_call.items()}))

    @property
    def values(self) -> dict[str, Any]:
        out: dict[str, Any] = self.agent.get_state(THREAD).values
        return out

    def told(self, call_id: str) -> ToolMessage:
        """The one answer to a call that the model was sent."""
        [message] = [
            m for m in self.values["messages"] if isinstance(m, ToolMessage) and m.tool_call_id == call_id
        ]
        return message


def case(payload: Any) -> dict[str, Any]:
    """Our own case in a payload of any shape."""
    payload = payload[0] if isinstance(payload, list) else payload
    out: dict[str, Any] = payload.get("hitl", payload)
    return out


def kinds(messages: list[AnyMessage]) -> list[str]:
    """What kinds of messages there are, in order."""
    return [message.type for message in messages]
