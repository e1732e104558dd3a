"""The fence: what a run that was taken over still writes is refused, inside the transaction of the write."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from hitl_graph.errors import EffectHeld, EffectNotApproved, HitlError, RunTakenOver

__all__ = ["FENCE", "fence_of", "fenced", "is_away", "this_process"]

FENCE = "__hitl_fence"
"""Where a run's config names the run, in `configurable`: `{"thread_id", "token"}`. LangGraph saves no such names."""
_REFUSALS: dict[str, type[HitlError]] = {
    "HG001": RunTakenOver,
    "HG002": EffectHeld,
    "HG003": EffectNotApproved,
}
"""What the functions and triggers of the migrations raise, by SQLSTATE."""


def this_process() -> str:
    """What this process goes by where an operator has to find it: host:pid."""
    return f"{platform.node()}:{os.getpid()}"


def fence_of(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The run that a config belongs to; None for one that no desk began."""
    found = (config.get("configurable") or {}).get(FENCE)
    return dict(found) if isinstance(found, Mapping) else None


_AWAY = "nothing was stored: the database of the threads is away"


def is_away(error: BaseException) -> bool:
    """Whether a run ended because the database of the threads was away, and not by what the graph itself did."""
    return _AWAY in getattr(error, "__notes__", ())


@contextlib.contextmanager
def fenced() -> Iterator[None]:
    """Tell in our own words what the database refuses: a write behind the fence, an act that is held or not approved.

    Raises:
        RunTakenOver, EffectHeld, EffectNotApproved: Nothing of the transaction was written.
    """
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate not in _REFUSALS:
            if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
                error.add_note(_AWAY)
            raise
        raise _REFUSALS[error.sqlstate](str(error.diag.message_primary)) from None
