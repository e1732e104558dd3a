"""SQL kept in `.sql` files: each statement has a name and a line that says what it does."""

from __future__ import annotations

import re
from importlib import resources
from typing import LiteralString, cast

__all__ = ["load_statements"]

_HEAD = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load_statements(package: str, file: str) -> dict[str, LiteralString]:
    """The statements of a file by name, each as it stands after its `-- name: x` line.

    The text comes from a file of this package and never from outside, so psycopg may take it as a literal.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = _HEAD.split(text)[1:]
    return {
        name: cast(LiteralString, body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
