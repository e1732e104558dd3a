"""`--tenant` for every command that opens a desk, so that none is forgotten."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from hitl_graph.errors import TenantError
from hitl_graph.storage.tenants import checked_tenant

__all__ = ["with_tenants"]


def with_tenants(command: Any) -> Any:
    """The command with `--tenant`, and all commands below it, where they take `--db` and have none of their own."""
    for inner in getattr(command, "commands", {}).values():
        with_tenants(inner)
    names = [parameter.name for parameter in command.params]
    if "db" in names and "tenant" not in names:
        command.params.insert(names.index("db") + 1, _option())
    return command


def _option() -> Any:
    """The option, as typer makes it."""
    aside = typer.Typer(add_completion=False)
    aside.command()(_only)
    [option] = [one for one in typer.main.get_command(aside).params if one.name == "tenant"]
    return option


def _named(context: typer.Context, tenant: str | None) -> None:
    """Let desks and savers of this command, which name no tenant, open as this one's."""
    if tenant is not None:
        try:
            checked = checked_tenant(tenant)
        except TenantError as error:
            raise typer.BadParameter(str(error)) from None
        before = os.environ.get("HITL_TENANT")
        os.environ["HITL_TENANT"] = checked
        context.call_on_close(lambda: _restore(before))


def _only(
    *,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            metavar="NAME",
            expose_value=False,
            callback=_named,
            help="Whose cases. Otherwise HITL_TENANT, else `default`.",
        ),
    ] = None,
) -> None: ...


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop("HITL_TENANT", None)
    else:
        os.environ["HITL_TENANT"] = before
