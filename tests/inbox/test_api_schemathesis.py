"""The API as its OpenAPI document describes it, asked by schemathesis: what fits, what nearly fits and what is absurd.

Every operation is asked on a real socket, with the token of an admin, about a case, a person and a hold that there
are and about some that there are not. `HITL_FULL=1` asks more, and differently each time; a failure prints how to
repeat it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from hitl_graph import Desk
from hitl_graph.inbox.api import api_router
from hitl_graph.inbox.api.routes import described
from hitl_graph.inbox.tokens import make_token
from hitl_graph.testing.databases import Databases
from tests.inbox.persons import staff
from tests.inbox.serving import GENEROUS, inbox, paused
from tests.notices.receivers import query

FULL = bool(os.environ.get("HITL_FULL"))
SCHEMA = schemathesis.openapi.from_dict(described(api_router()))
OPERATIONS = {
    f"{method.upper()} {path}": SCHEMA[path][method]
    for path, methods in sorted(described(api_router())["paths"].items())
    for method in methods
}


def wrong_bodies_are_refused(ctx: Any, answer: Any, case: Any) -> bool | None:
    """What breaks the document's schema of a body is not taken. In an address everything is a text."""
    wrong = [part for part, info in case.meta.components.items() if info.mode.is_negative]
    return checks.negative_data_rejection(ctx, answer, case) if wrong == [ParameterLocation.BODY] else None


CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    wrong_bodies_are_refused,
]
ASKED = settings(
    max_examples=200 if FULL else 10,
    derandomize=not FULL,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class Place(NamedTuple):
    """Where the API is, and what there is to be asked about."""

    url: str
    http: httpx.Client
    real: dict[str, Any]


@pytest.fixture(scope="module")
def place(hitl_databases: Databases) -> Iterator[Place]:
    async def token(url: str) -> str:
        async with Desk(url) as desk:
            return (await make_token(desk, "admin", label="a test"))[0]

    with hitl_databases.fresh_database() as url:
        paused(url, "t1")
        staff(url)
        with Desk(url) as desk:
            [case] = desk.cases()
            hold = desk.holds.pause("thread", "t1", by="admin", reason="a test")
        real = {"review_id": case.id, "person_id": "reviewer", "hold_id": hold.id, "thread_id": "t1"}
        bearer = {"authorization": f"Bearer {asyncio.run(token(url))}"}
        with (
            inbox(url, person="admin", limits=GENEROUS) as served,
            httpx.Client(base_url=served.address, headers=bearer) as http,
        ):
            yield Place(url, http, {**real, "digest": case.digest})


def drawn(data: st.DataObject, name: str, real: dict[str, Any]) -> Any:
    """A request to an operation, in half of the cases about something that there is."""
    mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case = data.draw(OPERATIONS[name].as_strategy(generation_mode=mode))
    if data.draw(st.booleans()):
        for part in (case.path_parameters, case.body):
            if isinstance(part, dict):
                part.update({key: real[key] for key in part if key in real})
    return case


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_as_its_document_says(place: Place, name: str) -> None:
    """Never with an error of ours; what breaks the document is refused; the case is there afterwards."""

    @ASKED
    @given(st.data())
    def asked(data: st.DataObject) -> None:
        case = drawn(data, name, place.real)
        answer = case.call(str(place.http.base_url), headers=dict(place.http.headers))
        case.validate_response(answer, checks=CHECKS)
        if name.endswith("/decide") and answer.status_code == 200:  # the next is about a case that waits
            undone = place.http.post(f"/api/v1/cases/{place.real['review_id']}/undo", json={})
            assert undone.json()["status"] == "pending"

    asked()
    assert query(place.url, "SELECT status, digest FROM hitl.reviews") == [
        {"status": "pending", "digest": place.real["digest"]}
    ]
