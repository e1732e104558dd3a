"""The inbox and its people from the command line: what is refused before it is served, and tokens for programs."""

from __future__ import annotations

import json

import pytest

from tests.inbox.serving import client
from tests.support.commands import Command


def test_a_token_of_this_machine_is_not_served_to_others(hg: Command) -> None:
    """Elsewhere people sign in."""
    code, _, err = hg("inbox", "--host", "10.0.0.1")
    assert code != 0
    assert "for this machine only" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--oidc-issuer", "https://accounts.example.com", "--oidc-client-id", "x"], "client_secret"),
        (["--header", "X-User", "--address", "http://inbox.example.com"], "not https"),
        (["--header", "X-User", "--proxy", "10.0.0.1/8"], "proxies"),
    ],
)
def test_what_is_not_safe_is_not_served(hg: Command, options: list[str], said: str) -> None:
    """With what to do about it."""
    code, _, err = hg("inbox", *options)
    assert code != 0
    assert said in err


def test_the_secret_of_a_client_is_no_option(hg: Command) -> None:
    """It would stand in the list of processes."""
    assert "--oidc-client-secret" not in hg("inbox", "--help")[1]


def test_a_role_is_given_and_kept(hg: Command) -> None:
    """And stays when something else is changed."""
    assert hg("people", "add", "eva", "--role", "admin", "--by", "eva")[0] == 0
    hg("people", "add", "eva", "--group", "support", "--by", "eva")
    _, text, _ = hg("people", "list", "--json")
    [eva] = json.loads(text)["people"]
    assert (eva["roles"], eva["groups"]) == (["admin"], ["support"])
    assert hg("people", "add", "ben", "--by", "ben")[0] == 1


def test_a_token_is_made_and_ended(hg: Command, db_url: str) -> None:
    """Printed once; it opens the API until it is revoked."""
    made = json.loads(hg("inbox-token", "ana", "--label", "report", "--json")[1])
    headers = {"authorization": f"Bearer {made['token']}"}
    with client(db_url, signed_in=False) as http:
        before = http.get("/api/v1/me", headers=headers).status_code
        ended = hg("inbox-token", "ana", "--label", "report", "--revoke")[1]
        after = http.get("/api/v1/me", headers=headers).status_code
    assert (before, ended.strip(), after) == (200, "1 revoked.", 401)
