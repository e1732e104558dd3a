"""What `gated` takes and refuses, and where it runs."""

import subprocess
import sys
from typing import Any

import pytest

from hitl_graph.agents import gated
from hitl_graph.errors import DefinitionError
from tests.agents.mailing import Tools, mail_gate, pay_gate


def test_outside_a_graph_it_runs_nothing() -> None:
    """Without a graph nobody could answer."""
    tools = Tools()

    with pytest.raises(DefinitionError):
        gated(tools.pay, pay_gate()).invoke({"amount": 3})

    assert tools.done == []


@pytest.mark.parametrize(("tool_", "gate"), [(3, mail_gate()), (Tools().pay, "yes")])
def test_what_is_no_tool_or_no_gate_is_refused(tool_: Any, gate: Any) -> None:
    """A wrong definition is an error at once."""
    with pytest.raises(DefinitionError):
        gated(tool_, gate)


def test_a_function_is_made_a_tool() -> None:
    """`gated` takes what `ToolNode` takes."""

    def pay(amount: int) -> str:
        """Pay somebody."""
        return "paid"

    assert gated(pay, pay_gate()).name == "pay"


def test_it_needs_no_langchain() -> None:
    """Only the middleware does, and it says so; a `ToolNode` of one's own gets along without."""
    program = (
        "import sys\n"
        "sys.modules['langchain'] = None\n"
        "from hitl_graph.agents import each_call, gated\n"
        "try:\n"
        "    from hitl_graph.agents import GateMiddleware\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "hitl-graph[langchain]" in done.stdout
