"""The kill switch, thrown while many threads and processes act: when the call has returned, nothing acts any more."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.errors import EffectHeld
from tests.intervention.acting import events, named, tagging_graph, wait_until
from tests.support.graphs import lines

THREADS = 20
ROOT = Path(__file__).parents[2]

ACTOR = """
import sys
from hitl_graph import open_checkpointer
from hitl_graph.errors import EffectHeld
from tests.intervention.acting import named, tagging_graph
with open_checkpointer(sys.argv[1]) as checkpointer:
    graph = tagging_graph().compile(checkpointer=checkpointer)
    try:
        graph.invoke({"left": 5000, "sink": sys.argv[2]}, named(sys.argv[3], "tags"), durability="exit")
    except EffectHeld as error:
        sys.exit(f"held: {error}")
"""


@pytest.mark.parametrize(("scope", "value"), [("workflow", "tags"), ("action", "tag"), ("tenant", "")])
def test_after_the_call_nothing_acts(db_url: str, sink: Path, scope: str, value: str) -> None:
    """R4: twenty threads act; the sink has as many lines when the call returns as when all have ended."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk, ThreadPoolExecutor(THREADS) as pool:
        graph = tagging_graph().compile(checkpointer=checkpointer)
        runs = [
            pool.submit(
                graph.invoke,
                {"left": 5000, "sink": str(sink)},
                named(f"t{number}", "tags"),
                durability="exit",
            )
            for number in range(THREADS)
        ]
        wait_until(lambda: len(lines(sink)) >= 2 * THREADS)

        hold = desk.holds.stop(scope, value, by="ana", reason="wrong tags")
        acted = len(lines(sink))
        ended = [run.exception() for run in runs]

        assert hold.under_way == ()
        assert [type(error) for error in ended] == [EffectHeld] * THREADS
        assert len(lines(sink)) == acted
        assert len(set(lines(sink))) == acted
        assert len(events(desk, "effect_held")) == THREADS


async def test_after_the_call_nothing_acts_in_async_graphs(db_url: str, sink: Path) -> None:
    """R4: the same where all threads run on one loop."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph: Any = tagging_graph().compile(checkpointer=checkpointer)
        runs = [
            asyncio.create_task(
                graph.ainvoke(
                    {"left": 5000, "sink": str(sink)}, named(f"t{number}", "tags"), durability="exit"
                )
            )
            for number in range(THREADS)
        ]
        await asyncio.to_thread(wait_until, lambda: len(lines(sink)) >= 2 * THREADS)

        hold = await desk.holds.stop("workflow", "tags", by="ana", reason="wrong tags")
        acted = len(lines(sink))
        ended = await asyncio.gather(*runs, return_exceptions=True)

        assert hold.under_way == ()
        assert [type(error) for error in ended] == [EffectHeld] * THREADS
        assert len(lines(sink)) == acted


def test_other_processes_stop_as_well(db_url: str, sink: Path) -> None:
    """R4: one switch for all machines."""
    command = [sys.executable, "-c", ACTOR, db_url, str(sink)]
    actors = [
        subprocess.Popen([*command, f"t{number}"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    try:
        with Desk(db_url) as desk:
            wait_until(lambda: len({key.split()[0] for key in lines(sink)}) >= 40)

            hold = desk.holds.stop("action", "tag", by="ana", reason="wrong tags")
            acted = len(lines(sink))
            said = [actor.communicate(timeout=60)[1] for actor in actors]

            assert hold.under_way == ()
            assert all("held: tag was held: action tag is stopped by ana" in text for text in said)
            assert len(lines(sink)) == acted
    finally:
        for actor in actors:
            actor.kill()
            actor.wait()


def test_a_switch_that_is_thrown_twice_at_once_is_one(db_url: str) -> None:
    """Two people in a fire: one hold, one event, and both are told of it."""
    with Desk(db_url) as desk, ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda by: desk.holds.stop("tenant", by=by, reason="fire"), ["ana", "ben"]))

        assert made[0] == made[1]
        assert len(events(desk, "stopped")) == 1
