"""People and authority: who may decide what, up to which amount (R3, R56, R74, R79)."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from hitl_graph import Approve, AskInfo, Edit, Reject, Respond, open_checkpointer
from hitl_graph.desk import Desk
from hitl_graph.desk.authority import Authority
from hitl_graph.desk.identity import amount_of
from hitl_graph.errors import AnswerError, NotAuthorised, ReviewClosed
from tests.desk.opening import Opened, opened, wait_for_a_lock


def test_with_nobody_listed_anybody_named_may_decide(refund: Opened) -> None:
    """A laptop needs no directory; the record says that there was none."""
    identity = refund.decide(by="ana").identity

    assert identity == {
        "id": "ana",
        "name": "ana",
        "kind": "unlisted",
        "groups": [],
        "rule": "open directory",
    }


def test_the_decision_keeps_who_decided_as_the_server_knew_them(refund: Opened) -> None:
    """R74: the directory says it, not the caller; later changes do not touch it."""
    refund.desk.people.put("ana", name="Ana Lopes", groups=["support", "leads"])

    refund.decide(by=" ANA ")
    refund.desk.people.put("ana", name="Somebody else", groups=[])

    assert refund.case.by == "ana"
    assert refund.case.identity == {
        "id": "ana",
        "name": "Ana Lopes",
        "kind": "human",
        "groups": ["leads", "support"],
        "rule": "group support",
    }


@pytest.mark.parametrize(
    ("by", "why"),
    [
        ("nobody", "listed"),
        ("gone", "active"),
        ("bot", "agents"),
        ("agent:x", "agents"),
        ("crm", "system"),
        ("eve", "not in support"),
    ],
)
def test_whoever_may_not_decide_is_refused_and_noted(refund: Opened, by: str, why: str) -> None:
    """Unknown, inactive, an agent, a system at the desk, of another group: nothing is saved."""
    people = refund.desk.people
    people.put("gone", groups=["support"], active=False)
    people.put("bot", groups=["support"], kind="agent")
    people.put("crm", groups=["support"], kind="system")
    people.put("eve", groups=["warehouse"])

    with pytest.raises(NotAuthorised, match=why):
        refund.decide(by=by)

    assert refund.case.status == "pending"
    told = refund.event("refused_attempt")
    assert (told["by"], told["what"]) == (by, "decide")
    assert why in told["why"]


def test_no_agent_decides_even_where_nobody_is_listed(refund: Opened) -> None:
    """integrity: agent credentials cannot decide."""
    with pytest.raises(NotAuthorised, match="agents"):
        refund.decide(by="agent:drafter")


@pytest.mark.parametrize(
    "by", ["", "  ", "a\x00", "a\u202eb", "a\u200b", "\ud800", None, 3, "x" * 201, "system:sla"]
)
def test_a_name_that_is_none_is_refused(refund: Opened, by: Any) -> None:
    """Empty, unseen, unstorable, too long, or that of a part of this library."""
    with pytest.raises(AnswerError, match="by"):
        refund.decide(by=by)

    assert refund.case.status == "pending"


def test_names_are_kept_in_one_form(refund: Opened) -> None:
    """Blanks around and between are no part of a name; nor is the way an accent is written."""
    assert refund.decide(by="  Zoe\u0308   Lopes ").by == "Zo\u00eb Lopes"


def test_a_limit_is_about_the_amount_after_the_edit(refund: Opened) -> None:
    """R56: 50 may be more than one's authority, and an edit to 30 within it; the other way round too."""
    refund.desk.people.put("ana", groups=["support"])
    refund.desk.authority.put("refund", group="support", max_amount=40)

    with pytest.raises(NotAuthorised, match="up to 40, and this is about 50"):
        refund.decide(Approve(), by="ana")
    with pytest.raises(NotAuthorised, match="about 41"):
        refund.decide(Edit({"amount": 41}), by="ana")

    case = refund.decide(Edit({"amount": 40}), by="ana")
    assert case.identity is not None
    assert case.identity["rule"] == "group support; authority for refund up to 40"


@pytest.mark.parametrize("amount", [-5000, "5000", "-51"])
def test_no_spelling_of_the_amount_gets_around_the_limit(db_url: str, sink: Path, amount: Any) -> None:
    """A sign, a text, both."""
    with opened(db_url, sink) as refund:
        refund.desk.people.put("ana", groups=["support"])
        refund.desk.authority.put("refund", group="support", max_amount=40)

        with pytest.raises(NotAuthorised):
            refund.decide(Edit({"amount": amount}), by="ana")


@pytest.mark.parametrize(
    ("amount", "size"),
    [
        ("9.50", "9.50"),
        (" -40 ", "40"),
        ("1.0000", "1"),
        ("1.000", None),
        ("1,5", None),
        ("4_0", None),
        ("\u0664\u0660", None),
        ("1e1", None),
    ],
)
def test_a_text_is_an_amount_where_everybody_reads_it_alike(amount: str, size: str | None) -> None:
    """In plain digits, without three of them after the point: a thousand to some and one to others."""
    read = amount_of({"amount": amount}, "amount")

    assert read == (None if size is None else Decimal(size))


def test_an_amount_that_cannot_be_read_is_above_every_limit(db_url: str, sink: Path) -> None:
    """Fail closed: no field is named, so nothing is within 40; an authority without limit is enough."""
    from hitl_graph import ActionClass

    action = ActionClass("refund", reversible=False, touches={"money"})
    with opened(db_url, sink, action=action) as refund:
        refund.desk.people.put("ana", groups=["support"])
        refund.desk.authority.put("refund", group="support", max_amount=1_000_000)
        with pytest.raises(NotAuthorised, match="no amount can be read"):
            refund.decide(by="ana")

        refund.desk.authority.put("refund", person="ana")
        assert refund.decide(by="ana").status == "decided"


@pytest.mark.parametrize("no", [Reject(), AskInfo("Which order?")], ids=["reject", "ask_info"])
def test_saying_no_takes_no_authority(refund: Opened, no: Any) -> None:
    """Nothing is let through: being in the group is enough."""
    refund.desk.people.put("ana", groups=["support"])
    refund.desk.authority.put("refund", group="finance")

    assert refund.decide(no, by="ana").status == "decided"


def test_authority_does_not_make_a_case_ones_own(refund: Opened) -> None:
    """Those of another group have the case rerouted to them first."""
    refund.desk.people.put("cem", groups=["finance"])
    refund.desk.authority.put("refund", group="finance")

    with pytest.raises(NotAuthorised, match="not in support"):
        refund.decide(by="cem")


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("refund", True),
        ("ref*", True),
        ("*", True),
        ("refun?", True),
        ("refund?", False),
        ("re%", None),
        ("r_fund", None),
    ],
)
def test_an_authority_may_be_a_pattern(refund: Opened, pattern: str, allowed: bool | None) -> None:
    """`*` and `?` stand for others; no other sign does. One that fits nothing leaves the action to its group."""
    refund.desk.people.put("ana", groups=["support"])
    refund.desk.people.put("cem", groups=["finance"], authority=[Authority(pattern)])
    if allowed:
        with pytest.raises(NotAuthorised, match="no authority"):
            refund.decide(by="ana")
    else:
        assert refund.decide(by="ana").status == "decided"


def test_of_several_authorities_the_widest_counts(refund: Opened) -> None:
    """One's own and those of all one's groups."""
    refund.desk.people.put("ana", groups=["support"], authority=[Authority("refund", 60)])
    refund.desk.authority.put("*", group="support", max_amount=10)

    assert refund.decide(by="ana").status == "decided"


def test_an_authority_is_taken_away_again(refund: Opened) -> None:
    """The last one for an action leaves it to the group."""
    authority = refund.desk.authority
    refund.desk.people.put("ana", groups=["support"])
    authority.put("refund", group="finance", max_amount=100)
    assert [(one.holder, one.action, one.max_amount) for one in authority.list()] == [
        ("finance", "refund", Decimal(100))
    ]

    assert authority.remove("refund", group="finance")
    assert not authority.remove("refund", group="finance")

    assert refund.decide(by="ana").status == "decided"


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), True, "40"], ids=str)
def test_an_amount_that_is_none_is_refused(refund: Opened, bad: Any) -> None:
    """Nothing is saved."""
    with pytest.raises(AnswerError, match="max_amount"):
        refund.desk.authority.put("refund", group="support", max_amount=bad)

    assert refund.desk.authority.list() == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"groups": "support"}, "groups"),
        ({"groups": [""]}, "groups"),
        ({"kind": "robot"}, "kind"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"name": "a\u202eb"}, "name"),
        ({"authority": ["refund"]}, "authority"),
    ],
)
def test_an_entry_that_cannot_be_kept_is_refused(refund: Opened, wrong: dict[str, Any], field: str) -> None:
    """And the directory stays empty: one wrong entry must not close the desk for everybody."""
    with pytest.raises(AnswerError, match=field):
        refund.desk.people.put("ana", **wrong)

    assert refund.desk.people.list() == []


def test_the_directory_is_not_changed_by_agents(db_url: str, refund: Opened) -> None:
    """integrity: agent credentials cannot change policy; the attempt is an event."""
    refund.desk.people.put("bot", kind="agent")

    for by in ("bot", "agent:other"):
        with pytest.raises(NotAuthorised):
            refund.desk.people.put("bot", kind="human", groups=["support"], by=by)

    assert refund.desk.people.show("bot").kind == "agent"
    with psycopg.connect(db_url) as conn:
        told = conn.execute(
            "SELECT data ->> 'by' FROM hitl.events WHERE type = 'refused_attempt' ORDER BY id"
        )
        assert told.fetchall() == [("bot",), ("agent:other",)]


def test_changes_of_the_directory_are_events(db_url: str, refund: Opened) -> None:
    """With who made them."""
    refund.desk.people.put("ana", groups=["support"], authority=[Authority("refund", 40)], by="root")
    refund.desk.authority.put("refund", group="finance", by="root")

    with psycopg.connect(db_url) as conn:
        told = conn.execute(
            "SELECT type, data FROM hitl.events WHERE data ->> 'by' = 'root' ORDER BY id"
        ).fetchall()
    assert [kind for kind, _ in told] == ["person_put", "authority_put"]
    assert told[0][1]["groups"] == ["support"]
    assert told[0][1]["authority"][0]["max_amount"] == "40"


def test_the_directory_lists_people_by_group(refund: Opened) -> None:
    """As they were put."""
    people = refund.desk.people
    people.put("ana", groups=["support", "leads"], time_zone="Europe/Lisbon")
    people.put("ben", groups=["finance"])

    assert [one.id for one in people.list(group="leads")] == ["ana"]
    assert [one.id for one in people.list()] == ["ana", "ben"]
    assert people.show("ANA").time_zone == "Europe/Lisbon"
    with pytest.raises(AnswerError, match="nobody"):
        people.show("cem")


def test_somebody_sent_away_while_they_decide_does_not_decide_afterwards(db_url: str, refund: Opened) -> None:
    """Who they are is read in the transaction of the decision, and kept as it is until its end."""
    refund.desk.people.put("ana", groups=["support"])
    refused: list[BaseException] = []

    def decide() -> None:
        try:
            refund.decide(by="ana")
        except NotAuthorised as error:
            refused.append(error)

    with psycopg.connect(db_url) as conn:
        conn.execute("UPDATE hitl.people SET active = false WHERE id = 'ana'")
        deciding = threading.Thread(target=decide)
        deciding.start()
        wait_for_a_lock(db_url)
        conn.commit()
        deciding.join(30)

    assert len(refused) == 1
    assert refund.case.status == "pending"


def test_a_case_that_names_no_group_takes_anybody_listed(db_url: str) -> None:
    """A bare interrupt has no owner; agents still do not answer it."""
    builder: Any = StateGraph(dict)
    builder.add_node("ask", lambda state: {"name": interrupt("What is the customer called?")})
    builder.add_edge(START, "ask")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        builder.compile(checkpointer=checkpointer).invoke({}, {"configurable": {"thread_id": "t1"}})
        [case] = desk.pending()
        desk.people.put("ana")
        with pytest.raises(NotAuthorised):
            desk.decide(case.id, Respond("Eve"), by="eve", digest=case.digest)

        assert desk.decide(case.id, Respond("Eve"), by="ana", digest=case.digest).status == "decided"


def test_a_system_decides_by_signed_webhooks_alone(refund: Opened) -> None:
    """Where it is in the group; at the desk it may not."""
    refund.desk.people.put("crm", groups=["support"], kind="system")

    case = refund.decide(by="crm", via="webhook")

    assert (case.via, case.identity and case.identity["kind"]) == ("webhook", "system")


def test_a_decision_of_the_system_reaches_the_thread(refund: Opened) -> None:
    """It goes through the desk as a person's does, and the record says what it was."""
    refund.desk.people.put("ana", groups=["support"])

    refund.decide(Reject(note="Nobody decided in time."), by="system:sla", via="system")
    [resumed] = refund.resume()

    assert refund.case.status == "applied"
    record = resumed.values["reviews"][-1]
    assert (record["by"], record["via"], record["outcome"]) == ("system:sla", "system", "rejected")
    assert refund.events[-2:] == ["decided", "applied"]


@pytest.mark.parametrize(("by", "via"), [("ana", "system"), ("system:sla", "desk"), ("SYSTEM:sla", "desk")])
def test_nobody_poses_as_the_system(refund: Opened, by: str, via: str) -> None:
    """A system's name belongs to its way in, and the other way round."""
    with pytest.raises(AnswerError, match="by"):
        refund.decide(by=by, via=via)


def test_what_is_let_through_is_fixed_when_it_is_decided(refund: Opened) -> None:
    """I4: the digest of the act after the edit, as the gate's record has it too."""
    case = refund.decide(Edit({"amount": "40"}), by="ana")
    [resumed] = refund.resume()

    assert case.final_digest == resumed.values["reviews"][-1]["final_digest"]
    assert case.final_digest != case.request.proposal_digest


def test_a_retry_takes_what_deciding_takes(refund: Opened) -> None:
    """Nobody outside lets a failed thread try again."""
    refund.desk.people.put("ana", groups=["support"])

    with pytest.raises(NotAuthorised):
        refund.desk.retry(refund.id, by="eve")
    with pytest.raises(ReviewClosed, match="not failed"):
        refund.desk.retry(refund.id, by="ana")


def test_what_lets_nothing_through_has_no_final_digest(refund: Opened) -> None:
    """I7."""
    assert refund.decide(Reject()).final_digest is None
