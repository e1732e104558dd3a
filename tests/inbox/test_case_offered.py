"""The case's page and the queue's rows offer what the desk will take from whoever looks, and nothing else."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from hitl_graph import Approve, Case, Desk
from tests.inbox.cases import KINDS, PAY, TAG, address, ask, foreign
from tests.inbox.persons import Somebody, office
from tests.inbox.test_case import BATCH

MOVES = ("reassign", "reroute", "snooze")


@pytest.fixture
def http(db_url: str) -> Iterator[TestClient]:
    with Desk(db_url) as desk:
        desk.people.put("boss", groups=["support"], roles=["admin"])
        desk.people.put("ana", groups=["support"], by="boss")
        desk.people.put("ben", groups=["support"], by="boss")
        desk.people.put("zoe", groups=["sales"], by="boss")
        desk.people.put("lea", groups=["sales"], roles=["lead"], by="boss")
    with office(db_url) as made:
        yield made


def page(http: TestClient, name: str, case: Case, what: str = "") -> str:
    """The case as somebody sees it."""
    return Somebody(http, name).get(address(case, what)).text


def offered(text: str) -> set[str]:
    """What of the case can be begun from its page: dialogs, and what a button sends by itself."""
    main = text.split("<dialog", 1)[0]
    buttons = [one for one in re.findall(r"<button([^>]*)>", main) if " disabled" not in one]
    found = {name for one in buttons for name in re.findall(r'data-dialog="([\w-]+)"', one)}
    found |= {
        name
        for one in buttons
        for name in re.findall(r'name="decision" value="(\w+)"', one)
        if name not in ("preview", "forget")
    }
    return found | ({"claim"} if 'data-key="c"' in main else set())


def test_who_may_decide_is_offered_everything(http: TestClient, db_url: str) -> None:
    case = ask(db_url, allowed=("approve", "edit", "reject"))
    assert offered(page(http, "ana", case)) == {"approve", "edit", "reject", "claim", *MOVES}


@pytest.mark.parametrize("name", ["zoe", "boss"])
def test_who_may_not_decide_is_offered_nothing(http: TestClient, db_url: str, name: str) -> None:
    """Another group, and whoever has a part in it: neither can keep the case from those who may decide it."""
    assert offered(page(http, name, ask(db_url, not_by=["boss"]))) == set()


def test_a_lead_of_another_group_gives_it_to_others_and_no_more(http: TestClient, db_url: str) -> None:
    assert offered(page(http, "lea", ask(db_url))) == {"reassign", "reroute"}


def test_beyond_their_authority_all_but_the_yes_is_offered(http: TestClient, db_url: str) -> None:
    with Desk(db_url) as desk:
        desk.authority.put("refund", group="support", max_amount=20, by="boss")
    case = ask(
        db_url, action=PAY, proposal={"amount": 50, "to": "kim"}, allowed=("approve", "edit", "reject")
    )
    assert offered(page(http, "ana", case)) == {"edit", "reject", "claim", *MOVES}


def test_changes_beyond_their_authority_are_said_before_they_are_sent(http: TestClient, db_url: str) -> None:
    """What is typed is weighed as the desk will weigh it: up to their amount it can be sent."""
    with Desk(db_url) as desk:
        desk.authority.put("refund", group="support", max_amount=20, by="boss")
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    ana = Somebody(http, "ana")
    form = {"thread": case.thread_id, "digest": case.digest}
    more, less = (
        ana.post(f"/cases/{case.id}/draft", data={**form, "changes.amount": amount, "changes.to": "kim"}).text
        for amount in ("45", "15")
    )
    assert "You cannot send it with these changes: ana may let" in html.unescape(more)
    assert "data-refused" not in less
    assert "edit" in offered(page(http, "ana", case))


@pytest.mark.parametrize("kind", ["safe_to_send", "choose", "respond"])
def test_while_somebody_is_at_it_nothing_is_lit_but_the_way_out(
    http: TestClient, db_url: str, kind: str
) -> None:
    """R34: the claim keeps others from deciding, and from giving it away; it is taken over with a reason."""
    case = ask(db_url, **KINDS[kind])
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    text = page(http, "ana", case)
    bar = text.split('id="case-bar">', 1)[1].split("</div>", 1)[0]
    assert offered(text) == {"take-claim"}
    assert "ben is at it until" in bar
    assert "Take it from ben <kbd>t</kbd>" in bar


def test_while_somebody_is_at_it_several_acts_are_not_lit_either(http: TestClient, db_url: str) -> None:
    case = foreign(db_url, BATCH)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    assert offered(page(http, "ana", case)) == {"take-claim"}


def test_an_open_page_hears_of_a_claim_beside_its_buttons(http: TestClient, db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
        held = page(http, "ana", case, "/now")
        desk.release(case.id, by="ben")
        free = page(http, "ana", case, "/now")
    assert '<hx-partial hx-target="#case-bar"' in held
    assert "Take it from ben" in held
    assert "Take it from ben" not in free
    assert re.search(r'data-refuses="[^"]*\bdecide\b', held)
    assert 'data-refuses=""' in free


def test_an_undo_is_offered_to_whom_it_is_open(http: TestClient, db_url: str) -> None:
    """I14."""
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ben", digest=case.digest, undo_s=60)
    assert 'data-key="u"' in page(http, "ana", case)
    theirs = page(http, "zoe", case)
    assert 'data-key="u"' not in theirs
    assert "You cannot take it back: zoe is not in" in theirs


def row(http: TestClient, name: str, to: str = "/?tab=waiting") -> str:
    """The one row of the queue as somebody sees it."""
    return re.search(r'<li id="case-.*?</li>', Somebody(http, name).get(to).text, re.DOTALL)[0]  # type: ignore[index]  # there is one


@pytest.mark.parametrize(
    ("name", "takes", "ticks"),
    [
        ("ana", "decide claim take_over_claim reroute snooze", True),
        ("lea", "reroute", False),
        ("zoe", "", False),
    ],
)
def test_a_row_says_what_its_keys_can_begin(
    http: TestClient, db_url: str, name: str, takes: str, ticks: bool
) -> None:
    """Bulk too: only what the desk would take from them is ticked."""
    ask(db_url, action=TAG)
    text = row(http, name)
    found = re.search(r'data-takes="([^"]*)"', text)
    assert (found[1] if found else "") == takes
    assert ('type="checkbox"' in text, "data-quick" in text) == (ticks, ticks)


def test_a_row_that_somebody_has_claimed_says_the_way_out(http: TestClient, db_url: str) -> None:
    case = ask(db_url, action=TAG)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    text = row(http, "ana")
    assert 'data-takes="take_over_claim"' in text
    assert 'data-why-not="ben is at it: t takes it from them"' in text
    assert 'type="checkbox"' not in text


def test_low_risk_beyond_their_authority_is_not_approved_with_one_key(http: TestClient, db_url: str) -> None:
    ask(db_url, action=TAG)
    with Desk(db_url) as desk:
        desk.authority.put("tag_ticket", person="ben", by="boss")
    assert "data-quick" not in row(http, "ana")
    assert "data-quick" in row(http, "ben")


def test_the_queue_offers_an_undo_to_whom_it_is_open(http: TestClient, db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ben", digest=case.digest, undo_s=60)
    shown = {name: "data-undo" in row(http, name, "/?tab=decided") for name in ("ana", "ben", "zoe")}
    assert shown == {"ana": True, "ben": True, "zoe": False}
