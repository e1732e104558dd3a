"""`hitl-graph` on a terminal: what is typed there, and what stands on the screen."""

from __future__ import annotations

import codecs
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable

from tests.integration.handling import environment

__all__ = ["AtTerminal", "OpenTerminal"]

OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches the process
os.execv(sys.executable, [sys.executable, "-m", "hitl_graph", *sys.argv[1:]])
"""


class AtTerminal:
    """`hitl-graph` on a terminal of its own: what is typed, and what stands on the screen."""

    def __init__(self, url: str | None, *args: str, **env: str | None) -> None:
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *args],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=environment(url, TERM="xterm", **env),
            start_new_session=True,
        )
        os.close(inside)
        self.screen = ""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode

    def until(self, sign: str) -> str:
        """What is printed up to and with `sign`; fails when the process ends before."""
        while sign not in self.screen:
            assert self._read(), f"{sign!r} never came:\n{self.screen}"
        before, self.screen = self.screen.split(sign, 1)
        return before + sign

    def end(self) -> str:
        """The rest of what is printed, when the process has ended."""
        while self._read():
            pass
        self.process.wait(30)
        return self.screen

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _read(self) -> bool:
        if not select.select([self._terminal], [], [], 60)[0]:
            return False
        try:
            read = os.read(self._terminal, 65536)
        except OSError:  # the other side has closed
            return False
        self.screen += self._decode(read)
        return bool(read)

    def hang_up(self) -> None:
        """Close the terminal, as its window does."""
        os.close(self._terminal)
        self._terminal = -1

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._terminal >= 0:
            os.close(self._terminal)


OpenTerminal = Callable[..., AtTerminal]
