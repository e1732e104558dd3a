"""langchain 38837: retry and fallback middleware must not swallow the pause.

`ModelRetryMiddleware` and `ModelFallbackMiddleware` took a pause for a failure of the model. LangChain has mended
that, but its per-call mode still loses a *refused answer* to retry and error middleware that is listed before it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    ToolErrorMiddleware,
    ToolRetryMiddleware,
)
from pydantic import ValidationError

from hitl_graph import Approve
from hitl_graph.agents import GateMiddleware
from tests.support.agent_threads import AgentThread, Mode, agent_gate
from tests.support.fake_model import ScriptedModel, call

Middleware = AgentMiddleware[Any, Any, Any]


def told_of(error: Exception, request: object) -> str:
    return f"It failed: {error}"


MIDDLEWARE: list[Callable[[], Middleware]] = [
    lambda: ModelRetryMiddleware(max_retries=2, initial_delay=0),
    lambda: ModelFallbackMiddleware(ScriptedModel("I am the fallback.")),
    lambda: ToolRetryMiddleware(max_retries=2, initial_delay=0),
    lambda: ToolErrorMiddleware(on_error=told_of),
]
NAMES = ["model_retry", "model_fallback", "tool_retry", "tool_error"]
every_one = pytest.mark.parametrize("other", MIDDLEWARE, ids=NAMES)
in_both_orders = pytest.mark.parametrize("outside", [True, False], ids=["listed_before", "listed_after"])
in_both_modes = pytest.mark.parametrize("mode", ["sync", "async"])


def paused(other: Callable[[], Middleware], *, outside: bool, mode: Mode) -> AgentThread:
    gate = GateMiddleware({"send_email": agent_gate()})
    order = [other(), gate] if outside else [gate, other()]
    return AgentThread(order, call("send_email", to="ana"), "Ended.", mode=mode).start()


@every_one
@in_both_orders
@in_both_modes
def test_langchain_38837_the_pause_comes_through(
    other: Callable[[], Middleware], outside: bool, mode: Mode
) -> None:
    """One case, the model was asked once, and its yes runs the tool once."""
    thread = paused(other, outside=outside, mode=mode)

    assert (list(thread.cases), len(thread.model.sent), thread.ran) == (["c1"], 1, [])
    thread.answer(Approve())
    assert thread.ran == ["send_email(ana, )"]
    assert thread.messages[-1].content == "Ended."


@every_one
@in_both_orders
def test_langchain_38837_a_refused_answer_is_not_taken_for_a_failure(
    other: Callable[[], Middleware], outside: bool
) -> None:
    """Whoever answered is told, nothing is lost, and the case can be answered again."""
    thread = paused(other, outside=outside, mode="sync")

    with pytest.raises(ValidationError, match="type: is 'nonsense'"):
        thread.answer({"type": "nonsense"})

    assert list(thread.cases) == ["c1"]
    thread.answer(Approve())
    assert thread.ran == ["send_email(ana, )"]


@in_both_orders
def test_langchain_38837_a_tool_that_is_tried_again_is_not_reviewed_again(outside: bool) -> None:
    """The approval covers the act, and the act has not happened yet."""
    attempts = []

    def failing_once(to: str) -> str:
        """Send an email."""
        attempts.append(to)
        if len(attempts) == 1:
            raise ConnectionError("the mail server is away")
        return f"sent to {to}"

    gate = GateMiddleware({"failing_once": agent_gate()})
    retry: Middleware = ToolRetryMiddleware(initial_delay=0)
    order = [retry, gate] if outside else [gate, retry]
    thread = AgentThread(order, call("failing_once", to="ana"), "Ended.", tools=[failing_once]).start()

    thread.answer(Approve())

    assert (attempts, thread.told().content) == (["ana", "ana"], "sent to ana")
