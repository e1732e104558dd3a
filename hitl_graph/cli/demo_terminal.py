"""The terminal at which the demo's cases are decided: what is shown there, and the lines that are typed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator

from hitl_graph.cli.case_view import case_view
from hitl_graph.cli.output import err, safe
from hitl_graph.demo.asking import Terminal
from hitl_graph.desk import Case

__all__ = ["this_terminal"]


def this_terminal() -> Terminal:
    """The person's side, on stdin and stderr."""

    def show(case: Case) -> None:
        err().print(case_view(case, err(), brief=True))

    def show_whole(case: Case) -> None:
        err().print(case_view(case, err()))

    def say(text: str) -> None:
        err().print(safe(text, "yellow"))

    def ask(question: str) -> str:
        if question:
            err().print(safe(question, "bold"))
        with _interruptible():
            try:
                err().print("> ", end="")
                _until_line()
                return input()
            except KeyboardInterrupt:
                err().print()
                raise EOFError from None

    return Terminal(show=show, show_whole=show_whole, say=say, ask=ask)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the waiting for a line; asyncio's own handler would wait for the line first."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _until_line() -> None:
    """Wait until a line can be read. A Ctrl-C that comes just before `input` begins to read would wait for the line."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        return
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    before = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    try:
        select.select([sys.stdin, told], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(told)
        os.close(tell)
