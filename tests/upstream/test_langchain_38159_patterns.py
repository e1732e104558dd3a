"""langchain 38159: gates for whole families of tools.

`interrupt_on` looks a tool's name up as it is: a pattern matches nothing, and what it was meant for runs unasked.
"""

from typing import Any

import pytest

from hitl_graph.agents import GateMiddleware
from hitl_graph.errors import DefinitionError
from tests.support.agent_threads import AgentThread, agent_gate
from tests.support.fake_model import call, calls


def gate_asked(gates: Any, tool: str = "send_email", **args: str) -> str | None:
    """The name of the gate that asks about a call, or None where nobody is asked."""
    given = args or {"to": "ana"}
    thread = AgentThread(GateMiddleware(gates), call(tool, **given), "Ended.").start()
    return thread.cases["c1"]["gate"] if thread.open else None


@pytest.mark.parametrize("pattern", ["send_*", "*_email", "s??d_email", "[rs]end_*", "*"])
def test_langchain_38159_a_glob_gates_every_tool_that_it_matches(pattern: str) -> None:
    """As file names are matched."""
    assert gate_asked({pattern: agent_gate()}) == "mail"


@pytest.mark.filterwarnings("ignore:GateMiddleware. the model is shown no tool:UserWarning")
@pytest.mark.parametrize("pattern", ["send", "Send_*", "send_", "*_mail", "SEND_EMAIL"])
def test_langchain_38159_a_glob_gates_nothing_else(pattern: str) -> None:
    """The whole name must match, in its case."""
    assert gate_asked({pattern: agent_gate()}) is None


def test_langchain_38159_a_predicate_sees_the_call_and_the_state() -> None:
    """For everything that a name does not tell."""
    seen = []

    def risky(tool_call: Any, state: Any) -> bool:
        seen.append((tool_call["name"], tool_call["args"], len(state["messages"])))
        return True

    assert gate_asked({risky: agent_gate()}) == "mail"
    assert seen[0] == ("send_email", {"to": "ana"}, 2)


def test_langchain_38159_the_first_match_decides() -> None:
    """So the exception stands before the rule."""
    gates = {"send_email": agent_gate("exact"), "send_*": agent_gate("family"), "*": agent_gate("rest")}

    assert gate_asked(gates) == "exact"
    assert gate_asked(gates, "delete_file", path="a") == "rest"
    assert gate_asked(dict(reversed(gates.items()))) == "rest"


def test_langchain_38159_a_list_of_pairs_says_the_order_too() -> None:
    """Where two predicates are wanted, or the same one twice."""
    gates = [("delete_*", agent_gate("files")), ("send_*", agent_gate("mail"))]

    assert gate_asked(gates) == "mail"


def test_langchain_38159_one_gate_may_stand_behind_several_patterns() -> None:
    """It is one gate with one name."""
    gate = agent_gate()
    both = calls(call("send_email", to="ana"), call("delete_file", "c2", path="a"))

    thread = AgentThread(GateMiddleware({"send_*": gate, "delete_*": gate}), both).start()

    assert {id_: case["gate"] for id_, case in thread.cases.items()} == {"c1": "mail", "c2": "mail"}


@pytest.mark.parametrize("gates", [{}, [], {"send_*": True}, {"": agent_gate()}, {3: agent_gate()}])
def test_langchain_38159_what_would_gate_nothing_is_refused_when_the_agent_is_built(gates: Any) -> None:
    """A gate that is silently never asked is the worst outcome."""
    with pytest.raises(DefinitionError, match="gates"):
        GateMiddleware(gates)
