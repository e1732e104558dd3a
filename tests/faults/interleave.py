"""Seeded interleavings: of all actors that want to say something to the database, one at a time goes on.

Each statement of each actor waits for its turn, and the seed says whose comes next. An actor that then waits for a lock
does not hold the others up: after a moment the next one gets its turn. What becomes of an actor is a `Fate`: at its
n-th statement it dies, is stopped, or loses its connection, before the statement or after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Literal

import psycopg

from hitl_graph.failpoints import FailpointReached, arm

__all__ = ["Actor", "Fate", "Turns", "interleaved"]

PATIENCE_S = 0.004
ACTOR: contextvars.ContextVar[Actor | None] = contextvars.ContextVar("actor", default=None)
PLACES = (
    "run.begun",
    "resume.before_run",
    "resume.after_run",
    "effect.begun",
    "effect.acted",
    "effect.stored",
)


@dataclasses.dataclass
class Fate:
    """What happens to an actor.

    Args:
        what: "die" as by kill -9; "cut": its connection breaks; "stop" as by SIGSTOP, until the others rest.
        at: At which of its statements, from 1, or at which named place.
        after: The statement is executed first, and its reply is lost.
    """

    what: Literal["die", "cut", "stop", "none"] = "none"
    at: int | str = 0
    after: bool = False


@dataclasses.dataclass(eq=False)
class Actor:
    """Somebody who acts: a worker or a reviewer, in a process of its own as far as the database can tell.

    Args:
        name: For the log. process: The `application_name` of all its connections. admin: A connection of the test's.
        replace: Replaces the process's connections once they are cut.
    """

    name: str
    process: str
    turns: Turns
    admin: psycopg.Connection[Any]
    replace: Callable[[], Coroutine[Any, Any, None]]
    fate: Fate = dataclasses.field(default_factory=Fate)
    said: int = 0
    _replacing: asyncio.Task[None] | None = None
    dead: bool = False

    async def before(self) -> None:
        """Wait for the turn, and meet the fate where this is the place."""
        self.said += 1
        here = self.fate.at == self.said
        if here and self.fate.what == "stop":
            await self.turns.rest()
        await self.turns.next(self.name)
        if self.dead:
            raise FailpointReached(f"{self.name} is dead")  # whatever its cleaning up would still say
        if here and not self.fate.after:
            self.meet()

    def meet(self) -> None:
        """Die or be cut off here."""
        if self.fate.what == "die":
            self.dead = True
            self._end_connections()
            raise FailpointReached(f"{self.name} at statement {self.said}")
        if self.fate.what == "cut":
            self.fate = Fate()
            self._end_connections()
            raise psycopg.OperationalError("the connection is lost")

    def _end_connections(self) -> None:
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
        while self.admin.execute(ended, [self.process]).fetchone() != (0,):
            pass
        self._replacing = asyncio.get_running_loop().create_task(self.replace())


class Turns:
    """Whose turn it is, by the seed."""

    def __init__(self, seed: random.Random) -> None:
        self._seed = seed
        self._waiting: dict[asyncio.Future[None], str] = {}
        self._resting: list[asyncio.Future[None]] = []
        self._arrived = asyncio.Event()
        self._over = False
        self.log: list[str] = []

    async def next(self, name: str) -> None:
        """Wait for a turn."""
        if self._over:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = name
        self._arrived.set()
        try:
            await turn
        finally:
            self._waiting.pop(turn, None)

    async def rest(self) -> None:
        """Be stopped, until the others have gone on for long, or nobody else wants a turn."""
        if self._over:
            return
        turn = asyncio.get_running_loop().create_future()
        self._resting.append(turn)
        self._arrived.set()
        await turn

    def end(self) -> None:
        """From now on nobody waits: also what an actor has left to do in the background comes to its end."""
        self._over = True
        for turn in (*self._waiting, *self._resting):
            if not turn.done():
                turn.set_result(None)

    async def give(self) -> None:
        """Give turns for ever; cancel it when all actors have ended."""
        idle = given = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._arrived.wait()
            self._arrived.clear()
            waiting = sorted((name, number) for number, name in enumerate(self._waiting.values()))
            if waiting:
                idle, given = 0, given + 1
                name, number = self._seed.choice(waiting)
                turn = list(self._waiting)[number]
                del self._waiting[turn]
                self.log.append(name)
                if not turn.done():
                    turn.set_result(None)
            else:
                idle += 1
            if self._resting and (idle > 3 or given > 80):
                idle = given = 0
                self._resting.pop(0).set_result(None)


@contextlib.contextmanager
def interleaved() -> Iterator[None]:
    """While it is open, statements of actors wait for their turns, and the library's named places know actors."""
    original = psycopg.AsyncCursor.execute

    async def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        actor = ACTOR.get()
        if actor is None:
            return await original(self, *args, **kwargs)
        await actor.before()
        done = await original(self, *args, **kwargs)
        if actor.fate.after and actor.fate.at == actor.said:
            actor.meet()
        return done

    def at(name: str) -> None:
        actor = ACTOR.get()
        if actor is not None and actor.fate.at == name and not actor.dead:
            actor.meet()

    psycopg.AsyncCursor.execute = execute  # type: ignore[method-assign]  # for actors, in turn
    for place in PLACES:
        arm(place, lambda place=place: at(place))
    try:
        yield
    finally:
        psycopg.AsyncCursor.execute = original  # type: ignore[method-assign]  # as it was
        for place in PLACES:
            arm(place, None)
