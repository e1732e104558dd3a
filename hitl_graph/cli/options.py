"""Options that several commands share."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

__all__ = ["AsJson", "Db", "GraphName", "ReviewId", "Tenant", "Thread", "this_user"]

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        envvar="HITL_DATABASE_URL",
        show_envvar=False,
        help="A Postgres connection string. Otherwise HITL_DATABASE_URL, else the embedded Postgres.",
    ),
]
Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="NAME", help="Whose cases. Otherwise HITL_TENANT, else `default`."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else; errors are JSON on stderr.")
]
ReviewId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The review's id, or as many of its first characters as tell it apart."
    ),
]
Thread = Annotated[
    str | None,
    typer.Option("--thread", metavar="ID", help="The thread, where a copied thread holds the same review."),
]
GraphName = Annotated[
    str,
    typer.Argument(
        metavar="MODULE:ATTRIBUTE",
        help="A compiled graph, a StateGraph, or a function that returns one (it may take a checkpointer).",
    ),
]


def this_user() -> str:
    """The name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without an account, as in some containers
        import os

        return f"uid {os.getuid()}"
