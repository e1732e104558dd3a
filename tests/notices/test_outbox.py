"""The outbox: a row for whoever must hear of an event, in its transaction; taken back when nobody needs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from hitl_graph import Approve, Desk, Owner, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import NoticeError
from tests.notices.receivers import DRAFT, TICKET, pause, query, secret_graph
from tests.support.graphs import State, thread

HOOK = "https://hooks.example.com/cases?token=hook-password"
GIVEN = "whsec_" + "ab" * 16


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    with Desk(db_url) as found:
        yield found


@pytest.fixture
def graph(db_url: str) -> Iterator[Any]:
    with open_checkpointer(db_url) as checkpointer:
        yield secret_graph().compile(checkpointer=checkpointer, name="support")


def told(desk: SyncDesk) -> list[tuple[str, str, str]]:
    return [(row["target"], row["event"], row["status"]) for row in reversed(desk.notices.outbox(limit=100))]


def test_without_targets_nothing_is_queued(desk: SyncDesk, graph: Any) -> None:
    """Who tells nobody pays nothing."""
    pause(graph)

    assert desk.notices.outbox() == []


def test_a_pause_is_told_to_those_it_concerns(desk: SyncDesk, graph: Any) -> None:
    """The group's target, and that of everything; not another group's."""
    for target, owner in (("all", "*"), ("leads", "support-leads"), ("finance", "finance")):
        desk.notices.put(target, kind="webhook", address=HOOK, owner=owner, by="ops")

    pause(graph)

    assert sorted(told(desk)) == [("all", "asked", "queued"), ("leads", "asked", "queued")]


def test_a_person_is_told_of_their_cases(db_url: str, desk: SyncDesk) -> None:
    """An owner may be the person that a gate names."""
    desk.notices.put("ana", kind="webhook", address=HOOK, owner="ana", by="ops")
    desk.notices.put("bob", kind="webhook", address=HOOK, owner="bob", by="ops")
    with open_checkpointer(db_url) as checkpointer:
        pause(secret_graph(owner=Owner("support-leads", "ana")).compile(checkpointer=checkpointer))

    assert told(desk) == [("ana", "asked", "queued")]


def test_a_target_hears_only_of_its_events(desk: SyncDesk, graph: Any) -> None:
    """A filter keeps out the rest."""
    desk.notices.put("late", kind="webhook", address=HOOK, events=["escalated", "failed"], by="ops")

    pause(graph)

    assert told(desk) == []


def test_a_target_that_is_switched_off_hears_nothing(desk: SyncDesk, graph: Any) -> None:
    """Until it is switched on."""
    desk.notices.put("off", kind="webhook", address=HOOK, active=False, by="ops")

    pause(graph)

    assert told(desk) == []


def test_what_is_rolled_back_is_not_told(db_url: str, desk: SyncDesk) -> None:
    """The row commits with the event, or not at all."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")

    with psycopg.connect(db_url) as conn:
        conn.execute("INSERT INTO hitl.events (type, thread_id, review_id) VALUES ('alarm', '', '')")
        queued = conn.execute("SELECT count(*) FROM hitl.outbox").fetchone()
        conn.rollback()

    assert queued == (1,)
    assert told(desk) == []


def test_a_row_holds_no_draft_question_or_evidence(db_url: str, desk: SyncDesk, graph: Any) -> None:
    """Ids, the gate, who and when: nothing that the graph wrote."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    pause(graph)
    [case] = desk.pending()
    query(db_url, "UPDATE hitl.outbox SET status = 'sent'")
    desk.decide(case.id, Approve(note=f"{DRAFT} noted"), by="ana", digest=case.digest)

    rows = query(db_url, "SELECT o::text AS whole, body FROM hitl.outbox o ORDER BY id")

    assert len(rows) == 2
    assert {"review_id": case.id, "gate": "reply", "owner": "support-leads"}.items() <= rows[0][
        "body"
    ].items()
    assert not [row for row in rows for text in (DRAFT, TICKET, case.question) if text in row["whole"]]


def test_what_was_not_sent_is_taken_back_when_the_case_is_decided(desk: SyncDesk, graph: Any) -> None:
    """Nobody is told of a case that waits no more, nor that it is settled."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    pause(graph)
    [case] = desk.pending()

    desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert told(desk) == [("all", "asked", "retracted")]


def test_who_was_told_hears_that_it_is_settled_once(db_url: str, desk: SyncDesk, graph: Any) -> None:
    """The decision settles it; that the thread has taken it changes nothing."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    pause(graph)
    query(db_url, "UPDATE hitl.outbox SET status = 'sent'")
    [case] = desk.pending()

    desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    with open_checkpointer(db_url) as checkpointer:
        desk.resume(secret_graph().compile(checkpointer=checkpointer, name="support"))

    assert desk.show(case.id).status == "applied"
    assert told(desk) == [("all", "asked", "sent"), ("all", "closed", "queued")]
    [closed] = query(db_url, "SELECT body FROM hitl.outbox WHERE event = 'closed'")
    assert closed["body"]["by"] == "ana"


def test_a_case_that_is_superseded_is_settled_too(db_url: str, desk: SyncDesk, graph: Any) -> None:
    """New input: the question of before needs no answer."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    pause(graph)
    query(db_url, "UPDATE hitl.outbox SET status = 'sent'")

    graph.update_state(thread("t1"), {"ticket": "another"})

    assert ("all", "closed", "queued") in told(desk)


def test_an_attempt_under_way_counts_as_told(db_url: str, desk: SyncDesk, graph: Any) -> None:
    """It is not taken back, and the receiver hears afterwards that it is settled."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    pause(graph)
    query(db_url, "UPDATE hitl.outbox SET attempts = 1, lease_until = now() + interval '1 minute'")
    [case] = desk.pending()

    desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert told(desk) == [("all", "asked", "queued"), ("all", "closed", "queued")]


def test_an_alarm_about_a_target_goes_to_the_others(db_url: str, desk: SyncDesk) -> None:
    """And an alarm that could not be told raises no more of them."""
    for target in ("a", "b"):
        desk.notices.put(target, kind="webhook", address=HOOK, by="ops")
    sql = "INSERT INTO hitl.events (type, thread_id, review_id, data) VALUES ('alarm', '', '', %s)"

    query(db_url, sql, '{"target": "a", "event": "asked"}')
    query(db_url, sql, '{"target": "b", "event": "alarm"}')

    assert told(desk) == [("b", "alarm", "queued")]


def test_addresses_and_secrets_are_shown_to_nobody(db_url: str, desk: SyncDesk) -> None:
    """Not in lists, not in what is printed, not in events; the secret once, to who put it there."""
    made = desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    sender = desk.notices.put_sender("crm", people=["ana"], by="ops")
    assert made.secret is not None
    assert sender.secret is not None

    shown = repr((made, desk.notices.targets(), desk.notices.senders(), desk.notices.outbox()))
    kept = repr(query(db_url, "SELECT type, data FROM hitl.events"))

    assert [one for one in ("hook-password", made.secret, sender.secret) if one in shown or one in kept] == []
    assert [target.scheme for target in desk.notices.targets()] == ["https"]


def test_a_target_is_changed_and_keeps_its_secret(db_url: str, desk: SyncDesk) -> None:
    """Its receiver need not be told a new one, and it is not shown a second time."""
    first = desk.notices.put("all", kind="webhook", address=HOOK, by="ops")

    second = desk.notices.put("all", kind="webhook", address=HOOK, owner="finance", by="ops")

    assert (second.secret, second.owner) == (None, "finance")
    assert query(db_url, "SELECT secret FROM hitl.targets") == [{"secret": first.secret}]


def test_a_senders_secret_is_shown_when_it_is_made_or_given(db_url: str, desk: SyncDesk) -> None:
    """Whoever may change a sender does not learn what it signs with."""
    first = desk.notices.put_sender("crm", people=["ana"], by="ops")
    changed = desk.notices.put_sender("crm", people=["ben"], by="ops")
    kept = query(db_url, "SELECT secret FROM hitl.senders")
    given = desk.notices.put_sender("crm", people=["ben"], secret=GIVEN, by="ops")

    assert (changed.secret, changed.people, kept) == (None, ("ben",), [{"secret": first.secret}])
    assert given.secret == GIVEN


def test_a_removed_target_is_told_nothing_more(desk: SyncDesk, graph: Any) -> None:
    """What was queued for it is taken back, and the removal is an event."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    pause(graph)

    desk.notices.remove("all", by="ops")

    assert told(desk) == [("all", "asked", "retracted")]
    assert desk.notices.targets() == []


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("target", {"target": "no spaces"}),
        ("kind", {"kind": "pigeon"}),
        ("address", {"address": "http://hooks.example.com"}),
        ("address", {"address": "https://10.0.0.7/hook"}),
        ("address", {"address": "https://[::ffff:169.254.169.254]/latest"}),
        ("address", {"address": "https://user:word@hooks.example.com"}),
        ("address", {"address": "https://hooks.example.com/\r\nx: y"}),
        ("address", {"kind": "apprise", "address": "json://127.0.0.1/x"}),
        ("address", {"kind": "apprise", "address": "syslog://"}),
        ("address", {"kind": "apprise", "address": "nothing"}),
        ("address", {"kind": "apprise", "address": "slack://T1/A1/x?template=/etc/passwd"}),
        ("address", {"kind": "apprise", "address": "mailto://u:word@mail.example.com?smtp=10.0.0.1"}),
        ("owner", {"owner": " "}),
        ("events", {"events": ["everything"]}),
        ("actions", {"actions": ["edit"], "person": "ana"}),
        ("person", {"actions": ["approve"]}),
        ("secret", {"secret": "short"}),
        ("by", {"by": ""}),
    ],
)
def test_a_target_that_cannot_be_taken_names_its_field(
    desk: SyncDesk, field: str, wrong: dict[str, Any]
) -> None:
    """And nothing is saved, and nothing of the address is said."""
    given = {"target": "t", "kind": "webhook", "address": HOOK, "by": "ops", **wrong}

    with pytest.raises(NoticeError) as caught:
        desk.notices.put(**given)

    assert caught.value.field == field
    assert str(given["address"]) not in str(caught.value)
    assert desk.notices.targets() == []


def test_an_address_is_taken_when_somebody_vouches_for_it(desk: SyncDesk) -> None:
    """A private network and other schemes need one word more."""
    desk.notices.put("inner", kind="webhook", address="http://10.0.0.7/hook", trusted=True, by="ops")
    desk.notices.put("log", kind="apprise", address="syslog://localhost", trusted=True, by="ops")

    assert [target.trusted for target in desk.notices.targets()] == [True, True]


@pytest.mark.parametrize(
    "asked", ["nul \x00", "half \ud800", {"a": float("nan")}, ["x" * 1_000_000], None, 7]
)
def test_whatever_is_asked_a_target_never_costs_the_pause(db_url: str, desk: SyncDesk, asked: Any) -> None:
    """The row that tells of it is made of ids: no payload can break it."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    builder = StateGraph(State)
    builder.add_node("ask", lambda _: {"ticket": str(interrupt(asked))})
    builder.add_edge(START, "ask")

    with open_checkpointer(db_url) as checkpointer:
        pause(builder.compile(checkpointer=checkpointer))

    assert len(desk.pending()) == 1
    assert told(desk) == [("all", "asked", "queued")]


@pytest.mark.parametrize(
    ("event", "heard"),
    [("reminded", ["cleo", "all"]), ("escalated", ["all"]), ("snoozed", []), ("claimed", [])],
)
def test_events_of_a_deadline_reach_the_person_they_name(
    db_url: str, desk: SyncDesk, graph: Any, event: str, heard: list[str]
) -> None:
    """Whoever is at the case hears of it under any spelling of their name."""
    pause(graph)
    [case] = desk.pending()
    for target, owner in (("all", "*"), ("cleo", "Cleo"), ("other", "dan")):
        desk.notices.put(target, kind="webhook", address=HOOK, owner=owner, by="ops")
    person = '{"person": "cleo"}' if event == "reminded" else "{}"

    sql = "INSERT INTO hitl.events (type, thread_id, review_id, data) VALUES (%s, 't1', %s, %s)"
    query(db_url, sql, event, case.id, person)

    assert sorted(target for target, *_ in told(desk)) == sorted(heard)


def test_a_reassigned_case_is_told_to_whoever_has_it_now(desk: SyncDesk, graph: Any) -> None:
    """R35: nobody has to look for what is theirs."""
    desk.notices.put("bob", kind="webhook", address=HOOK, owner="bob", by="ops")
    desk.notices.put("finance", kind="webhook", address=HOOK, owner="finance", by="ops")
    pause(graph)
    [case] = desk.pending()

    desk.reassign(case.id, to="bob", by="ana", reason="knows the customer")
    desk.reroute(case.id, to="finance", by="ana", reason="it is about money")

    assert ("bob", "reassigned", "queued") in told(desk)
    assert ("finance", "rerouted", "queued") in told(desk)


def test_a_decision_that_is_undone_is_told_again(db_url: str, desk: SyncDesk, graph: Any) -> None:
    """I14: who heard that it was settled hears that it waits again."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    pause(graph)
    query(db_url, "UPDATE hitl.outbox SET status = 'sent'")
    [case] = desk.pending()

    desk.decide(case.id, Approve(), by="ana", digest=case.digest, undo_s=60)
    desk.undo(case.id, by="ana")

    assert [(event, status) for _, event, status in told(desk)] == [
        ("asked", "sent"),
        ("closed", "queued"),
        ("undone", "queued"),
    ]


def test_of_two_tenants_each_tells_its_own(db_url: str, desk: SyncDesk, graph: Any) -> None:
    """I11: another tenant's target hears nothing, and cannot be seen."""
    with Desk(db_url, tenant="other") as other:
        other.notices.put("all", kind="webhook", address=HOOK, by="ops")
        pause(graph)

        assert (other.notices.outbox(), desk.notices.targets()) == ([], [])


def test_what_is_long_over_is_forgotten_and_nothing_else(db_url: str, desk: SyncDesk) -> None:
    """While a case is open, it is known who was told of it."""
    desk.notices.put("all", kind="webhook", address=HOOK, by="ops")
    with open_checkpointer(db_url) as checkpointer:
        graph = secret_graph().compile(checkpointer=checkpointer, name="support")
        pause(graph, "over")
        pause(graph, "open")
        query(db_url, "UPDATE hitl.outbox SET status = 'sent', settled_at = now() - interval '91 days'")
        graph.update_state(thread("over"), {"ticket": "another"})

    count = desk.notices.prune(by="ops")

    left = [(row["thread_id"], row["event"]) for row in desk.notices.outbox()]
    assert count == 1
    assert sorted(left) == [("open", "asked"), ("over", "closed")]
    with pytest.raises(NoticeError, match="days"):
        desk.notices.prune(by="ops", days=0)
