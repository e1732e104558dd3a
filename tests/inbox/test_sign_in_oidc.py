"""Coming in with an OpenID Connect provider: a real one on a loopback port, and everything that can be wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey
from starlette.testclient import TestClient

from hitl_graph import Desk
from hitl_graph.inbox.sign_in import OpenIdConnect
from hitl_graph.testing import FakeClock
from tests.inbox.provider import CLIENT, SECRET, OidcProvider, oidc_provider
from tests.inbox.serving import client
from tests.notices.receivers import query


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with oidc_provider() as made:
        yield made


@pytest.fixture
def http(db_url: str, provider: OidcProvider) -> Iterator[TestClient]:
    with Desk(db_url) as desk:
        desk.people.put("ana@example.com", name="Ana Pires")
    with client(db_url, sign_in=way(provider), signed_in=False) as made:
        yield made


def way(provider: OidcProvider, **changes: Any) -> OpenIdConnect:
    return OpenIdConnect(provider.issuer, CLIENT, SECRET, **changes)


def sent(http: TestClient, to: str = "/") -> str:
    """Where the provider leads the browser back to."""
    start = http.get("/sign-in/start", params={"to": to})
    assert start.status_code == 303, start.text
    return httpx.get(start.headers["location"]).headers["location"]


def entered(http: TestClient) -> Any:
    return http.get(sent(http))


def test_who_is_listed_comes_in_at_the_page_that_they_wanted(http: TestClient) -> None:
    """By the whole way there and back, with the name of the directory."""
    answer = http.get(sent(http, "/cases/x?thread=t"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases/x?thread=t")
    assert "Ana Pires" in http.get("/").text


def test_the_provider_is_asked_with_pkce_state_and_nonce(http: TestClient) -> None:
    """None of them twice, and the verifier is not among them."""
    asked = [parse_qs(urlsplit(http.get("/sign-in/start").headers["location"]).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert asked[0]["code_challenge_method"] == ["S256"]
    assert asked[0]["redirect_uri"] == ["http://127.0.0.1/sign-in/callback"]
    assert "code_verifier" not in asked[0]


def test_the_address_that_is_led_back_to_is_that_of_the_settings(db_url: str, provider: OidcProvider) -> None:
    """And not of a header."""
    settings = {"sign_in": way(provider), "address": "https://inbox.example.com"}
    with client(db_url, signed_in=False, **settings) as http:
        start = http.get("/sign-in/start", headers={"host": "inbox.example.com"})
    asked = parse_qs(urlsplit(start.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://inbox.example.com/sign-in/callback"]
    assert start.headers["set-cookie"].startswith("__Host-hitl-sign-in=")
    assert "Secure" in start.headers["set-cookie"]


def test_another_process_takes_the_sign_in_up(http: TestClient, db_url: str, provider: OidcProvider) -> None:
    """What is between is kept in the database."""
    back = sent(http)
    with client(db_url, sign_in=way(provider), signed_in=False) as other:
        other.cookies = http.cookies
        assert other.get(back).headers["location"] == "/"


def test_two_tabs_sign_in_at_once(http: TestClient) -> None:
    """Neither comes in the other's way."""
    first, second = sent(http, "/a"), sent(http, "/b")
    assert [http.get(back).headers["location"] for back in (first, second)] == ["/a", "/b"]


def test_a_sign_in_is_used_once(http: TestClient) -> None:
    """A copied address of the way back opens nothing."""
    back = sent(http)
    http.get(back)
    assert http.get(back).status_code == 400


def test_another_browser_cannot_use_it(http: TestClient) -> None:
    """Nobody is signed in as somebody else by a link (login CSRF)."""
    back = sent(http)
    http.cookies.clear()
    answer = http.get(back)
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("state", ["", "wrong", "x" * 5000, "\u00e9"])
def test_a_wrong_state_lets_nobody_in(http: TestClient, provider: OidcProvider, state: str) -> None:
    """The provider is not even asked."""
    back = parse_qs(urlsplit(sent(http)).query)
    answer = http.get("/sign-in/callback", params={"code": back["code"][0], "state": state})
    assert answer.status_code == 400
    assert "token" not in provider.asked


def test_a_sign_in_that_took_too_long_is_none(hitl_clock: FakeClock, http: TestClient) -> None:
    """Ten minutes, by the database's clock."""
    back = sent(http)
    hitl_clock.advance(minutes=10, seconds=1)
    assert http.get(back).status_code == 400


WRONG: dict[str, Any] = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "audience": {"aud": "somebody else"},
    "no audience": {"aud": None},
    "audiences of others": {"aud": ["x", "y"]},
    "for somebody else among several": {"aud": [CLIENT, "x"], "azp": "x"},
    "several and for nobody": {"aud": [CLIENT, "x"]},
    "issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 3600},
    "no expiry": {"exp": None},
    "an expiry that is none": {"exp": "never"},
    "not yet": {"nbf": int(time.time()) + 3600},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_token_that_does_not_fit_lets_nobody_in(
    http: TestClient, provider: OidcProvider, what: str
) -> None:
    """And it is said plainly."""
    provider.claims = WRONG[what]
    answer = entered(http)
    assert answer.status_code == 403
    assert "What the provider says of you is" in answer.text
    assert http.get("/").status_code == 303


PEOPLE: dict[str, Any] = {
    "an address that is not verified": ({"email_verified": False}, "has not verified your e-mail address"),
    "an address of which it is not said": ({"email_verified": None}, "has not verified your e-mail address"),
    "verified in words": ({"email_verified": "true"}, "has not verified your e-mail address"),
    "no address": ({"email": None}, "does not say your email"),
    "somebody unknown": ({"email": "eve@example.com"}, "eve@example.com is not listed"),
    "hidden characters": ({"email": "ana\u200b@example.com"}, "holds hidden characters"),
    "an agent": ({"email": "agent:x"}, "is not listed"),
    "no text": ({"email": ["ana@example.com"]}, "Your email"),
    "a part of the system": ({"email": "system:expiry"}, "Your email"),
}


@pytest.mark.parametrize("who", PEOPLE)
def test_whom_we_do_not_know_is_told_why(http: TestClient, provider: OidcProvider, who: str) -> None:
    """No session, and an event."""
    provider.claims, said = PEOPLE[who]
    answer = entered(http)
    assert answer.status_code == 403
    assert said in answer.text
    assert "hitl-session" not in answer.headers.get("set-cookie", "")


def test_a_token_of_another_key_lets_nobody_in(http: TestClient, provider: OidcProvider) -> None:
    """Signed by somebody else under the same name."""
    provider.published = [RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)]
    assert entered(http).status_code == 403


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_a_token_that_is_not_signed_by_the_provider_lets_nobody_in(
    http: TestClient, provider: OidcProvider, algorithm: str
) -> None:
    """With the client's own secret, or not at all."""
    provider.published, provider.algorithm = [provider.key], algorithm
    provider.key = OctKey.import_key(SECRET.ljust(32), {"kid": "k1"})  # type: ignore[assignment]  # another kind of key
    assert entered(http).status_code == 403


def test_a_new_key_of_the_provider_is_fetched(
    http: TestClient, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys change; nobody restarts the inbox for it."""
    monkeypatch.setattr("hitl_graph.inbox.sign_in.provider._KEYS_S", 0.0)
    first = entered(http).status_code
    provider.key = RSAKey.generate_key(2048, {"kid": "k2"}, auto_kid=False)
    second = entered(http).status_code
    assert (first, second) == (303, 303)
    assert provider.asked.count("keys") == 2


def test_unknown_keys_do_not_flood_the_provider(http: TestClient, provider: OidcProvider) -> None:
    """It is asked for its keys once a minute at most."""
    entered(http)
    provider.key, provider.published = (
        RSAKey.generate_key(2048, {"kid": "k2"}, auto_kid=False),
        [provider.key],
    )
    told = [entered(http).status_code for _ in range(4)]
    assert told == [403] * 4
    assert provider.asked.count("keys") == 1


def test_what_the_token_does_not_say_is_asked_for(http: TestClient, provider: OidcProvider) -> None:
    """Some providers say the address elsewhere."""
    provider.claims = {"email": None, "email_verified": None}
    provider.told_elsewhere = {"email": "ana@example.com", "email_verified": True}
    assert entered(http).status_code == 303


def test_what_is_said_elsewhere_of_somebody_else_does_not_count(
    http: TestClient, provider: OidcProvider
) -> None:
    """The subject must be the same."""
    provider.claims = {"email": None}
    provider.told_elsewhere = {"sub": "u-18", "email": "ana@example.com", "email_verified": True}
    assert entered(http).status_code == 403


def test_a_refusal_of_the_provider_is_told(http: TestClient, provider: OidcProvider) -> None:
    """By its name, and nothing else of what came."""
    provider.refuse = "access_denied"
    assert "did not let you in (access_denied)" in entered(http).text


def test_a_refusal_is_shown_as_text(http: TestClient, provider: OidcProvider) -> None:
    """Whatever stands in the address."""
    provider.refuse = "<script>alert(1)</script>"
    assert "<script>alert" not in entered(http).text


def test_an_answer_of_another_provider_is_refused(http: TestClient) -> None:
    """RFC 9207: nobody mixes two providers up."""
    back = httpx.URL(sent(http)).copy_set_param("iss", "https://evil.example")
    assert "another provider" in http.get(str(back)).text


def test_a_code_that_the_provider_does_not_know_lets_nobody_in(http: TestClient) -> None:
    """As one of another sign-in."""
    back = httpx.URL(sent(http)).copy_set_param("code", "guessed")
    answer = http.get(str(back))
    assert (answer.status_code, "invalid_grant" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"userinfo_endpoint": "ftp://x"},
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_asked(
    http: TestClient, provider: OidcProvider, described: dict[str, Any]
) -> None:
    """Nobody is sent anywhere."""
    provider.described = described
    answer = http.get("/sign-in/start")
    assert answer.status_code == 502
    assert "location" not in answer.headers


def test_a_provider_that_is_away_is_said_so(db_url: str) -> None:
    """And tried again with the next sign-in."""
    gone = OpenIdConnect("http://127.0.0.1:9", CLIENT, SECRET)
    with client(db_url, sign_in=gone, signed_in=False) as http:
        answer = http.get("/sign-in/start")
    assert answer.status_code == 502
    assert "cannot be reached now" in answer.text


def test_a_provider_that_breaks_off_is_said_so(http: TestClient, provider: OidcProvider) -> None:
    """Nothing of what it answered is shown."""
    provider.broken = True
    answer = entered(http)
    assert answer.status_code == 502
    assert "Internal error" not in answer.text


def test_the_secret_of_the_client_stays_here(http: TestClient, provider: OidcProvider, db_url: str) -> None:
    """Not in an address, a page or the database."""
    start = http.get("/sign-in/start")
    kept = str(query(db_url, "SELECT * FROM hitl.sign_ins"))
    assert SECRET not in start.headers["location"] + start.text + kept
    assert parse_qs(urlsplit(start.headers["location"]).query)["state"][0] not in kept


@pytest.mark.parametrize("claim", ["sub", "preferred_username"])
def test_another_claim_may_name_people(db_url: str, provider: OidcProvider, claim: str) -> None:
    """Which the directory has as their id."""
    provider.claims = {"preferred_username": "u-17", "email_verified": False}
    with Desk(db_url) as desk:
        desk.people.put("u-17")
    with client(db_url, sign_in=way(provider, claim=claim), signed_in=False) as http:
        assert entered(http).status_code == 303


@pytest.mark.parametrize(
    "wrong",
    [{"issuer": "http://accounts.example.com"}, {"issuer": ""}, {"client_id": ""}, {"client_secret": ""}],
)
def test_a_provider_that_is_not_safe_is_refused(wrong: dict[str, str]) -> None:
    """Before anything is served."""
    given = {"issuer": "https://accounts.example.com", "client_id": CLIENT, "client_secret": SECRET, **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OpenIdConnect(**given)
