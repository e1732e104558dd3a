"""What no form of ours sends, to every address that takes a form or a query: no error of ours, and nothing decided."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hitl_graph import Case
from hitl_graph.testing.databases import Databases
from tests.inbox.cases import ask, foreign
from tests.inbox.hostile import HIDDEN, MARKUP
from tests.inbox.persons import Somebody, office, staff
from tests.inbox.serving import GENEROUS
from tests.inbox.test_access_table import PAGES
from tests.inbox.test_case import BATCH
from tests.notices.receivers import query
from tests.views.test_reading import ORDER, PROPOSAL

# A complaint of hypothesis would show all the values below.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
FULL = bool(os.environ.get("HITL_FULL"))
WRITES = sorted(one.partition(" ")[2] for one in PAGES if one.startswith("POST") and "sign-out" not in one)
READS = sorted(one.partition(" ")[2] for one in PAGES if one.startswith("GET") and one != "GET /live")
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"

NAMES = (
    *("act", "action", "actions", "active", "address", "after", "anchor", "before", "case", "cause", "code"),
    *(
        "confirmed",
        "day",
        "days",
        "decision",
        "diffed",
        "digest",
        "doing",
        "events",
        "format",
        "gate",
        "graph",
    ),
    *("groups", "hold", "holder", "holder_kind", "hours", "id", "key", "kind", "label", "look", "max_amount"),
    *(
        "message",
        "name",
        "note",
        "number",
        "option",
        "owner",
        "people",
        "person",
        "priority",
        "q",
        "question",
    ),
    *("reason", "recurrence", "roles", "row", "scope", "sender", "shown", "silent", "sort", "tab", "target"),
    *(
        "thread",
        "time_zone",
        "to",
        "token",
        "tool",
        "trusted",
        "type",
        "value",
        "was",
        "who",
        "words",
        "workflow",
    ),
    *(
        "changes.",
        "changes.amount",
        "changes.lines[]",
        "changes.lines[0].count",
        "changes.pay{}",
        "changes.due",
    ),
    *("changes.lines[99999999999999999999].count", "changes.lines[-1]", "changes.lines" + "[0]" * 500),
    *(
        "changes.lines[0]" + ".a" * 500,
        "changes.\x00",
        "act0.decision",
        "act0.changes.x",
        "act1.act1.act1.words",
    ),
    *("act" + "9" * 5000 + ".x", "act\u0663.words", "act0." * 3000 + "x", "", "\u202e", "x" * 5000),
)
VALUES = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1e999",
        "NaN",
        "Infinity",
        "9" * 5000,
        str(2**53 + 1),
        str(2**63),
        "0x10",
        "1_000",
    ),
    *("\x00", "\u202e\u200b", "\ufffd", "".join(map(chr, HIDDEN)), "é" * 300, "x" * 100_000, "\r\n" * 1000),
    *("[" * 5000, '{"a":' * 5000, "{}", "[]", "null", '{"id": 1}', '{"id":"a","thread":"b","digest":"c"}'),
    *("approve", "edit", "reject", "choose", "respond", "ask_info", "take_over", "preview", "undo", "claim"),
    *(
        "pause",
        "stop",
        "release",
        "hand_back",
        "thread",
        "workflow",
        "tenant",
        "csv",
        "jsonl",
        "reason",
        "cause",
    ),
    *("add - changes.lines", "up 9 changes.lines", "remove 0 changes.lines", "add - act0.changes.x", "a  b"),
    *(
        "2026-02-30",
        "2026-11-22",
        "99999-01-01",
        "Europe/Nowhere",
        "../../etc/passwd",
        "mailto://",
        "http://[::",
    ),
    *("due", "9" * 400 + "~1", "infinity~9", "99999999~1", "2026-11-22T00:00:00~999999999999999999"),
    *("human", "agent", "admin", "reviewer", "person", "group", "all", "decided", "%", "'; --", *MARKUP),
)
RAW = (b"%ED%A0%80", b"%FF%FE", b"%00", b"%", b"%zz", b"\xff\xfe", b"+", b"&&==&=&", b"a=b=c;d")


def form(*pairs: tuple[str, str]) -> bytes:
    """The body of a form."""
    return urlencode(pairs, errors="replace").encode()


def parts(name: str, value: str) -> bytes:
    """A file where a text is expected."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a.txt"\r\n\r\n'
    return f"{head}{value}\r\n--x--\r\n".encode()


EVERY = [
    (FORM, b""),
    (FORM, b"&".join(RAW)),
    (FORM, form(*((name, "approve") for name in NAMES))),
    (FORM, form(*((name, "9" * 5000) for name in NAMES))),
    (FORM, form(*((name, "\x00") for name in NAMES))),
    (FORM, form(*((name, "[" * 5000) for name in NAMES[:60]))),
    (FORM, b"&".join(name.encode() + b"=%ED%A0%80%FF" for name in NAMES[:60])),
    (FORM, form(*((f"changes.f{n}", "x") for n in range(4000)))),
    (FORM, form(*(("case", "{}") for _ in range(200)))),
    (FORM, form(*(("x", "y") for _ in range(20_000)))),
    (f"{FORM}; charset=utf-16", form(("decision", "approve"))),
    (PARTS, parts("decision", "approve")),
    (PARTS, b"".join(parts(name, "x").removesuffix(b"--x--\r\n") for name in NAMES[:60]) + b"--x--\r\n"),
    (PARTS, b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--\r\n"),
    (PARTS, b"--x\r\nnonsense"),
    ("multipart/form-data", b"no boundary"),
    ("application/json", json.dumps({"decision": "approve"}).encode()),
    ("application/json", b"[" * 100_000),
    ("text/plain", b"decision=approve"),
    ("", b"decision=approve"),
    ("\xff", b"\xff"),
]
"""Bodies that every address gets."""

PAIR = st.tuples(st.sampled_from(NAMES) | st.text(max_size=9), st.sampled_from(VALUES) | st.text())
PAIRS = st.lists(PAIR, max_size=9)
ASKED = settings(
    max_examples=300 if FULL else 8,
    derandomize=not FULL,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class Place:
    """The inbox with cases whose forms have everything in them, and an admin who is signed in."""

    def __init__(self, url: str, http: Any, cases: list[Case]) -> None:
        self.url, self.http, self.cases = url, http, cases
        self.admin = Somebody(http, "admin")

    def send(self, method: str, path: str, case: Case, **how: Any) -> None:
        """One request, which may be refused but breaks nothing."""
        where = path.replace("{thread_id:path}", "t1").replace("{review_id}", case.id)
        answer = self.admin.send(method, where, **how)
        assert answer.status_code < 500, (method, path, how, answer.text)
        assert answer.status_code != 429

    def unharmed(self) -> None:
        """Nothing was decided, and the cases can still be opened and wait as they did."""
        assert query(self.url, "SELECT count(*) AS n FROM hitl.decisions") == [{"n": 0}]
        assert query(self.url, "SELECT status, digest FROM hitl.reviews ORDER BY seq") == [
            {"status": "pending", "digest": case.digest} for case in self.cases
        ]
        for case in self.cases:
            assert self.admin.get(f"/cases/{case.id}").status_code == 200


@pytest.fixture(scope="module")
def place(hitl_databases: Databases) -> Iterator[Place]:
    with hitl_databases.fresh_database() as url:
        cases = [
            ask(url, proposal=PROPOSAL, schema=ORDER),
            foreign(url, BATCH, thread="t2"),
            foreign(url, "How many?", thread="t3", response_schema={"type": "integer"}),
        ]
        staff(url)
        with office(url, limits=GENEROUS) as http:
            yield Place(url, http, cases)


@pytest.mark.parametrize("path", WRITES)
def test_a_form_that_nobody_drew_breaks_nothing(place: Place, path: str) -> None:
    """Each of the bodies that no browser sends."""
    for number, (kind, content) in enumerate(EVERY):
        case = place.cases[number % len(place.cases)]
        place.send("POST", path, case, content=content, headers={"content-type": kind.encode("latin-1")})
    place.unharmed()


@pytest.mark.parametrize("path", WRITES)
def test_any_fields_with_any_text_break_nothing(place: Place, path: str) -> None:
    """As a form, by htmx and not."""

    @ASKED
    @given(PAIRS, st.booleans(), st.sampled_from(place.cases))
    def asked(pairs: list[tuple[str, str]], by_htmx: bool, case: Case) -> None:
        headers = {"content-type": FORM, **({"hx-request": "true"} if by_htmx else {})}
        place.send("POST", path, case, content=form(*pairs), headers=headers)

    asked()
    place.unharmed()


@pytest.mark.parametrize("path", READS)
def test_any_query_breaks_nothing(place: Place, path: str) -> None:
    """Nor do bytes that are no text."""

    @ASKED
    @given(PAIRS, st.sampled_from(place.cases))
    def asked(pairs: list[tuple[str, str]], case: Case) -> None:
        sent = [(name[:500], value[:2000]) for name, value in pairs]
        place.send("GET", f"{path}?{form(*sent).decode()}", case)

    asked()
    for raw in RAW:
        odd = raw.decode("latin-1")
        place.send("GET", f"{path}?thread={odd}&q={odd}&after={odd}&id={odd}", place.cases[0])
    place.unharmed()
