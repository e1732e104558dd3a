"""One schedule: a few threads, people and workers at them, and what goes wrong; brought to rest and judged."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

import psycopg

from hitl_graph import Desk, Sla, open_checkpointer
from hitl_graph.desk import runs
from hitl_graph.failpoints import FailpointReached
from hitl_graph.testing import FakeClock

from .checker import check
from .evidence import gather
from .graphs import letters, request, thread
from .history import History
from .interleave import ACTOR, PLACES, Actor, Fate, Turns, interleaved
from .people import Doing, deadlines, holder, intruder, prober, reviewer, stranger, time_passes, worker
from .sink import Sink

__all__ = ["Process", "World"]

PROCESSES = ("workers-0", "workers-1", "desk-0", "desk-1", "test", "elsewhere")
KINDS = [(gates, idempotent) for gates in (1, 2) for idempotent in (True, False)]
LONGEST_S = 60
RUNS_ON = ("input", "again", "replay")
PROBED, ESTRANGED = 0.15, 0.2
"""How many of the schedules have a thread that nobody approves, and somebody of another tenant."""


@dataclasses.dataclass
class Process:
    """What one process has: a desk, and the graphs with a saver of its own."""

    name: str
    desk: Desk
    graphs: dict[tuple[int, bool], Any]
    pool: Any

    async def restart(self) -> None:
        """Replace the connections that were broken, without waiting for turns."""
        told = ACTOR.set(None)
        await self.desk.pool.check()
        await self.pool.check()
        ACTOR.reset(told)


class World:
    """One database under a clock that only the schedules move, and several processes, as far as it can tell.

    Args:
        url: A fresh database. folder: For the sinks.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self._stack = contextlib.AsyncExitStack()
        self.processes: dict[str, Process] = {}
        self.story = ""
        self.log: list[str] = []

    async def __aenter__(self) -> Self:
        stack = self._stack
        self.clock = stack.enter_context(FakeClock(self._url))
        self.admin = stack.enter_context(psycopg.connect(self._url, autocommit=True))
        for name in PROCESSES:
            url = f"{self._url}&application_name={name}"
            tenant = "others" if name == "elsewhere" else None
            saver = await stack.enter_async_context(open_checkpointer(url, max_size=6, tenant=tenant))
            desk = await stack.enter_async_context(Desk(url, max_size=6, tenant=tenant))
            built = {
                kind: letters(kind[0], idempotent=kind[1], sla=Sla(4, on_expiry="reject")) for kind in KINDS
            }
            graphs = {kind: graph.compile(checkpointer=saver) for kind, graph in built.items()}
            self.processes[name] = Process(name, desk, graphs, saver.conn)
        stack.enter_context(_quick_waits())
        return self

    async def __aexit__(self, *given: object) -> None:
        await self._stack.aclose()

    async def audited(self) -> list[str]:
        """What the audit log's own verification complains of, when all schedules have been played (I8)."""
        desk = self.processes["test"].desk
        await desk.audit.seal()
        report = await desk.audit.verify()
        return [] if report.ok else [f"I8: {report}"]

    async def play(self, seed: int) -> list[str]:
        """Play one schedule, and return what the checker complains of."""
        random_ = random.Random(seed)  # noqa: S311  # seeds are to be replayed
        kind = random_.choice(KINDS)
        threads = [f"s{seed}-{number}" for number in range(random_.choice((1, 1, 2)))]
        sink, history = Sink(self._folder / f"sink-{seed}", kind[1]), History()
        since = self.clock.now()
        test = self.processes["test"]
        for number, name in enumerate(threads):
            await test.graphs[kind].ainvoke(request(sink.path, number), thread(name), durability="exit")
        probe = f"s{seed}-probe" if _seeded(seed, "probe").random() < PROBED else None
        if probe is not None:
            await test.graphs[kind].ainvoke(request(sink.path, 9), thread(probe), durability="exit")
        doing = Doing(self, kind, threads, sink, history, seed, probe=probe)
        turns = Turns(random.Random(f"{seed} turns"))  # noqa: S311  # as above
        self.story = f"{kind[0]} gates, {'idempotent' if kind[1] else 'plain'}, {len(threads)} threads"
        actors = self._actors(doing, turns, random_)
        self.log = [f"{actor.name}: {actor.fate}" for actor, _ in actors if actor.fate.what != "none"]
        problems = await self._raced([actor for actor, _ in actors], [work for _, work in actors], turns)
        self.log += [f"turns: {' '.join(turns.log)}", *(str(op) for op in history.done)]
        for process in self.processes.values():
            await process.restart()
        problems += [] if problems else await self._brought_to_rest(doing)
        found = gather(self.admin, sink, history, threads=doing.all_threads, since=since)
        found.probes |= {probe} if probe else set()
        for name in threads:
            state = await test.graphs[kind].aget_state(thread(name))
            asked = any(one == name for one, _ in found.paused)
            if state.next and not asked and not any(r["status"] == "failed" for r in found.reviews):
                found.unfinished.append(name)
        self.log += [f"{e['type']} {e['thread_id']} {e['review_id'][:6]} {e['data']}" for e in found.events]
        self.log += [f"{r['id'][:6]} {r['status']} {r['error']}" for r in found.reviews]
        problems += check(found)
        sink.path.unlink(missing_ok=True)
        return problems

    def _actors(self, doing: Doing, turns: Turns, random_: random.Random) -> list[tuple[Actor, Any]]:
        """Who takes part, and what becomes of whom."""
        cast: list[tuple[str, str, Coroutine[Any, Any, None]]] = []
        for number in range(random_.randint(2, 3)):
            place = f"desk-{number % 2}"
            cast.append((f"person-{number}", place, reviewer(doing, place, f"{doing.threads[0]}:p{number}")))
        cast += [(f"worker-{n}", f"workers-{n}", worker(doing, f"workers-{n}")) for n in range(2)]
        cast.append(("time", "test", time_passes(doing)))
        if random_.random() < 0.4:
            cast.append(("deadlines", "desk-1", deadlines(doing, "desk-1")))
        if random_.random() < 0.25:
            cast.append(("holder", "desk-0", holder(doing, "desk-0")))
        if random_.random() < 0.2:
            cast.append(("intruder", "desk-1", intruder(doing, "desk-1")))
        cast += _outsiders(doing)
        actors = []
        for name, process, work in cast:
            actor = Actor(name, process, turns, self.admin, self.processes[process].restart)
            if name.startswith("worker") and random_.random() < 0.6:
                what = random_.choice(("die", "die", "cut", "stop"))
                by_place = what != "stop" and random_.random() < 0.4
                at = random_.choice(PLACES) if by_place else random_.randint(1, 45)
                actor.fate = Fate(what, at, after=random_.random() < 0.4)
            elif name.startswith("person") and random_.random() < 0.3:
                what = random_.choice(("die", "cut", "stop"))
                actor.fate = Fate(what, random_.randint(1, 20), after=random_.random() < 0.5)
            elif name in ("deadlines", "intruder") and random_.random() < 0.3:
                actor.fate = Fate(random_.choice(("die", "cut", "stop")), random_.randint(1, 25))
            actors.append((actor, work))
        return actors

    async def _raced(self, actors: list[Actor], work: list[Any], turns: Turns) -> list[str]:
        """Let all of them go at once, and wait until they have ended or died."""

        async def act(actor: Actor, doing: Coroutine[Any, Any, None]) -> None:
            ACTOR.set(actor)
            with contextlib.suppress(FailpointReached, psycopg.Error):
                await doing

        with interleaved():
            giving = asyncio.create_task(turns.give())
            tasks = [asyncio.create_task(act(a, w), name=a.name) for a, w in zip(actors, work, strict=True)]
            done, waiting = await asyncio.wait(tasks, timeout=LONGEST_S)
            giving.cancel()
            turns.end()
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, giving, return_exceptions=True)
        raised = [(one.get_name(), one.exception()) for one in done if one.exception() is not None]
        problems = [f"{name} raised {type(error).__name__}: {error}" for name, error in raised]
        return problems + [f"{one.get_name()} hangs" for one in waiting]

    async def _brought_to_rest(self, doing: Doing) -> list[str]:
        """What people and the next worker do in time: look at unknown acts, try again what failed, let holds go."""
        test = self.processes["test"]
        desk, graph = test.desk, test.graphs[doing.kind]
        for hold in await desk.holds.list():
            await desk.holds.release(hold.id, by="test")
        for _ in range(6):
            self.clock.advance(minutes=2)
            await desk.effects.lose()
            posted = doing.sink.counts()
            for name in doing.all_threads:
                for effect in await desk.effects.list(status="unknown", thread_id=name):
                    await desk.effects.settle(effect.key, happened=bool(posted[effect.key]), by="test")
                for case in await desk.cases(status="failed", thread_id=name):
                    await desk.retry(case.id, by="test", thread_id=name)
            await desk.resume(graph, thread_ids=doing.all_threads)
            begun = {run["thread_id"] for run in await desk.unfinished_runs()}
            for name in begun | {op["thread"] for op in doing.history.read() if op["op"] in RUNS_ON}:
                await _tried_again(desk, graph, name)
            left = [await desk.cases(status=status) for status in ("decided", "failed")]
            if not any(case.thread_id in doing.all_threads for page in left for case in page):
                return []
        return ["it does not come to rest"]


def _outsiders(doing: Doing) -> list[tuple[str, str, Coroutine[Any, Any, None]]]:
    """Who takes part and has nothing to do with the threads of the others."""
    cast: list[tuple[str, str, Coroutine[Any, Any, None]]] = []
    if doing.probe is not None:
        cast.append(("prober", "workers-1", prober(doing, "workers-1")))
    if _seeded(doing.seed, "stranger").random() < ESTRANGED:
        cast.append(("stranger", "elsewhere", stranger(doing, "elsewhere")))
    return cast


def _seeded(seed: int, what: str) -> random.Random:
    """A source of its own, so that what was played under a seed before is played still."""
    return random.Random(f"{seed} {what}")  # noqa: S311  # seeds are to be replayed


async def _tried_again(desk: Desk, graph: Any, name: str) -> None:
    """A caller whose own run broke off was told so, and lets the thread go on."""
    async with desk.lease(name, wait=False) as lease:
        if lease is None:
            return
        state = await graph.aget_state(thread(name))
        if state.next and not state.interrupts:
            await graph.ainvoke(None, {"configurable": lease.configurable})


@contextlib.contextmanager
def _quick_waits() -> Iterator[None]:
    """Whoever waits for a thread looks again soon: the schedules have no time to lose."""
    names = ("_FIRST_WAIT_S", "_LONGEST_WAIT_S")
    before = {name: getattr(runs, name) for name in names}
    for name, value in zip(names, (0.001, 0.01), strict=True):
        setattr(runs, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(runs, name, value)
