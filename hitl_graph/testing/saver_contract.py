"""What a checkpointer must do for gates to work, as tests: subclass `SaverContract` for a saver of your own.

```python
from hitl_graph.testing.saver_contract import SaverContract

class TestMySaver(SaverContract):
    modes = ("sync",)                          # it has no `aput`

    @pytest.fixture
    def open_saver(self, tmp_path):
        return lambda: MySaver.from_path(tmp_path / "threads.db")
```
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Concatenate, Literal, ParamSpec

import pytest
from langgraph.types import Command

from hitl_graph.testing.saver_thread import EMAIL, OpenSaver, SaverThread, fan_out, inside, single, two_gates

__all__ = ["SaverContract"]

P = ParamSpec("P")
NewThread = Callable[[Any], SaverThread]


def story(
    test: Callable[Concatenate[Any, P], Awaitable[None]],
) -> Callable[Concatenate[Any, P], None]:
    """One body for sync and async savers, which pytest runs without a plugin: on a loop of its own."""

    @functools.wraps(test)
    def run(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> None:
        async def whole() -> None:
            await test(self, *args, **kwargs)

        asyncio.run(whole())

    return run


class SaverContract:
    """The tests. A subclass whose name begins with `Test` gives them the saver by the fixture `open_saver`.

    Attributes:
        open_saver: A function that opens the saver and gives a context manager: `with` for the mode "sync", `async
            with` for "async", both where one saver serves both. Each call opens it on the same storage, as a
            restarted process would. The storage is empty at first.
        modes: "sync" if graphs may be run by `invoke`, "async" if by `ainvoke`.
        durabilities: LangGraph's, with each of which the tests are run.
        copies: Whether it can copy a thread; one that cannot must say so by NotImplementedError.
        forgets_refused: Whether a bare answer that the gate refused is gone. LangGraph's own savers keep it, and raise
            it again on every run until somebody answers by id.
    """

    modes: ClassVar[Sequence[Literal["sync", "async"]]] = ("sync", "async")
    durabilities: ClassVar[Sequence[Literal["sync", "async", "exit"]]] = ("sync", "exit")
    copies: ClassVar[bool] = True
    forgets_refused: ClassVar[bool] = True

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Each test in each mode and durability."""
        if "mode" in metafunc.fixturenames:
            metafunc.parametrize("mode", self.modes)
        if "durability" in metafunc.fixturenames:
            metafunc.parametrize("durability", self.durabilities)

    @pytest.fixture
    def open_saver(self) -> OpenSaver:
        """Opens the saver: a subclass must say how."""
        raise NotImplementedError(
            "open_saver: give a function that opens your saver by a fixture of this name"
        )

    @pytest.fixture
    def new_thread(
        self,
        open_saver: OpenSaver,
        mode: Literal["sync", "async"],
        durability: Literal["sync", "async", "exit"],
    ) -> NewThread:
        """A thread of a graph."""
        return lambda builder: SaverThread(open_saver, mode, durability, builder)

    @story
    async def test_a_gate_pauses_its_thread(self, new_thread: NewThread) -> None:
        """The case stands there, whole, and nothing was done."""
        async with new_thread(single()).opened() as thread:
            await thread.start()

            [asked] = await thread.open()
            assert asked.value["proposal"] == {**EMAIL, "ticket": "Where is my card?", "number": 1}
            assert not (await thread.values()).get("sent"), "the act was done before anybody was asked"

    @story
    async def test_an_approved_act_is_done_once(self, new_thread: NewThread) -> None:
        """With one record and one effect."""
        async with new_thread(single()).opened() as thread:
            await thread.start()
            await thread.approve()

            values = await thread.values()
            assert values["sent"] == [EMAIL["body"]], f"done: {values.get('sent')}"
            assert [record["outcome"] for record in values["reviews"]] == ["approved"]
            assert len(values["effects"]) == 1, f"effects: {values['effects']}"

    @story
    async def test_an_edit_becomes_state(self, new_thread: NewThread) -> None:
        """Both versions are kept."""
        async with new_thread(single()).opened() as thread:
            await thread.start()
            [asked] = await thread.open()
            await thread.answer({asked.id: {"type": "edit", "changes": {"body": "On Monday."}}})

            values = await thread.values()
            assert values["sent"] == ["On Monday."], f"done: {values.get('sent')}"
            assert values["reviews"][0]["proposed"]["body"] == EMAIL["body"], "the first version is lost"

    @story
    async def test_a_rejected_draft_is_asked_about_anew(self, new_thread: NewThread) -> None:
        """Under another id."""
        async with new_thread(single()).opened() as thread:
            await thread.start()
            before = await thread.ids()
            await thread.answer({before["reply"]: {"type": "reject"}})

            after = await thread.ids()
            assert after.keys() == {"reply"}, f"it waits for {after}"
            assert after != before, "the new draft has the id of the old one"
            assert (await thread.values())["email"]["number"] == 2

    @story
    async def test_a_pause_outlives_the_process(self, new_thread: NewThread) -> None:
        """The same case under the same id, and it can be answered."""
        thread = new_thread(single())
        async with thread.opened():
            await thread.start()
            before = await thread.open()

        async with thread.opened():
            after = await thread.open()
            assert [one.id for one in after] == [one.id for one in before], "another id after a restart"
            assert [one.value for one in after] == [one.value for one in before], (
                "another case after a restart"
            )
            await thread.approve()
            assert (await thread.values())["sent"] == [EMAIL["body"]]

    @story
    async def test_state_comes_back_as_it_was(self, new_thread: NewThread) -> None:
        """Records and proposals, after a restart."""
        thread = new_thread(single())
        async with thread.opened():
            await thread.start()
            await thread.approve()
            before = await thread.values()

        async with thread.opened():
            assert await thread.values() == before

    @story
    async def test_a_run_without_an_answer_asks_the_same(self, new_thread: NewThread) -> None:
        """Nothing is done, and the id stays."""
        async with new_thread(single()).opened() as thread:
            await thread.start()
            before = await thread.ids()
            await thread.run(None)

            assert await thread.ids() == before

    @story
    async def test_two_gates_take_one_map_of_answers(self, new_thread: NewThread) -> None:
        """Each its own."""
        async with new_thread(two_gates()).opened() as thread:
            await thread.start()
            ids = await thread.ids()
            await thread.answer({ids["second"]: {"type": "reject"}, ids["first"]: {"type": "approve"}})

            decided = {record["gate"]: record["decision"] for record in (await thread.values())["reviews"]}
            assert decided == {"first": "approve", "second": "reject"}

    @story
    async def test_one_of_two_gates_may_be_answered_first(self, new_thread: NewThread) -> None:
        """The other waits on under its id, also after a restart, and the first answer is kept."""
        thread = new_thread(two_gates())
        async with thread.opened():
            await thread.start()
            ids = await thread.ids()
            await thread.approve(ids["second"])

        async with thread.opened():
            assert await thread.ids() == {"first": ids["first"]}, (
                "the open case is lost, or the answered one is back"
            )
            await thread.answer({ids["first"]: {"type": "reject"}})
            decided = {record["gate"]: record["decision"] for record in (await thread.values())["reviews"]}
            assert decided == {"first": "reject", "second": "approve"}

    @story
    async def test_items_of_a_fan_out_are_answered_by_id(self, new_thread: NewThread) -> None:
        """In any order, one at a time."""
        async with new_thread(fan_out()).opened() as thread:
            await thread.start()
            asked = {one.value["proposal"]["to"]: one.id for one in await thread.open()}
            assert len(asked) == 3, f"of three items these wait: {sorted(asked)}"
            await thread.approve(asked["2@example.com"])
            await thread.answer({asked["0@example.com"]: {"type": "reject"}})
            await thread.approve(asked["1@example.com"])

            assert sorted((await thread.values())["sent"]) == ["Mail 1", "Mail 2"]

    @story
    async def test_a_gate_in_a_subgraph_pauses_and_goes_on(self, new_thread: NewThread) -> None:
        """Across a restart."""
        thread = new_thread(inside())
        async with thread.opened():
            await thread.start()
            before = await thread.ids()

        async with thread.opened():
            assert before.keys() == {"reply"}, f"it waits for {before}"
            assert await thread.ids() == before
            await thread.approve()
            assert (await thread.values())["sent"] == [EMAIL["body"]]

    @story
    async def test_a_refused_answer_leaves_the_case_open(self, new_thread: NewThread) -> None:
        """A good one is taken afterwards."""
        async with new_thread(single()).opened() as thread:
            await thread.start()
            before = await thread.ids()
            with pytest.raises(ValueError):  # noqa: PT011  # LangGraph's own, around ours
                await thread.answer({before["reply"]: {"type": "no such thing"}})

            assert await thread.ids() == before
            await thread.approve()
            assert (await thread.values())["sent"] == [EMAIL["body"]]

    @story
    async def test_a_refused_bare_answer_is_not_kept(self, new_thread: NewThread) -> None:
        """The next run asks again, and does not trip over it."""
        async with new_thread(single()).opened() as thread:
            await thread.start()
            before = await thread.ids()
            with pytest.raises(ValueError):  # noqa: PT011  # the same
                await thread.run(Command(resume={"type": "no such thing"}))
            if self.forgets_refused:
                await thread.run(None)

            assert await thread.ids() == before

    @story
    async def test_threads_do_not_meet(self, new_thread: NewThread) -> None:
        """An answer in one changes nothing in the other."""
        async with new_thread(single()).opened() as thread:
            other = thread.other("other")
            await thread.start(ticket="one")
            await other.start(ticket="two")
            await thread.approve()

            assert [one.value["proposal"]["ticket"] for one in await other.open()] == ["two"]
            assert (await thread.values())["ticket"] == "one"

    @story
    async def test_new_input_asks_anew(self, new_thread: NewThread) -> None:
        """What was asked before is no longer what the thread waits for."""
        async with new_thread(single()).opened() as thread:
            await thread.start(ticket="one")
            before = await thread.ids()
            await thread.start(ticket="two")

            [asked] = await thread.open()
            assert asked.value["proposal"]["ticket"] == "two"
            assert asked.id not in before.values(), "a new case has the id of the old one"

    @story
    async def test_the_pause_stands_in_the_history(self, new_thread: NewThread) -> None:
        """And the thread can go back to it, where it asks anew."""
        async with new_thread(single()).opened() as thread:
            await thread.start()
            before = await thread.ids()
            await thread.approve()
            paused = next(one for one in await thread.history() if one.next == ("reply",))
            await thread.run_from(paused)

            after = await thread.ids()
            assert after.keys() == {"reply"}, f"it waits for {after}"
            assert after != before, "it asks again under the id that was answered"

    @story
    async def test_a_deleted_thread_is_gone(self, new_thread: NewThread) -> None:
        """And no other is."""
        async with new_thread(single()).opened() as thread:
            other = thread.other("other")
            await thread.start()
            await other.start()
            await thread.on_saver("delete_thread", thread.name)

            assert await thread.values() == {}, "the deleted thread still has a state"
            assert len(await other.open()) == 1, "another thread was deleted with it"

    @story
    async def test_a_copied_thread_waits_as_well(self, new_thread: NewThread) -> None:
        """And is answered by itself; a saver that cannot copy says so."""
        async with new_thread(single()).opened() as thread:
            other = thread.other("copy")
            await thread.start()
            if not self.copies:
                with pytest.raises(NotImplementedError):
                    await thread.on_saver("copy_thread", thread.name, other.name)
                return
            await thread.on_saver("copy_thread", thread.name, other.name)
            await other.approve()

            assert (await other.values())["sent"] == [EMAIL["body"]]
            assert len(await thread.open()) == 1, "the answer to the copy was taken for the source"
