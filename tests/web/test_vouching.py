"""Votes that come as webhooks: what one sender vouches for is one vote, whomever it names (N of M are distinct)."""

from __future__ import annotations

import base64
import concurrent.futures
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hitl_graph import Approve, Case, Desk, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import NotAuthorised
from tests.notices.receivers import pause, query, secret_graph
from tests.web.serving import KEY, client, signed

WHERE = "/webhooks/decide"
OTHER_KEY = "whsec_" + base64.b64encode(b"o" * 32).decode()


@pytest.fixture
def web(db_url: str) -> Iterator[httpx.Client]:
    with client(db_url) as found:
        yield found


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    with Desk(db_url) as found:
        found.notices.put_sender("crm", people=["ana", "ben"], secret=KEY, by="ops")
        yield found


@pytest.fixture
def case(db_url: str, desk: SyncDesk) -> Case:
    """A draft that two people must approve."""
    with open_checkpointer(db_url) as checkpointer:
        pause(secret_graph(approvals=2).compile(checkpointer=checkpointer, name="support"))
    [found] = desk.pending()
    return found


def say(web: httpx.Client, case: Case, by: str, *, key: str = KEY, **decision: Any) -> httpx.Response:
    """One signed decision."""
    order: dict[str, Any] = {"review_id": case.id, "digest": case.digest, "by": by}
    order["decision"] = decision or {"type": "approve"}
    return web.post(WHERE, **signed(order, key=key, message_id=f"{by}-{decision}"))


def voters(desk: SyncDesk, case: Case) -> list[str]:
    return [vote["by"] for vote in desk.show(case.id).votes]


def test_one_sender_gives_one_vote(db_url: str, web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """R3: the second name is refused with the reason, nothing is saved but the attempt, and the case waits on."""
    say(web, case, "ana")

    reply = say(web, case, "ben")

    assert (reply.status_code, reply.json()["error"]["field"]) == (403, "by")
    assert "sender crm has vouched for ana already" in reply.json()["error"]["problem"]
    assert (desk.show(case.id).status, voters(desk, case)) == ("pending", ["ana"])
    [told] = query(db_url, "SELECT data FROM hitl.events WHERE type = 'refused_attempt'")
    assert (told["data"]["by"], told["data"]["what"]) == ("ben", "decide")
    assert not query(db_url, "SELECT key FROM hitl.requests WHERE key LIKE '%%ben%%'")


def test_a_person_at_the_desk_gives_the_other(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """After a refusal in their name too; the decision says who was vouched for, and by whom."""
    say(web, case, "ana")
    say(web, case, "ben")

    done = desk.decide(case.id, Approve(), by="ben", digest=case.digest)

    assert done.status == "decided"
    assert done.identity is not None
    assert [(one["id"], one.get("senders")) for one in done.identity["approvals"]] == [
        ("ana", ["crm"]),
        ("ben", None),
    ]


def test_a_sender_gives_the_other_vote_to_a_person(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """Whichever comes first."""
    desk.decide(case.id, Approve(), by="ben", digest=case.digest)

    assert say(web, case, "ana").json()["status"] == "decided"


def test_who_says_it_again_at_the_desk_is_vouched_for_no_more(
    web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """Their own word takes the place of the sender's, which can then be given for somebody else."""
    say(web, case, "ana")
    desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert say(web, case, "ben").json()["status"] == "decided"


def test_two_senders_give_two_votes(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """Each with a secret of its own."""
    desk.notices.put_sender("erp", people=["ben"], secret=OTHER_KEY, by="ops")
    say(web, case, "ana")

    assert say(web, case, "ben", key=OTHER_KEY).json()["status"] == "decided"


def test_two_senders_with_one_secret_are_one(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """Whoever has it could say both."""
    desk.notices.put_sender("crm", people=["ana"], secret=KEY, by="ops")
    desk.notices.put_sender("erp", people=["ben"], secret=KEY, by="ops")
    say(web, case, "ana")

    assert say(web, case, "ben").status_code == 403
    assert desk.show(case.id).status == "pending"


def test_many_names_at_once_are_one_vote(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """Decided where the case is locked: whoever comes second is refused."""
    names = [f"p{number}" for number in range(6)]
    desk.notices.put_sender("crm", people=names, by="ops")

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda name: say(web, case, name), names))

    assert sorted(reply.status_code for reply in replies) == [200, 403, 403, 403, 403, 403]
    assert (desk.show(case.id).status, len(voters(desk, case))) == ("pending", 1)


def test_a_no_of_the_same_sender_is_taken(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """One no decides: nobody has to be different from anybody."""
    say(web, case, "ana")

    assert say(web, case, "ben", type="reject").json()["status"] == "decided"


def test_another_yes_of_the_same_sender_does_not_count_with_the_first(
    web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """Both stand, for other contents; brought to the same, the second is refused."""
    say(web, case, "ana")
    edited = say(web, case, "ben", type="edit", changes={"body": "Other words."})

    reply = say(web, case, "ana", type="edit", changes={"body": "Other words."})

    assert (edited.json()["status"], reply.status_code) == ("voted", 403)
    assert desk.show(case.id).status == "pending"


def test_a_webhook_whose_sender_is_not_said_is_one_voucher(desk: SyncDesk, case: Case) -> None:
    """A program that takes webhooks of its own and names no sender fails closed."""
    desk.decide(case.id, Approve(), by="ana", digest=case.digest, via="webhook")

    with pytest.raises(NotAuthorised, match="one sender gives one vote"):
        desk.decide(case.id, Approve(), by="ben", digest=case.digest, via="webhook")
