"""SQL kept in `.sql` files: each statement has a name and a line that says what it does.

The files name the tables, `hitl.reviews`; what runs names the tenant's view of them, `hitl_tenant.reviews`, so that no
statement can forget whose rows it is about.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import LiteralString

__all__ = ["load_statements", "of_tenant"]

# A name after `hitl.` that no bracket follows at once is a table's; functions are called, sequences are quoted.
_TABLE = re.compile(r"(?<!')\bhitl\.(?=\w+\b(?!\())(?!migrations\b)")
# LangGraph's tables have no views: one would come in the way of its migrations.
_THEIRS = re.compile(
    r"(?<!DELETE )\b(FROM|JOIN|USING) (checkpoints|checkpoint_blobs|checkpoint_writes)\b"
    r"(?: (?!(?:WHERE|ON|JOIN|LEFT|CROSS|GROUP|ORDER|LIMIT|UNION)\b)(\w+))?"
)
_HEAD = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load_statements(package: str, file: str) -> dict[str, LiteralString]:
    """The statements of a file by name, each as it stands after its `-- name: x` line.

    The text comes from a file of this package and never from outside, so psycopg may take it as a literal.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = _HEAD.split(text)[1:]
    return {name: of_tenant(body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def of_tenant(sql: str) -> LiteralString:
    """A statement for the rows of one tenant: our tables' views, and LangGraph's rows by it.

    What is deleted of LangGraph's says so itself, or leaves it to row-level security.
    """
    return _THEIRS.sub(_of_theirs, _TABLE.sub("hitl_tenant.", sql))


def _of_theirs(found: re.Match[str]) -> str:
    where, table, alias = found.groups()
    return f"{where} (SELECT * FROM {table} WHERE tenant = hitl.tenant()) AS {alias or table}"  # noqa: S608  # our own files
