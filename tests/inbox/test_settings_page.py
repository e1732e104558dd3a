"""Settings over HTTP: people, authority, reasons, notices, and one's own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hitl_graph import Desk
from hitl_graph.desk.authority import Authority
from tests.inbox.persons import ROLES, Somebody, office, staff
from tests.inbox.serving import client, paused

PAGES = (
    "/settings",
    "/settings/people?id=lead",
    "/settings/authority",
    "/settings/codes",
    "/settings/notices",
)
ANA = {"id": "ana", "roles": ["admin", "reviewer"], "groups": "support-leads\nfinance"}


def test_the_first_one_lists_themselves_as_an_admin(db_url: str) -> None:
    with client(db_url) as http:
        assert http.post("/settings/people", data=ANA).status_code == 303
        assert http.get("/settings").status_code == 200
    with Desk(db_url) as desk:
        assert desk.people.show("ana").groups == ("finance", "support-leads")


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"id": "bo"}, "id"), ({"roles": ["reviewer"]}, "roles"), ({"kind": "agent"}, "kind")],
)
def test_the_first_one_does_not_shut_themselves_out(db_url: str, changed: dict[str, Any], field: str) -> None:
    with client(db_url) as http:
        answer = http.post("/settings/people", data=ANA | changed)
    assert answer.status_code == 422
    assert f'id="person-{field}-error"' in answer.text
    with Desk(db_url) as desk:
        assert list(desk.people.list()) == []


def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(db_url: str) -> None:
    """R22."""
    staff(db_url)
    with office(db_url) as http:
        typed = {"id": "kim", "groups": "sales", "roles": ["lead"], "time_zone": "Mars/Olympus"}
        answer = Somebody(http, "admin").post("/settings/people", data=typed)
    assert answer.status_code == 422
    assert 'id="person-time_zone-error"' in answer.text
    assert 'value="kim"' in answer.text
    assert re.search(r'value="lead" checked', answer.text)


def test_nobody_is_replaced_by_being_listed_twice(db_url: str) -> None:
    staff(db_url)
    with office(db_url) as http:
        answer = Somebody(http, "admin").post("/settings/people", data={"id": "LEAD", "roles": ["admin"]})
    assert answer.status_code == 422
    with Desk(db_url) as desk:
        assert desk.people.show("lead").roles == ("lead",)


def test_somebody_is_changed_and_keeps_their_authority(db_url: str) -> None:
    staff(db_url)
    with Desk(db_url) as desk:
        desk.people.put("lead", roles=["lead"], authority=[Authority("refund", 50)], by="admin")
    with office(db_url) as http:
        form = {
            "was": "lead",
            "name": "Lea",
            "groups": "sales",
            "roles": ["lead", "auditor"],
            "kind": "human",
        }
        assert Somebody(http, "admin").post("/settings/people", data=form).status_code == 303
    with Desk(db_url) as desk:
        lead = desk.people.show("lead")
    assert (lead.name, lead.groups, lead.roles, lead.active) == (
        "Lea",
        ("sales",),
        ("lead", "auditor"),
        False,
    )
    assert lead.authority == (Authority("refund", 50),)


def test_the_last_admin_stays(db_url: str) -> None:
    staff(db_url)
    with office(db_url) as http:
        answer = Somebody(http, "admin").post("/settings/people/remove", data={"was": "admin"})
    assert answer.status_code == 422
    assert "nobody who is an admin" in answer.text


def test_authority_is_given_and_taken(db_url: str) -> None:
    """R7."""
    form = {"action": "refund", "holder_kind": "group", "holder": "finance", "max_amount": "99.50"}
    with client(db_url) as http, Desk(db_url) as desk:
        http.post("/settings/authority", data=form)
        assert [(one.holder, str(one.max_amount)) for one in desk.authority.list()] == [("finance", "99.50")]
        assert "99.50" in http.get("/settings/authority").text
        http.post("/settings/authority/remove", data=form)
        assert list(desk.authority.list()) == []


def test_an_authority_that_cannot_be_kept_names_its_field(db_url: str) -> None:
    form = {"action": "refund", "holder_kind": "group", "holder": "finance", "max_amount": "1"}
    wrong = {"max_amount": ("x", "-1", "NaN", "1e99"), "holder": ("", "a\u200bb"), "action": ("", "x\x00")}
    with client(db_url) as http:
        found = [
            (field, http.post("/settings/authority", data=form | {field: value}).text)
            for field, values in wrong.items()
            for value in values
        ]
    assert [field for field, page in found if f'id="grant-{field}-error"' not in page] == []


def test_a_reason_is_added_and_taken_away(db_url: str) -> None:
    form = {"kind": "reason", "code": "wrong_tone", "label": "The tone is wrong", "gate": ""}
    with client(db_url) as http, Desk(db_url) as desk:
        http.post("/settings/codes", data=form)
        assert [one.label for one in desk.codes.list()] == ["The tone is wrong"]
        http.post("/settings/codes/remove", data=form)
        assert list(desk.codes.list()) == []


def test_a_reason_without_a_code_is_told_beside_its_field(db_url: str) -> None:
    with client(db_url) as http:
        answer = http.post("/settings/codes", data={"kind": "reason", "code": " "})
    assert answer.status_code == 422
    assert 'id="code-code-error"' in answer.text


def test_the_secret_of_a_target_is_shown_once(db_url: str) -> None:
    form = {
        "target": "crm",
        "kind": "webhook",
        "address": "https://example.com/hook?key=topsecret",
        "events": ["asked"],
    }
    with client(db_url) as http:
        made = http.post("/settings/notices/targets", data=form).text
        later = http.get("/settings/notices").text
    assert "whsec_" in made
    assert "crm" in later
    assert "whsec_" not in later
    assert "topsecret" not in later


def test_a_target_without_a_good_address_is_told_beside_its_field(db_url: str) -> None:
    with client(db_url) as http:
        form = {"target": "crm", "kind": "webhook", "address": "http://10.0.0.1/"}
        answer = http.post("/settings/notices/targets", data=form)
    assert answer.status_code == 422
    assert 'id="target-address-error"' in answer.text


def test_a_program_is_let_decide_and_not_any_more(db_url: str) -> None:
    with client(db_url) as http, Desk(db_url) as desk:
        made = http.post("/settings/notices/senders", data={"sender": "crm", "people": "ana\nbo"}).text
        assert "whsec_" in made
        assert [one.people for one in desk.notices.senders()] == [("ana", "bo")]
        http.post("/settings/notices/senders/remove", data={"sender": "crm"})
        assert desk.notices.senders() == []


def test_only_admins_come_in(db_url: str) -> None:
    staff(db_url)
    posts = (
        "people",
        "people/remove",
        "authority",
        "authority/remove",
        "codes",
        "codes/remove",
        "notices/targets",
    )
    found = {}
    with office(db_url) as http:
        for role in ROLES:
            one = Somebody(http, role)
            seen = {one.get(page).status_code for page in PAGES}
            done = {one.post(f"/settings/{path}", data={}).status_code for path in posts}
            found[role] = (seen, 404 in done and len(done) == 1)
    assert found == {role: ({200}, False) if role == "admin" else ({404}, True) for role in ROLES}


def test_whoever_changed_something_is_in_the_log(db_url: str) -> None:
    with client(db_url) as http:
        http.post("/settings/codes", data={"kind": "reason", "code": "wrong_tone"})
        log = http.get("/audit", params={"type": "rules"}).text
    assert "set the reason wrong tone" in log


def test_everybody_sees_their_own(db_url: str) -> None:
    staff(db_url)
    with office(db_url) as http:
        found = {role: Somebody(http, role).get("/settings/me").status_code for role in ROLES}
    assert found == dict.fromkeys(ROLES, 200)


def test_a_token_is_shown_once_and_can_be_revoked(db_url: str) -> None:
    staff(db_url)
    with office(db_url) as http:
        one = Somebody(http, "reviewer")
        made = one.post("/settings/me/tokens", data={"label": "my script", "days": "7"}).text
        later = one.get("/settings/me").text
        token_id = re.search(r'name="token" value="(\w+)"', later)
        assert token_id
        one.post("/settings/me/tokens/revoke", data={"token": token_id[1]})
        gone = one.get("/settings/me").text
    assert ">hitl_" in made
    assert "my script" in later
    assert ">hitl_" not in later.replace(">hitl_graph", "")
    assert "my script" not in gone


def test_nobody_revokes_another_ones_token(db_url: str) -> None:
    staff(db_url)
    with office(db_url) as http:
        one, other = Somebody(http, "reviewer"), Somebody(http, "lead")
        one.post("/settings/me/tokens", data={"label": "my script", "days": "7"})
        token_id = re.search(r'name="token" value="(\w+)"', one.get("/settings/me").text)
        assert token_id
        other.post("/settings/me/tokens/revoke", data={"token": token_id[1]})
        assert "my script" in one.get("/settings/me").text


def test_a_token_for_no_days_is_told_beside_its_field(db_url: str) -> None:
    with client(db_url) as http:
        answers = [
            http.post("/settings/me/tokens", data={"label": "x", "days": days})
            for days in ("", "0", "x", "367")
        ]
    assert [(one.status_code, 'id="token-days-error"' in one.text) for one in answers] == [(422, True)] * 4


def test_a_saved_filter_is_removed(db_url: str) -> None:
    with client(db_url) as http:
        http.post("/queue/filters", data={"name": "late ones", "look": "/?late=1"})
        assert "late ones" in http.get("/settings/me").text
        http.post("/settings/me/filters/remove", data={"name": "late ones"})
        assert "late ones" not in http.get("/settings/me").text


def test_signing_out_everywhere_ends_every_session(db_url: str) -> None:
    staff(db_url)
    with office(db_url) as http:
        here, there = Somebody(http, "reviewer"), Somebody(http, "reviewer")
        here.post("/settings/me/sign-out")
        assert there.get("/settings/me").status_code == 303


def test_what_others_wrote_is_text(db_url: str) -> None:
    paused(db_url, "t1")
    with Desk(db_url) as desk:
        desk.people.put("ana", roles=["admin"], name="<b>Ana</b>", groups=["<i>x</i>"])
    with client(db_url) as http:
        page = http.get("/settings").text
    assert "<b>Ana" not in page
    assert "<i>x" not in page
