"""Who may change what others may do: the directory, the authority and the codes."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from hitl_graph.decisions import AGENT
from hitl_graph.desk.connected import storable
from hitl_graph.desk.identity import Identity, identify, person_name
from hitl_graph.errors import AnswerError, NotAuthorised
from hitl_graph.plain import hidden_characters, key_of
from hitl_graph.storage.statements import load_statements

if TYPE_CHECKING:
    from hitl_graph.desk.connected import Connected

__all__ = ["known_as", "label", "policy_maker"]

SQL = load_statements("hitl_graph.desk", "people.sql")


async def policy_maker(desk: Connected, by: str, *, where: str, what: str) -> str:
    """The name of who changes a policy. A refusal is kept as an event.

    Args:
        by: Who does it. where: The part of the desk, for the error. what: What they do, for the event.

    Raises:
        AnswerError: `by` is no name.
        NotAuthorised: They are an agent, listed or not, or not active, or no admin where some of those listed are.
    """
    by = person_name(by, where=where)
    [row] = await desk.rows(SQL["changes_directory"], {"person": key_of(by)})
    known, governed = row["known"], row["governed"]
    try:
        if known or governed or key_of(by).startswith(AGENT):
            who = identify(by, {"known": known, "listed": True}, via="webhook")
            return _governing(who, known, governed=governed)
    except NotAuthorised as error:
        await desk.refused(by=by, what=what, why=error.why)
        raise
    return by


def _governing(who: Identity, known: dict[str, Any], *, governed: bool) -> str:
    if governed and "admin" not in known["roles"]:
        raise NotAuthorised("", who.id, "is no admin, and there are some who say what others may do")
    return who.id


async def known_as(desk: Connected, name: str) -> dict[str, Any] | None:
    """What the directory says of somebody, or None."""
    [row] = await desk.rows(SQL["changes_directory"], {"person": key_of(name)})
    known: dict[str, Any] | None = row["known"]
    return known


def label(where: str, field: str, text: object, *, most: int = 200) -> str:
    """A name of something, as it is kept: composed, no blanks around it and single ones within.

    Raises:
        AnswerError: It is empty or too long, or holds what cannot be seen or stored.
    """
    if not storable(text) or not str(text).strip():
        raise AnswerError(where, field, f"is no text of 1 to {most} characters that can be stored")
    name = " ".join(unicodedata.normalize("NFC", str(text)).split())
    if found := hidden_characters(name):
        raise AnswerError(where, field, f"holds hidden characters ({', '.join(found)})")
    if len(name) > most:
        raise AnswerError(where, field, f"is no text of 1 to {most} characters that can be stored")
    return name
