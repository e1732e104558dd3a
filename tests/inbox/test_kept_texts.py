"""What somebody wrote once stays in the log: nothing of it may ever break the pages on which it stands."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel

from hitl_graph import Desk, Edit, Reject, open_checkpointer
from hitl_graph.inbox.rendering import told
from tests.inbox.cases import address, ask, gate_graph, the_case
from tests.inbox.persons import Somebody, office
from tests.inbox.serving import client

NO_DAY = "2026-02-30T10:00:00+00:00"


def _lucky(number: int) -> int:
    if number == 13:
        raise ValueError("13 is unlucky")
    return number


class Lots(BaseModel):
    """Fields that an agent names."""

    lots: dict[str, Annotated[int, AfterValidator(_lucky)]]


@pytest.mark.parametrize("name", ["1" * 5_000, "a." * 8_000, '["' * 3_000, NO_DAY], ids=range(4))
def test_a_refused_answer_about_a_field_of_any_name_is_shown(db_url: str, name: str) -> None:
    """On the case, in everybody's queue and in the log."""
    gate: dict[str, Any] = {"proposal": {"lots": {name: 7}}, "schema": Lots}
    case = ask(db_url, **gate)
    with Desk(db_url) as desk, open_checkpointer(db_url) as saver:
        desk.decide(case.id, Edit({"lots": {name: 13}}), by="ana", digest=case.digest)
        desk.resume(gate_graph(**gate).compile(checkpointer=saver, name="mail"))
    refused = the_case(db_url)
    assert refused.error is not None
    with client(db_url) as http:
        for path in (address(refused), "/", "/audit"):
            answer = http.get(path)
            assert answer.status_code == 200, path
            assert "unlucky" in answer.text, path


def test_a_moment_that_there_is_not_is_shown_as_it_was_written(db_url: str) -> None:
    """A note, a reason, and the name of somebody who is not let in."""
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support"], roles=["admin"])
        desk.holds.pause("thread", case.thread_id, by="ana", reason=f"until {NO_DAY}")
        desk.decide(case.id, Reject(note=f"asked for {NO_DAY}"), by="ana", digest=case.digest, undo_s=300)
    with office(db_url) as http:
        Somebody(http, NO_DAY).get("/")
        ana = Somebody(http, "ana")
        for path in (address(case), "/audit", "/graphs", f"/graphs/thread?thread={case.thread_id}"):
            assert ana.get(path).status_code == 200, path
        assert f"asked for {NO_DAY}" in ana.get(address(case)).text


@given(
    st.from_regex(r"\A.{0,3}20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,6})?[+-][0-2]\d:[0-5]\d\Z")
)
def test_whatever_looks_like_a_moment_is_told(text: str) -> None:
    assert "T" in told(text)
