"""Several people at one inbox, each signed in by what a proxy says of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from starlette.testclient import TestClient

from hitl_graph import Desk
from hitl_graph.inbox.sign_in import ProxyHeader
from tests.inbox.serving import client

__all__ = ["ROLES", "Somebody", "office", "staff"]

ROLES = ("reviewer", "lead", "admin", "auditor")


class Somebody:
    """One person's browser: their name in the proxy's header, their cookie, and the mark of their forms."""

    def __init__(self, http: TestClient, name: str | None) -> None:
        self.http, self.name = http, name
        self.headers: dict[str, str] = {}
        if name is not None:
            self.headers["x-forwarded-user"] = name
            answer = self.send("GET", "/sign-in")
            if answer.status_code == 303:
                self.headers["cookie"] = answer.headers["set-cookie"].split(";")[0]
                self.csrf = self.send("GET", "/").text.split('data-csrf="', 1)[1].split('"', 1)[0]

    csrf = ""

    def send(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **how: Any) -> Any:
        """One request, with the mark of the session where it writes."""
        self.http.cookies.clear()
        mark = {"x-csrf-token": self.csrf} if method not in ("GET", "HEAD") and self.csrf else {}
        answer: Any = self.http.request(
            method, path, headers={**self.headers, **mark, **(headers or {})}, **how
        )
        self.http.cookies.clear()
        return answer

    def get(self, path: str, **how: Any) -> httpx.Response:
        """Look at something."""
        return self.send("GET", path, **how)

    def post(self, path: str, **how: Any) -> httpx.Response:
        """Do something."""
        return self.send("POST", path, **how)


def staff(db_url: str, *, group: str = "support-leads", tenant: str | None = None) -> None:
    """One person of each role, called by it, in the group that cases go to."""
    with Desk(db_url, tenant=tenant) as desk:
        for role in (*(one for one in ROLES if one != "admin"), "admin"):
            desk.people.put(role, groups=[group], roles=[role])


@contextlib.contextmanager
def office(db_url: str, **settings: Any) -> Iterator[TestClient]:
    """The inbox behind a proxy on this machine."""
    with client(db_url, sign_in=ProxyHeader(), signed_in=False, **settings) as http:
        yield http
