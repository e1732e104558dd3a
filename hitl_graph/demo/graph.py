"""A support desk with all three gates in one process: sort, escalate the exceptions, draft, review, send.

```
START - classify - triage? - escalation? - draft - reply! - send - END
                                 |                   | |
                                 `---- own words ----' `-- rejected: draft again, three times at most
```
`triage` (confidence-gated) and `escalation` let pass what is plain; `reply` asks about every email. All that
a thread needs stands in its state, so that any process can finish it:
`hitl-graph decide ID approve --graph hitl_graph.demo.graph:graph`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph.demo import writer
from hitl_graph.demo.gates import ask_about_failure, escalation, reply, send_email, triage
from hitl_graph.demo.inbox_reader import Message
from hitl_graph.demo.maildir import send_into
from hitl_graph.demo.stand_ins import classify, customer_address
from hitl_graph.nodes import HitlState, add_gate, ask_on_failure, effect

__all__ = ["MAX_DRAFTS", "DeskState", "build_support_desk", "graph", "strict_graph", "ticket_input"]

MAX_DRAFTS = 3
"""Letters that are drafted for one ticket; when the last is turned down as well, a person writes."""

Json = dict[str, Any]


class DeskState(HitlState, total=False):
    """One ticket.

    Attributes:
        ticket: number, text, customer (an address), columns (whatever else stood in the file).
        settings: maildir, and the model that drafts (None: the stand-in).
        guess: category, confidence, runner_up, runner_up_confidence.
        tag: Proposed by `classify`, judged by `triage`: ticket, category.
        handling: Proposed by `classify`, judged by `escalation`: ticket, reply_to.
        email: Proposed by `draft`, judged by `reply`: to, subject, body.
        written_by: Who wrote the email: a model's name, `stand-in` or `a person`.
        drafts: How many letters were drafted or written for it.
        handed_over: Why the agent gave up, when it did.
    """

    ticket: Json
    settings: Json
    guess: Json
    tag: Json
    handling: Json
    email: Json
    written_by: str
    drafts: int
    handed_over: str


def ticket_input(message: Message, *, maildir: Path, model: str | None = None) -> Json:
    """What a thread starts with, for one customer message.

    Args:
        message: The message; its index is the ticket's number.
        maildir: Where its reply is delivered.
        model: The name of the model that drafts; None for the offline stand-in.
    """
    ticket = {
        "number": message.index,
        "text": message.text,
        "customer": customer_address(message.index),
        "columns": message.extra,
    }
    return {"ticket": ticket, "settings": {"maildir": str(maildir.absolute()), "model": model}}


def build_support_desk(checkpointer: Any = None, *, strict: bool = False) -> Any:
    """The compiled graph.

    Args:
        checkpointer: Where its threads live, from `open_checkpointer()`; None: the caller puts one in.
        strict: Every act is asked about, whatever the policies say (R73). It is another workflow, with
            threads of its own.
    """
    name = "support-desk-strict" if strict else "support-desk"
    builder = StateGraph(DeskState)
    builder.add_node("classify", _classify)
    failed = ask_on_failure(ask_about_failure(name), node="draft", skip="template", abort=END)
    drafting = RunnableLambda(_draft, _adraft, name="draft")
    builder.add_node(
        "draft", drafting, destinations={"reply": "drafted", END: "given up"}, error_handler=failed
    )
    builder.add_node("template", _template)
    builder.add_node("own_words", _own_words)
    builder.add_node("send", effect(_send, action=send_email))
    add_gate(builder, triage(name), approved="escalation", taken_over=END, strict=strict)
    add_gate(
        builder, escalation(name), approved="draft", responded="own_words", taken_over=END, strict=strict
    )
    add_gate(
        builder, reply(name), approved="send", rejected="draft", asked="draft", taken_over=END, strict=strict
    )
    builder.add_edge(START, "classify")
    builder.add_edge("classify", "triage")
    builder.add_edge("template", "reply")
    builder.add_edge("own_words", "reply")
    builder.add_edge("send", END)
    # The name stands in each case as well, so that the desk can tell whose it is.
    return builder.compile(checkpointer=checkpointer, name=name).with_config(metadata={"workflow": name})


def graph() -> Any:
    """The support desk without a checkpointer, for `--graph hitl_graph.demo.graph:graph`."""
    return build_support_desk()


def strict_graph() -> Any:
    """The same in strict mode, for `--graph hitl_graph.demo.graph:strict_graph`."""
    return build_support_desk(strict=True)


def _classify(state: DeskState) -> Json:
    ticket = state["ticket"]
    found = classify(ticket["text"])
    return {
        "guess": {
            "category": found.category,
            "confidence": found.confidence,
            "runner_up": found.runner_up,
            "runner_up_confidence": found.runner_up_confidence,
        },
        "tag": {"ticket": ticket["number"], "category": found.category},
        "handling": {"ticket": ticket["number"], "reply_to": ticket["customer"]},
    }


def _draft(state: DeskState) -> Command[Any]:
    if given_up := _given_up(state):
        return given_up
    return _drafted(state, writer.write(_order(state), state["settings"]["model"]))


async def _adraft(state: DeskState) -> Command[Any]:
    if given_up := _given_up(state):
        return given_up
    return _drafted(state, await writer.awrite(_order(state), state["settings"]["model"]))


def _template(state: DeskState) -> Json:
    """The letter when the model failed and a person chose to go on without it."""
    return _letter(state, writer.write(_order(state), None), writer.STAND_IN)


def _own_words(state: DeskState) -> Json:
    """The person's own words as the letter; it is reviewed like any other."""
    email = writer.write(_order(state), None)
    return _letter(state, {**email, "body": state["reviews"][-1]["answer"]["message"]}, "a person")


def _send(state: DeskState, key: str) -> None:
    send_into(Path(state["settings"]["maildir"]), state["email"], key)


def _order(state: DeskState) -> writer.Order:
    ticket, last = state["ticket"], (state.get("reviews") or [{}])[-1]
    turned_down = last.get("gate") == "reply"
    feedback = (
        [last.get("reason"), last.get("note"), last.get("answer", {}).get("question")] if turned_down else []
    )
    return writer.Order(
        text=ticket["text"],
        category=state["tag"]["category"],
        to=ticket["customer"],
        feedback="; ".join(word for word in feedback if word) or ("not good enough" if turned_down else None),
        before=state.get("email") if turned_down else None,
    )


def _drafted(state: DeskState, email: Json) -> Command[Any]:
    return Command(update=_letter(state, email, state["settings"]["model"] or writer.STAND_IN), goto="reply")


def _letter(state: DeskState, email: Json, by: str) -> Json:
    return {"email": email, "written_by": by, "drafts": state.get("drafts", 0) + 1}


def _given_up(state: DeskState) -> Command[Any] | None:
    if state.get("drafts", 0) < MAX_DRAFTS:
        return None
    return Command(update={"handed_over": f"{MAX_DRAFTS} drafts were turned down"}, goto=END)
