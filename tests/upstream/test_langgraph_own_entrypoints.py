"""What LangGraph's own tests say of interrupts in the functional API, said of `review`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph.func import entrypoint, task

from hitl_graph.decisions import Approve, Reject
from hitl_graph.functional import agather, areview, gather, review
from tests.unit.factories import EMAIL, review_gate
from tests.upstream.running import TICKET, Run, gates_of


def flow(run: Run, body: Callable[..., Any], abody: Callable[..., Any]) -> Run:
    """An entrypoint on the run's saver, in the run's way."""
    return run.on(entrypoint(checkpointer=run.saver)(abody if run.is_async else body))


async def test_an_entrypoint_that_asks(run: Run) -> None:
    """interrupt_functional: also when the thread is run once more."""

    def body(context: dict[str, Any]) -> str:
        return review(review_gate(), context["email"], context=context).outcome

    async def abody(context: dict[str, Any]) -> str:
        return (await areview(review_gate(), context["email"], context=context)).outcome

    flow(run, body, abody)
    ids = []
    for decision, outcome in ((Approve(), "approved"), (Reject(), "rejected")):
        await run.invoke(TICKET)
        ids += [one.id for one in await run.open()]
        assert await run.answer(decision) == outcome
    assert len(set(ids)) == 2 == len(ids)


async def test_a_task_that_asks(run: Run) -> None:
    """interrupt_task_functional, falsy_return_from_task: what went before, and gave nothing, is not done again."""
    done: list[str] = []

    @task
    def nothing(name: str) -> None:
        done.append(name)

    @task
    def ask(context: dict[str, Any]) -> str:
        return review(review_gate(), context["email"], context=context).outcome

    def body(context: dict[str, Any]) -> str:
        nothing("before").result()
        outcome = ask(context).result()
        nothing("after").result()
        return outcome

    async def abody(context: dict[str, Any]) -> str:
        await nothing("before")
        outcome = await ask(context)
        await nothing("after")
        return outcome

    await flow(run, body, abody).invoke(TICKET)
    assert done == ["before"] and await run.answer(Approve()) == "approved"
    assert done == ["before", "after"]


async def test_several_tasks_before_several_questions_run_once(run: Run) -> None:
    """multiple_interrupts_functional, multiple_tasks_before_interrupt_resume."""
    done: list[int] = []

    @task
    def double(n: int) -> int:
        done.append(n)
        return 2 * n

    def body(context: dict[str, Any]) -> list[int]:
        out = []
        for n in range(3):
            value = double(n).result()
            if review(review_gate(), {**context["email"], "body": str(value)}, context=context).approved:
                out.append(value)
        return out

    async def abody(context: dict[str, Any]) -> list[int]:
        out = []
        for n in range(3):
            value = await double(n)
            mail = {**context["email"], "body": str(value)}
            if (await areview(review_gate(), mail, context=context)).approved:
                out.append(value)
        return out

    await flow(run, body, abody).invoke(TICKET)
    for decision in (Approve(), Reject(), Approve()):
        out = await run.answer(decision)
    assert out == [0, 4] and done == [0, 1, 2]


async def test_questions_of_several_tasks(run: Run) -> None:
    """handles_multiple_interrupts_from_tasks, imp_task: there one after the other, here all at once."""

    @task
    def ask(name: str) -> str:
        return review(review_gate(name=name), dict(EMAIL), context=TICKET).outcome

    def body(names: list[str]) -> list[str]:
        return gather([ask(name) for name in names])

    async def abody(names: list[str]) -> list[str]:
        return await agather([ask(name) for name in names])

    await flow(run, body, abody).invoke(["a", "b", "c"])
    assert await gates_of(run) == ["a", "b", "c"]
    assert await run.answer(Approve()) == ["approved"] * 3


async def test_an_entrypoint_inside_another(run: Run) -> None:
    """imp_nested, multiple_subgraphs_mixed_entrypoint: asked once, and what went before is kept."""
    done: list[str] = []

    @task
    def before() -> None:
        done.append("before")

    @entrypoint()
    def inner(context: dict[str, Any]) -> str:
        before().result()
        return review(review_gate(), context["email"], context=context).outcome

    def body(context: dict[str, Any]) -> str:
        return str(inner.invoke(context))

    async def abody(context: dict[str, Any]) -> str:
        return str(await inner.ainvoke(context))

    await flow(run, body, abody).invoke(TICKET)
    assert len(await run.open()) == 1
    assert await run.answer(Approve()) == "approved" and done == ["before"]
