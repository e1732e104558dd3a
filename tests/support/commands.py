"""Commands run in this process, by the `hg` fixture: how each ended, and what it printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from hitl_graph.cli.app import main

WIDTH = 160
"""Columns of the terminal, so that no row of a table is folded or cut."""


class Said(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read."""
        return json.loads(self.out)


Command = Callable[..., Said]


def run(capsys: pytest.CaptureFixture[str], *args: str) -> Said:
    """Run one command to its end."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(args)
    printed = capsys.readouterr()
    return Said(int(ended.value.code or 0), printed.out, printed.err)
