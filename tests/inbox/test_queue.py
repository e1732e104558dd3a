"""The queue over HTTP: what stands on it, for whom, and what its address says."""

from __future__ import annotations

import re
import time
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from starlette.testclient import TestClient

from hitl_graph import ActionClass, Owner, Sla
from hitl_graph.decisions import Approve
from hitl_graph.desk import Desk
from tests.inbox.cases import foreign
from tests.inbox.serving import client, copied, paused
from tests.support.graphs import two_gates_graph

TAG = ActionClass("tag_ticket", reversible=True)


def questions(http: TestClient, address: str = "/") -> list[str]:
    """The questions of the rows, in order."""
    answer = http.get(address)
    assert answer.status_code == 200, answer.text
    rows = answer.text.partition('<ol id="rows"')[2].partition("</ol>")[0]
    return re.findall(r'<a class="title"[^>]*>([^<]*)</a>', rows)


def change(db_url: str, statement: str) -> None:
    """Something that time or another part of the system would have done."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(statement)


def test_what_has_waited_longest_comes_first(db_url: str) -> None:
    """R38."""
    paused(db_url, "t1", question="Is this the first of them?")
    paused(db_url, "t2", question="Is this the second of them?")
    with client(db_url) as http:
        assert questions(http) == ["Is this the first of them?", "Is this the second of them?"]


def test_the_head_says_how_many_wait_what_blocks_and_what_is_late(db_url: str) -> None:
    """R36, R38."""
    paused(db_url, "t1", "t2")
    paused(db_url, "t3", blocks=("the customer's answer",), sla=Sla(hours=1))
    change(db_url, "UPDATE hitl.reviews SET due_at = now() - interval '1 minute' WHERE thread_id = 't3'")
    with client(db_url) as http:
        page = http.get("/").text
    assert "Waiting 3 Blocks customers 1 Past its time 1" in " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert page.count("data-due data-late>") == 2  # the next time limit, and the row


def test_a_row_says_why_it_is_mine_and_why_now(db_url: str) -> None:
    """R30: in words, without the pipeline."""
    paused(db_url, "t1", why="Everything that leaves under the brand is read first.")
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support-leads"])
    with client(db_url) as http:
        text = " ".join(re.sub(r"<[^>]*>", "", http.get("/").text).split())
        assert (
            "your team support-leads must act: Everything that leaves under the brand is read first." in text
        )


def test_a_case_that_is_given_to_me_is_mine(db_url: str) -> None:
    """R32, whatever the case of the name."""
    paused(db_url, "t1", question="Is this one for everybody?")
    paused(db_url, "t2", question="Is this one for me alone?", owner=Owner("support-leads", person="ANA"))
    with client(db_url) as http:
        assert questions(http, "/?who=mine") == ["Is this one for me alone?"]


def test_a_case_that_i_have_claimed_is_mine(db_url: str) -> None:
    """R32."""
    paused(db_url, "t1", "t2")
    with Desk(db_url) as desk:
        case = desk.pending()[1]
        desk.claim(case.id, by="ana", thread_id=case.thread_id)
    with client(db_url) as http:
        assert len(questions(http, "/?who=mine")) == 1


def test_my_team_sees_its_own_and_what_was_escalated_to_it(db_url: str) -> None:
    """R32."""
    paused(db_url, "t1", question="Is this one for others?", owner=Owner("finance"))
    paused(db_url, "t2", question="Is this one for my team?", owner=Owner("support-leads"))
    paused(db_url, "t3", question="Is this one escalated?", owner=Owner("finance"))
    change(db_url, "UPDATE hitl.reviews SET candidates = '{support-leads}', level = 1 WHERE thread_id = 't3'")
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support-leads"])
    with client(db_url) as http:
        assert questions(http, "/?who=team") == ["Is this one for my team?", "Is this one escalated?"]


def test_snoozed_failed_and_decided_cases_stand_under_their_tabs(db_url: str) -> None:
    """R18."""
    for number, word in enumerate(("waits", "sleeps", "fails", "is decided")):
        paused(db_url, f"t{number}", question=f"Is this the one that {word}?")
    with Desk(db_url) as desk:
        cases = desk.pending()
        desk.snooze(cases[1].id, by="ana", hours=1, thread_id=cases[1].thread_id)
        desk.decide(cases[3].id, Approve(), by="ana", digest=cases[3].digest, thread_id=cases[3].thread_id)
    change(
        db_url, "UPDATE hitl.reviews SET status = 'failed', error = 'no mail server' WHERE thread_id = 't2'"
    )
    with client(db_url) as http:
        found = {tab: questions(http, f"/?tab={tab}") for tab in ("waiting", "snoozed", "failed", "decided")}
    assert found == {
        "waiting": ["Is this the one that waits?"],
        "snoozed": ["Is this the one that sleeps?"],
        "failed": ["Is this the one that fails?"],
        "decided": ["Is this the one that is decided?"],
    }


def test_filters_stand_in_the_address(db_url: str) -> None:
    """R38; what cannot be meant is as if it were not there."""
    paused(db_url, "t1", graph=two_gates_graph())
    paused(db_url, "t2", priority="urgent")
    change(db_url, "UPDATE hitl.reviews SET workflow = 'mail' WHERE thread_id = 't2'")
    wanted = {
        "gate=refund_review": 1,
        "action=refund": 1,
        "owner=finance": 1,
        "kind=safe_to_send": 3,
        "workflow=mail": 1,
        "priority=urgent": 1,
        "gate=refund_review&owner=support-leads": 0,
        "gate=nonsense": 0,
        "priority=nonsense": 3,
        "sort=nonsense&tab=nonsense&who=nonsense&after=nonsense": 3,
        "after=99999999999999999999999999": 3,
        "after=1~1&sort=due": 3,
        "gate=%00&q=%00": 3,
    }
    with client(db_url) as http:
        assert {query: len(questions(http, f"/?{query}")) for query in wanted} == wanted


def test_gates_and_acts_stand_there_in_words(db_url: str) -> None:
    """Rows, filters and the palette; the address keeps the program's name."""
    paused(db_url, "t1", graph=two_gates_graph())
    with client(db_url) as http:
        page = http.get("/").text
        chip = http.get("/?gate=refund_review").text
        palette = http.get("/palette", params={"q": "refund"}).json()["cases"]
    assert " · Refund review</p>" in page
    assert '<li class="chip">gate: Refund review <a href="/">' in chip
    assert '<option value="refund_review">Refund review</option>' in page
    assert '<option value="send_email">Send email</option>' in page
    assert [one["about"].partition(" · ")[0] for one in palette] == ["Refund review"]


def test_gates_that_read_alike_are_told_apart_and_one_that_is_gone_is_named(db_url: str) -> None:
    """By the program's name beside the words."""
    paused(db_url, "t1", "t2")
    change(db_url, "UPDATE hitl.reviews SET gate = 'my_gate' WHERE thread_id = 't1'")
    change(db_url, "UPDATE hitl.reviews SET gate = 'my gate' WHERE thread_id = 't2'")
    with client(db_url) as http:
        page = http.get("/?gate=gone_gate").text
    assert '<option value="my_gate">My gate (my_gate)</option>' in page
    assert '<option value="my gate">My gate (my gate)</option>' in page
    assert '<option value="gone_gate" selected>Gone gate</option>' in page


def test_no_name_of_a_gate_or_an_act_breaks_the_page(db_url: str) -> None:
    """As long as they like, and whatever it is made of."""
    name = "__error_handler__" * 5000
    acts = {
        "action_requests": [{"name": name, "args": {}}],
        "review_configs": [{"action_name": name, "allowed_decisions": ["approve", "reject"]}],
    }
    foreign(db_url, acts, thread="t3")
    paused(db_url, "t1", "t2")
    change(
        db_url,
        "UPDATE hitl.reviews SET gate = repeat('__error_handler__', 5000) || 'x' WHERE thread_id = 't1'",
    )
    change(db_url, "UPDATE hitl.reviews SET gate = repeat('__error_handler__', 5000) WHERE thread_id = 't2'")
    with client(db_url) as http:
        assert len(questions(http)) == 3
        assert http.get("/palette", params={"q": "reply"}).status_code == 200


def test_a_search_finds_words_of_the_case_and_of_what_is_asked_with_it(db_url: str) -> None:
    """Every word must be there, in whatever order; a sign that SQL or JSON knows is a sign."""
    paused(db_url, "t2", state={"ticket": 'Where is it? 100%_sure Grüße quo"te back\\slash'})
    there = [
        "where is it",
        "WHERE ana@example.com",
        "t2",
        "reply support-leads",
        "100%_sure",
        "Grüße",
        'quo"te',
    ]
    there += ["back\\slash", "sure 100%"]
    absent = ("nowhere", "1%sure", "where nowhere", "quo_te")
    with client(db_url) as http:
        found = {words: len(questions(http, f"/?{urlencode({'q': words})}")) for words in (*there, *absent)}
    assert found == dict.fromkeys(there, 1) | dict.fromkeys(absent, 0)


@pytest.mark.parametrize("sort", ["oldest", "newest", "due", "priority"])
def test_pages_follow_each_other_without_a_gap(db_url: str, sort: str) -> None:
    """By the place of the last row, never by counting."""
    paused(db_url, "t1")
    copied(db_url, 119)
    seen: list[str] = []
    with client(db_url) as http:
        address = f"/?sort={sort}"
        while address:
            seen += questions(http, address)
            found = re.search(r'rel="next" href="([^"]*)"', http.get(address).text)
            address = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == 120 and len(set(seen)) == 120


def test_decided_cases_follow_each_other_over_pages(db_url: str) -> None:
    """The newest first."""
    paused(db_url, "t1")
    change(
        db_url,
        """WITH many AS (
            INSERT INTO hitl.reviews (
                thread_id, id, checkpoint_id, task_id, node, shape, question, payload, digest, status)
            SELECT 'c' || i, id, checkpoint_id, task_id, node, shape, 'Is it ' || i, payload, digest, 'applied'
            FROM hitl.reviews, generate_series(1, 70) AS i RETURNING thread_id, id, seq)
        INSERT INTO hitl.decisions (thread_id, review_id, type, by, via, digest, decided_at, dispatched_at)
        SELECT thread_id, id, 'approve', 'ana', 'desk', '', now() - make_interval(mins => (seq / 3)::int), now()
        FROM many""",
    )
    with client(db_url) as http:
        first = http.get("/?tab=decided").text
        found = re.search(r'rel="next" href="([^"]*)"', first)
        assert found is not None
        both = questions(http, "/?tab=decided") + questions(http, found[1].replace("&amp;", "&"))
    assert len(set(both)) == len(both) == 70


def test_numbers_are_counted_up_to_a_limit(db_url: str) -> None:
    """1,000+ says enough."""
    paused(db_url, "t1")
    copied(db_url, 1200)
    with client(db_url) as http:
        assert "1,000+" in http.get("/").text


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/", "Nothing waits for anybody. New cases appear here by themselves."),
        ("/?tab=snoozed", "Nothing is snoozed."),
        ("/?tab=failed", "Nothing has failed."),
        ("/?tab=decided", "Nothing was decided in the last seven days."),
        ("/?gate=none", "Take off all filters"),
    ],
)
def test_an_empty_page_says_what_it_means(db_url: str, address: str, words: str) -> None:
    """What there is to do, too."""
    with client(db_url) as http:
        assert words in http.get(address).text


def test_where_nothing_is_mine_the_page_says_who_is_waited_for(db_url: str) -> None:
    """And leads there."""
    paused(db_url, "t1")
    with client(db_url) as http:
        assert "Nothing waits for you. 1 waits for your team" in http.get("/?who=mine").text


def test_text_from_outside_is_text_and_its_hidden_characters_are_seen(db_url: str) -> None:
    """Bad input corpus: markup and bidi controls in a question and in a reason."""
    paused(db_url, "t1", question="Is <script>alert(1)</script> \u202eevil?", why="\u200b<img src=x>")
    with client(db_url) as http:
        text = http.get("/").text
        assert "<script>alert" not in text and "<img" not in text and "\u202e" not in text
        assert '<mark class="hidden-character">⟨U+202E⟩</mark>' in text


def test_a_case_of_another_tenant_is_not_there(db_url: str) -> None:
    """I11."""
    paused(db_url, "t1")
    with client(db_url, tenant="other") as http:
        assert questions(http) == []
        assert http.get("/palette", params={"q": "reply"}).json() == {"filters": [], "cases": []}


def test_the_palette_finds_cases_by_words_and_by_id(db_url: str) -> None:
    """And leads to them."""
    paused(db_url, "t1")
    with Desk(db_url) as desk:
        [case] = desk.pending()
    with client(db_url) as http:
        for typed in ("safe send", case.id[:6], case.id):
            [found] = http.get("/palette", params={"q": typed}).json()["cases"]
            assert found["address"] == f"/cases/{case.id}?thread=t1"


def test_who_may_not_decide_is_offered_nothing_to_tick(db_url: str) -> None:
    """An auditor looks, and decides nothing."""
    paused(db_url, "t1", action=TAG)
    with Desk(db_url) as desk:
        desk.people.put("ana", roles=["auditor"])
    with client(db_url) as http:
        text = http.get("/").text
        assert "Is this reply safe" in text and 'type="checkbox" id="case' not in text


def test_without_its_database_the_page_says_what_to_do(db_url: str) -> None:
    """Nothing was decided; and when it is back, so is the page."""
    paused(db_url, "t1")
    name = conninfo_to_dict(db_url)["dbname"]
    with client(db_url) as http, psycopg.connect(db_url, dbname="postgres", autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        answer = http.get("/")
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert answer.status_code == 503 and "Nothing was decided" in answer.text
        end = time.monotonic() + 30
        while http.get("/").status_code != 200:
            assert time.monotonic() < end
