"""Named places where a test ends, stops or fails a process; in all others they do nothing.

`HITL_FAILPOINTS="effect.acted=kill, run.begun=stop@3, decide.before_commit=raise"` says what happens at a place, and at
which passing of it (the first, unless said): `kill` is kill -9 of this process, `stop` is SIGSTOP, `raise` raises
`FailpointReached`.
"""

from __future__ import annotations

import collections
import os
import signal
from collections.abc import Callable

__all__ = ["FailpointReached", "arm", "arm_named", "failpoint"]


class FailpointReached(BaseException):
    """The end of a run at a failpoint. No `Exception`: like a kill, nobody is meant to handle it."""


_hooks: dict[str, Callable[[], None]] = {}
_armed = False


def failpoint(name: str) -> None:
    """The place `name`, passed now."""
    if _armed and (hook := _hooks.get(name)):
        hook()


def arm(name: str, hook: Callable[[], None] | None) -> None:
    """Let `hook` run whenever `name` is passed; None disarms it."""
    global _armed  # noqa: PLW0603  # one look at a bool is all that an unarmed place costs
    if hook is None:
        _hooks.pop(name, None)
    else:
        _hooks[name] = hook
    _armed = bool(_hooks)


def _after(passings: int, act: str) -> Callable[[], None]:
    counted: collections.Counter[str] = collections.Counter()

    def hook() -> None:
        counted[act] += 1
        if counted[act] != passings:
            return
        if act == "raise":
            raise FailpointReached(f"at passing {passings}")
        os.kill(os.getpid(), signal.SIGKILL if act == "kill" else signal.SIGSTOP)

    return hook


def arm_named(text: str) -> None:
    """Arm the places that a text names, as `HITL_FAILPOINTS` does.

    Raises:
        ValueError: It says something else than kill, stop or raise.
    """
    for word in filter(None, text.replace(" ", "").split(",")):
        name, _, what = word.partition("=")
        act, _, number = what.partition("@")
        if act not in ("kill", "stop", "raise"):
            raise ValueError(f"HITL_FAILPOINTS: {word!r}: say kill, stop or raise, such as {name}=kill@2")
        arm(name, _after(int(number or 1), act))


arm_named(os.environ.get("HITL_FAILPOINTS", ""))
