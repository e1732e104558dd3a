"""Blocking calls of what is written once, async: the same arguments, the same results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

__all__ = ["Runner", "SyncPart", "bridged"]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
Part_co = TypeVar("Part_co", covariant=True)


class Runner(Protocol):
    """Runs a coroutine to its end, on a loop of its own."""

    def run(self, work: Coroutine[Any, Any, R], /) -> R:
        """Its result."""
        ...


class SyncPart(Generic[Part_co]):
    """The blocking side of one part of the desk, such as `SyncHolds` of `Holds`: list its methods as `bridged`."""

    def __init__(self, runner: Runner, part: Part_co) -> None:
        self.runner = runner
        self.part = part


def bridged(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[SyncPart[S], P], R]:
    """An async method of a part as a blocking one, with the same arguments and result."""

    @functools.wraps(method)
    def call(self: SyncPart[S], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.runner.run(method(self.part, *args, **kwargs))

    return call
