"""A gated tool that is an agent of its own, with our saver: what asks and what acts inside its act."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import BaseTool, tool

from hitl_graph import Desk, open_checkpointer
from hitl_graph.agents import GateMiddleware
from hitl_graph.decisions import Approve, Reject
from hitl_graph.desk.sync_desk import SyncDesk
from tests.support.agent_threads import agent_gate
from tests.support.fake_model import ScriptedModel, call, calls

WRITE: Any = {"messages": [("user", "Write to them.")]}
THREAD: Any = {"configurable": {"thread_id": "t"}}
SMALL = 3
"""Connections, of which one is for acts: the act inside gets another one, and checkpoints the last."""

pytestmark = pytest.mark.timeout(30)
inner_asks = pytest.mark.parametrize("inner_asks", [True, False], ids=["inside asks", "inside acts"])


def mailer(ran: list[str], to: str, *, asks: bool) -> Any:
    """An agent that sends one mail, which its gate asks about or its policy lets pass."""

    @tool
    def send_email(to: str) -> str:
        """Send."""
        ran.append(to)
        return "sent"

    policy = {"send_email": agent_gate("mail")} if asks else {"never_*": agent_gate("mail")}
    model = ScriptedModel(call("send_email", to=to), "Mailed.")
    return create_agent(model, [send_email], middleware=[GateMiddleware(policy)])


def secretary(name: str, inner: Any) -> BaseTool:
    """A tool that hands its task to that agent, for sync and async agents."""

    @tool(name)
    def delegate(what: str) -> str:
        """Let a secretary do it."""
        return str(inner.invoke({"messages": [("user", what)]})["messages"][-1].content)

    async def adelegate(what: str) -> str:
        return str((await inner.ainvoke({"messages": [("user", what)]}))["messages"][-1].content)

    delegate.coroutine = adelegate  # type: ignore[attr-defined]  # what a tool of both kinds is made of
    return delegate


def boss(saver: Any, ran: list[str], *names: str, asks: bool = False) -> Any:
    """An agent that calls all of these at once, each behind a gate of its own."""
    model = ScriptedModel(calls(*(call(name, f"call-{name}", what="x") for name in names)), "Done.")
    middleware = [GateMiddleware({name: agent_gate(name) for name in names})]
    tools = [secretary(name, mailer(ran, name, asks=asks)) for name in names]
    return create_agent(model, tools, middleware=middleware, checkpointer=saver)


def approve_all(desk: SyncDesk, agent: Any) -> list[str]:
    """Approve what waits until nothing does; gives what each run raised."""
    errors: list[str] = []
    while cases := desk.pending():
        for case in cases:
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        errors += [one.error or "" for one in desk.resume(agent)]
    return errors


async def aapprove_all(desk: Desk, agent: Any) -> list[str]:
    """The same, async."""
    errors: list[str] = []
    while cases := await desk.pending():
        for case in cases:
            await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        errors += [one.error or "" for one in await desk.resume(agent)]
    return errors


@inner_asks
def test_an_approved_agent_acts_once(db_url: str, inner_asks: bool) -> None:
    """Sync: whether a person is asked inside it or not, its mail goes out, once."""
    ran: list[str] = []
    with open_checkpointer(db_url, max_size=SMALL) as saver, Desk(db_url) as desk:
        agent = boss(saver, ran, "ann", asks=inner_asks)
        agent.invoke(WRITE, THREAD)

        errors = approve_all(desk, agent)

        assert (ran, set(errors)) == (["ann"], {""})


@inner_asks
async def test_an_approved_agent_acts_once_on_the_loop(db_url: str, inner_asks: bool) -> None:
    """Async: the same."""
    ran: list[str] = []
    async with open_checkpointer(db_url, max_size=SMALL) as saver, Desk(db_url) as desk:
        agent = boss(saver, ran, "ann", asks=inner_asks)
        await agent.ainvoke(WRITE, THREAD)

        errors = await aapprove_all(desk, agent)

        assert (ran, set(errors)) == (["ann"], {""})


def test_the_ledger_has_both_acts(db_url: str) -> None:
    """The outer act was broken off by the question inside it, begun again after the answer, and is done (I2)."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        agent = boss(saver, [], "ann", asks=True)
        agent.invoke(WRITE, THREAD)

        approve_all(desk, agent)

        assert [act.status for act in desk.effects.list()] == ["done", "done"]


def test_an_act_that_waits_for_a_person_is_none_of_an_unknown_outcome(db_url: str) -> None:
    """While the question inside stands open the outer act is `not_done`, and its case has not failed."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        agent = boss(saver, [], "ann", asks=True)
        agent.invoke(WRITE, THREAD)
        [outer] = desk.pending()
        desk.decide(outer.id, Approve(), by="ana", digest=outer.digest)

        desk.resume(agent)

        assert [act.status for act in desk.effects.list()] == ["not_done"]
        assert desk.show(outer.id).status == "applied"


def test_a_no_inside_an_approved_act_is_a_no(db_url: str) -> None:
    """The delegation was approved, the mail is not: nothing is sent, and the outer act ends."""
    ran: list[str] = []
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        agent = boss(saver, ran, "ann", asks=True)
        agent.invoke(WRITE, THREAD)
        [outer] = desk.pending()
        desk.decide(outer.id, Approve(), by="ana", digest=outer.digest)
        desk.resume(agent)
        [inner] = desk.pending()
        desk.decide(inner.id, Reject(), by="ana", digest=inner.digest)

        [resumed] = desk.resume(agent)

        assert (ran, resumed.error) == ([], None)


def test_two_such_acts_at_once_wait_for_each_other(db_url: str) -> None:
    """Sync, three connections: one agent acts, the other one waits, and neither holds what the other needs."""
    ran: list[str] = []
    with open_checkpointer(db_url, max_size=SMALL) as saver, Desk(db_url) as desk:
        agent = boss(saver, ran, "ann", "bob")
        agent.invoke(WRITE, THREAD)

        errors = approve_all(desk, agent)

        assert (sorted(ran), set(errors)) == (["ann", "bob"], {""})


async def test_two_such_acts_at_once_wait_for_each_other_on_the_loop(db_url: str) -> None:
    """Async: the same."""
    ran: list[str] = []
    async with open_checkpointer(db_url, max_size=SMALL) as saver, Desk(db_url) as desk:
        agent = boss(saver, ran, "ann", "bob")
        await agent.ainvoke(WRITE, THREAD)

        errors = await aapprove_all(desk, agent)

        assert (sorted(ran), set(errors)) == (["ann", "bob"], {""})
