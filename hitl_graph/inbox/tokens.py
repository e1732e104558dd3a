"""Tokens with which somebody's programs use the JSON API in their name. Only digests are kept."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import secrets

from hitl_graph.desk import Desk
from hitl_graph.desk.identity import person_name
from hitl_graph.desk.policy import label as named
from hitl_graph.errors import AnswerError, NotAuthorised
from hitl_graph.inbox.principals import LOCAL, Principal, principal_from, principal_of
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements

__all__ = ["MOST_DAYS", "ApiToken", "bearer_of", "list_tokens", "make_token", "revoke_token"]

SQL = load_statements("hitl_graph.inbox", "tokens.sql")

MOST_DAYS = 366
_PREFIX = "hitl_"  # so that scanners for leaked secrets know it


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiToken:
    """A token as it is listed: `id` names it and opens nothing. `used_at` is to the minute."""

    id: str
    person: str
    label: str
    created_at: dt.datetime
    expires_at: dt.datetime
    used_at: dt.datetime | None


async def make_token(desk: Desk, person: str, *, label: str, days: int = 90) -> tuple[str, ApiToken]:
    """A new token. The text is shown once: whoever has it acts as `person` until it ends or is revoked.

    Args:
        person: Whose. label: What it is for. days: For how long, 1 to 366.

    Raises:
        AnswerError: A label or a time that is none. NotAuthorised: Somebody who could not come in. Nothing was made.
    """
    person = person_name(person, where="token", field="person")
    label = named("token", "label", label)
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise AnswerError("token", "days", f"{days!r} is not from 1 to {MOST_DAYS}")
    who = await principal_of(desk, person, person, way=LOCAL)
    if who is None:
        raise NotAuthorised("", person, "is not listed as somebody who may come in")
    text = _PREFIX + secrets.token_urlsafe(32)
    params = {"id": secrets.token_hex(6), "digest": _digest(text), "person": who.id, "key": who.key}
    [row] = await desk.rows(SQL["make_token"], {**params, "label": label, "days": days, "by": who.id})
    return text, ApiToken(**row)


async def bearer_of(desk: Desk, authorization: str, *, way: str) -> Principal | None:
    """Whose token an `Authorization` header carries, as the directory knows them now; None for none that counts.

    Args:
        authorization: The header. way: How people sign in here.
    """
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text.strip().startswith(_PREFIX):
        return None
    found = await desk.rows(SQL["find_token"], {"digest": _digest(text.strip())})
    if not found:
        return None
    who = principal_from(found[0], way=way)
    if who is None:
        return None
    if found[0]["unnoted"]:
        await desk.rows(SQL["note_use"], {"id": found[0]["id"]})
    return dataclasses.replace(who, way="api", token=(found[0]["id"], found[0]["label"]))


async def list_tokens(desk: Desk, *, person: str | None = None) -> list[ApiToken]:
    """The tokens of one person, or of everybody, newest first, without those that have ended."""
    key = None if person is None else key_of(person)
    return [ApiToken(**row) for row in await desk.rows(SQL["list_tokens"], {"key": key})]


async def revoke_token(desk: Desk, token_id: str, *, by: str, person: str | None = None) -> bool:
    """End a token at once. Returns whether it was there.

    Args:
        token_id: Its `id`. by: Who does it. person: Only if it is theirs; None: whoever's it is.
    """
    params = {"id": token_id, "by": by, "key": None if person is None else key_of(person)}
    return bool(await desk.rows(SQL["revoke_token"], params))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
