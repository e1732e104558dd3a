"""Opening a page in the browser of whoever sits at this machine."""

from __future__ import annotations

import contextlib
import html
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["browser_opened", "has_screen"]


def has_screen() -> bool:
    """Whether somebody sits before a graphical session of this machine."""
    if os.environ.get("CI") or os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextlib.contextmanager
def browser_opened(address: str, folder: Path) -> Iterator[None]:
    """Open an address that holds a token.

    Any user of the machine can read how programs were called: the browser is given a file that only this user can
    read, and that leads on. The file is gone when the block is left. Without a browser nothing happens.

    Args:
        address: Where to. folder: Where the file is kept meanwhile; a browser in a sandbox may see no hidden one.
    """
    file = folder / f"open-inbox-{os.getpid()}.html"
    to = html.escape(address, quote=True)
    page = f"<!doctype html><meta charset=utf-8><title>Inbox</title><meta http-equiv=refresh content='0;url={to}'>"
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)
        with open(file, "x", encoding="utf-8", opener=_private) as written:
            written.write(f"{page}<p><a href='{to}'>To the inbox</a></p>\n")
        # Its chatter does not stand on the terminal, and Ctrl-C there does not reach it.
        subprocess.Popen(  # noqa: S603  # our own interpreter, and a file that we have just written
            [sys.executable, "-m", "webbrowser", "-t", file.resolve().as_uri()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
