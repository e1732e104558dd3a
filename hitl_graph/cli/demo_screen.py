"""What the terminal shows while the demo runs: how far it is, and where its cases are decided."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from hitl_graph.cli.output import err, safe

if TYPE_CHECKING:  # it needs the extras `inbox` and `worker`
    from hitl_graph.demo.at_inbox import Standing

__all__ = ["Screen"]

EVERY_S = 10.0
"""How often a line is written where nothing can be drawn."""


class Screen:
    """Stderr during a run: a bar while threads run, a line that counts while somebody decides at the inbox.

    On what is no terminal, a line every few seconds.
    """

    def __init__(self) -> None:
        self._console = err()
        self._draws = self._console.is_terminal and not self._console.is_dumb_terminal
        self._stack = contextlib.ExitStack()
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._live: Live | None = None
        self._said_at = time.monotonic()
        self._going = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # the terminal is closed
            self._stack.close()

    def progress(self, step: str, done: int, total: int) -> None:
        """How many messages are done with a step."""
        if not self._draws:
            self._line(f"{step}: {done} of {total} messages")
            return
        if self._bar is None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bar = self._stack.enter_context(Progress(*columns, console=self._console, transient=True))
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(f"{step:<9}", total=total)
        self._bar.update(self._tasks[step], completed=done)

    def opened(self, address: str, others: int, *, undo_s: float, mail: str) -> None:
        """Where the cases are decided, and what comes of it.

        Args:
            address: Of the inbox, with its token. others: Cases that wait there besides those of this run.
            undo_s: Seconds for which a decision can be taken back. mail: Where mails go.
        """
        self._stack.close()  # the bar
        back = f"A decision can be taken back for {undo_s:g} s; then its thread" if undo_s else "Its thread"
        say = self._console.print
        say()
        say(Text("Decide in your browser. This address lets in whoever has it, on this machine:", "bold"))
        say(Text(f"\n  {address}\n", "cyan"), soft_wrap=True)
        if port := _far_from_here(address):
            say(safe(f"From another machine: ssh -L {port}:127.0.0.1:{port} and this machine's name."))
        if others:
            left = f"{others:,} more {'waits' if others == 1 else 'wait'} there, not of this run"
            say(safe(f"{left}: the queue leaves them out until you take its filter off."))
        say(safe(f"{back} goes on, and mail goes to {mail}."), soft_wrap=True)
        say(safe("Ctrl-C ends: what is open stays paused. `demo --no-inbox` asks here instead.", "dim"))
        if self._draws:
            self._live = self._stack.enter_context(
                Live(Text(), console=self._console, auto_refresh=False, transient=True)
            )

    def standing(self, now: Standing) -> None:
        """How far those who decide are."""
        self._going = now.going
        parts = [f"{now.waiting:,} wait", f"{now.decided:,} decided"]
        parts += [f"{now.going:,} go on"] if now.going else []
        parts += [f"{now.mails:,} {'mail' if now.mails == 1 else 'mails'} sent"]
        parts += [f"{now.failed:,} failed, to be tried again in the inbox"] if now.failed else []
        line = ", ".join(parts)
        if self._live is None:
            self._line(line)
        else:
            with contextlib.suppress(OSError):
                self._live.update(safe(line, "bold"), refresh=True)

    def stopping(self) -> None:
        """That somebody ends it, where that takes a while."""
        if self._going:
            self._console.print(
                safe("What is decided goes on first; Ctrl-C once more ends it at once.", "dim")
            )

    def _line(self, text: str) -> None:
        if time.monotonic() - self._said_at >= EVERY_S:
            self._said_at = time.monotonic()
            self._console.print(text)


def _far_from_here(address: str) -> str:
    """The port, where the terminal is not at the machine that serves it; else nothing."""
    far = os.environ.get("SSH_CONNECTION") and sys.platform != "win32"
    return address.split("/sign-in", 1)[0].rpartition(":")[2] if far else ""
