"""`hitl-graph inbox`: the pages on which people decide."""

from __future__ import annotations

import contextlib
import importlib
import ipaddress
import logging
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from hitl_graph.cli.named_graphs import CONFIG, NamedGraph, drawn_graphs, named_graphs
from hitl_graph.cli.options import AsJson, Db, this_user
from hitl_graph.cli.output import err, one_line, out, print_json
from hitl_graph.desk import Desk
from hitl_graph.errors import HitlError

__all__ = ["inbox", "inbox_token"]


def inbox(  # noqa: PLR0913  # each is an option of the command
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8321,
    person: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who decides; otherwise your user name.")
    ] = None,
    undo: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, max=30, help="How long a decision can be taken back.")
    ] = 10.0,
    header: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="People are named by a proxy in front, in this header."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="Proxies that are believed; may be repeated. Otherwise this machine."
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            "--oidc-issuer", metavar="URL", help="People sign in with this OpenID Connect provider."
        ),
    ] = None,
    client_id: Annotated[
        str,
        typer.Option("--oidc-client-id", metavar="ID", envvar="HITL_OIDC_CLIENT_ID", help="As it gave it."),
    ] = "",
    claim: Annotated[
        str,
        typer.Option("--oidc-claim", metavar="NAME", help="What of a person is their id in the directory."),
    ] = "email",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where people open it; otherwise HITL_INBOX_URL, or on this machine."
        ),
    ] = None,
    graph: Annotated[
        list[str] | None,
        typer.Option(
            "--graph",
            metavar="[NAME=]MODULE:ATTRIBUTE",
            help="A graph to draw, as `hitl-graph worker` takes it; may be repeated.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"All graphs of a {CONFIG}, to be drawn as well.")
    ] = None,
    work: Annotated[
        bool,
        typer.Option(
            "--work",
            help="Let the threads of these graphs go on here, as soon as they are decided: a worker in this process.",
        ),
    ] = False,
    db: Db = None,
) -> None:
    """Serve the pages on which people see cases and decide them.

    Without --header and --oidc-issuer it is for one person on this machine: the address that is printed holds a token
    that lets its reader in as --as. The secret of an OpenID Connect client is read from HITL_OIDC_CLIENT_SECRET.

    What is decided goes on by a worker: `hitl-graph worker` anywhere, or --work here. With neither --graph nor
    --config, --work takes the langgraph.json of this folder.
    """
    try:
        uvicorn: Any = importlib.import_module("uvicorn")
        pages: Any = importlib.import_module("hitl_graph.inbox")
        serving: Any = importlib.import_module("hitl_graph.inbox.serving")
        ways: Any = importlib.import_module("hitl_graph.inbox.sign_in")
    except ImportError as error:
        raise HitlError("the inbox is a web application: install hitl-graph[inbox]") from error
    local = header is None and issuer is None
    if local and not _is_loopback(host):
        problem = "a token is for this machine only: say --oidc-issuer or --header, or leave 127.0.0.1"
        raise typer.BadParameter(problem, param_hint="--host")
    if header and issuer:
        raise typer.BadParameter("say this or --oidc-issuer: one way to sign in", param_hint="--header")
    graphs = named_graphs(graph or [], config) if graph or config or work else {}
    drawn = drawn_graphs(graphs)
    proxies = tuple(proxy or ("127.0.0.1", "::1"))
    try:
        if issuer:
            way = ways.OpenIdConnect(
                issuer, client_id, os.environ.get("HITL_OIDC_CLIENT_SECRET", ""), claim=claim
            )
        elif header:
            way = ways.ProxyHeader(header, proxies=proxies)
        else:
            way = ways.LocalToken(person or this_user())
        place = "" if local else address or os.environ.get("HITL_INBOX_URL", "")
        settings = pages.Settings(
            sign_in=way, undo_s=undo, address=place, proxies=() if local else proxies, graphs=drawn
        )
    except ValueError as error:
        raise HitlError(str(error)) from None
    listening = serving.listen(host, port)
    for name in ("psycopg.pool", "procrastinate"):  # what they would print many times is said once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _worker(graphs, db) if work else contextlib.nullcontext():
        place = serving.address_of(listening)
        shown = f"{place}/sign-in/token?token={way.token}" if local else settings.address or place
        out().print(one_line(shown, most=500), soft_wrap=True)
        app = pages.create_app(settings, url=db)
        told = {"log_level": "warning", "timeout_graceful_shutdown": serving.GOODBYE_S}
        serving.PagesServer(uvicorn.Config(app, proxy_headers=False, **told)).run(sockets=[listening])


def _worker(graphs: dict[str, NamedGraph], db: str | None) -> contextlib.AbstractContextManager[Any]:
    """A worker on a thread of this process, which says on stderr what it does."""
    try:
        workers: Any = importlib.import_module("hitl_graph.workers")
    except ImportError as error:
        raise HitlError(f"--work: {error}") from error
    told: contextlib.AbstractContextManager[Any] = workers.Worker(
        graphs, db, tell=lambda text: err().print(one_line(text, most=500), soft_wrap=True)
    )
    return told


def inbox_token(
    person: Annotated[str, typer.Argument(metavar="ID", help="Whose: the token acts in their name.")],
    *,
    label: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="For how long.")] = 90,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="End the tokens of this label instead of making one.")
    ] = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Make a token for the inbox's JSON API. It is printed this once.

    With --json: {"token": ..., "id": ..., "expires_at": ...}, or {"revoked": how many}.
    """
    try:
        tokens: Any = importlib.import_module("hitl_graph.inbox.tokens")
    except ImportError as error:
        raise HitlError("the inbox is a web application: install hitl-graph[inbox]") from error
    with Desk(db) as desk:
        if revoke:
            known = desk.run(tokens.list_tokens(desk.desk, person=person))
            ended = [
                desk.run(tokens.revoke_token(desk.desk, one.id, by=this_user()))
                for one in known
                if one.label == label
            ]
            told: dict[str, Any] = {"revoked": sum(ended)}
            said = f"{sum(ended)} revoked."
        else:
            said, made = desk.run(tokens.make_token(desk.desk, person, label=label, days=days))
            told = {"token": said, "id": made.id, "expires_at": made.expires_at.isoformat()}
    if as_json:
        print_json(told)
    else:
        out().print(said, soft_wrap=True, highlight=False, markup=False)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
