"""The page that comes back after an edit that cannot be taken: the reviewer's text, its diff, what is wrong with it."""

from __future__ import annotations

import html
import re

from hitl_graph import Approve, Case, Desk, Reject, open_checkpointer
from tests.inbox.cases import address, ask, foreign, form_of, gate_graph, the_case
from tests.inbox.serving import client, paused
from tests.inbox.test_case import BATCH
from tests.support.graphs import mail_graph

PROPOSAL = {"amount": 5, "days": 3, "to": "kim"}
TYPED = {"changes__amount": "five", "changes__days": "soon", "changes__to": "lee"}


def diffs(page: str) -> list[str]:
    """The diff of each field that is changed, as `name -old +new`."""
    part = page.split('id="diff-title"', 1)[-1].split("</section>", 1)[0] if 'id="diff-title"' in page else ""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", part, re.DOTALL)
    marked = [f"{name} {text.replace('<ins>', '+').replace('<del>', '-')}" for name, text in found]
    return [" ".join(html.unescape(re.sub("<[^>]+>", " ", text)).split()) for text in marked]


def hidden(page: str, decision: str) -> bool:
    """Whether a button is there and hidden."""
    found = re.search(rf'<button[^>]*name="decision" value="{decision}"[^>]*>', page)
    assert found
    return found[0].endswith(" hidden>")


def test_an_edit_that_cannot_be_taken_comes_back_with_its_diff(db_url: str) -> None:
    """R25: what can be read is compared as it would be sent, the rest as it was typed."""
    case = ask(db_url, proposal=PROPOSAL)
    with client(db_url) as http:
        answer = form_of(http, case).send("edit", **TYPED)
    assert answer.status_code == 422
    assert sorted(diffs(answer.text)) == ["Amount -5 +five", "Days -3 +soon", "To -kim +lee"]


def test_and_with_the_button_of_an_edit_also_without_scripts(db_url: str) -> None:
    case = ask(db_url, proposal=PROPOSAL)
    with client(db_url) as http:
        form = form_of(http, case)
        answers = [form.send(what, **TYPED).text for what in ("edit", "preview", "approve")]
    assert not hidden(form.page, "approve")
    assert [(hidden(page, "approve"), hidden(page, "edit")) for page in answers] == [(True, False)] * 3


def test_each_field_that_is_wrong_says_so_and_the_first_has_the_focus(db_url: str) -> None:
    case = ask(db_url, proposal=PROPOSAL)
    with client(db_url) as http:
        text = form_of(http, case).send("edit", **TYPED).text
    wrong = re.findall(r'<input id="[^"]*" name="([^"]*)"[^>]*aria-invalid="true"( autofocus)?', text)
    assert wrong == [("changes.amount", " autofocus"), ("changes.days", "")]
    assert len(re.findall(r'class="error" id="f-\d+-error"', text)) == 2
    assert text.count("autofocus") == 1


def test_text_that_is_no_json_is_compared_as_it_was_typed(db_url: str) -> None:
    case = ask(db_url, proposal={"lines": [1], "to": "kim"})
    with client(db_url) as http:
        answer = form_of(http, case).send("edit", changes__lines="[1, two", changes__to="lee")
    assert answer.status_code == 422
    first, second = diffs(answer.text)
    assert (first, second.endswith("+, two")) == ("To -kim +lee", True)


def test_one_of_several_acts_is_compared_with_its_place(db_url: str) -> None:
    case = foreign(db_url, BATCH)
    [name, value] = next(iter(BATCH["action_requests"][0]["args"].items()))  # type: ignore[index]  # a batch
    typed = {
        "act0__decision": "edit",
        f"act0__changes.{name}": f"{value} and more",
        "act0__changes.none": "x",
    }
    with client(db_url) as http:
        answer = form_of(http, case).send("each", **typed)
    assert answer.status_code == 422
    assert any("and more" in one for one in diffs(answer.text))


def test_who_had_changed_nothing_is_shown_nothing_as_their_own(db_url: str) -> None:
    """I1: the loser of a race reads who won."""
    case = ask(db_url, proposal=PROPOSAL)
    untouched = {"changes__amount": "5", "changes__days": "3", "changes__to": "kim"}
    with client(db_url) as http:
        form = form_of(http, case)
        with Desk(db_url) as desk:
            desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        same, other = (
            form.send("approve", **{**untouched, **more}).text for more in ({}, {"changes__to": "lee"})
        )
    assert "What you had written" not in same
    own = other.split('id="kept-title"', 1)[1].split("</section>", 1)[0]
    assert re.findall(r"<dd[^>]*>([^<]*)", own) == ["lee"]


def test_what_was_written_about_one_of_several_acts_is_shown_too(db_url: str) -> None:
    case = foreign(db_url, BATCH)
    with client(db_url) as http:
        form = form_of(http, case)
        with Desk(db_url) as desk:
            desk.decide(case.id, [Approve()] * len(BATCH["action_requests"]), by="ben", digest=case.digest)
        text = form.send("each", act0__decision="reject", act0__words="my own words").text
    assert "my own words" in text.split('id="kept-title"', 1)[1].split("</section>", 1)[0]


def _told(db_url: str) -> Case:
    """A case whose thread was told."""
    paused(db_url, "t1")
    with Desk(db_url) as desk, open_checkpointer(db_url) as saver:
        desk.decide(the_case(db_url).id, Approve(), by="ana", digest=the_case(db_url).digest)
        desk.resume(mail_graph().compile(checkpointer=saver))
    return the_case(db_url)


def test_after_the_undo_window_it_says_since_when_and_what_can_be_done_instead(db_url: str) -> None:
    """I14: `too late`, plainly; the key that would take it back says the same words."""
    case = _told(db_url)
    assert case.dispatched_at is not None
    with client(db_url) as http:
        text = http.get(address(case)).text
    said = re.search(r"<p[^>]*data-no-way-back>(.*?)</p>", text, re.DOTALL)
    assert said
    assert f'the graph was told at <time datetime="{case.dispatched_at.isoformat()}">' in said[1]
    assert "What comes next in this thread can be held on" in said[1]


def test_of_a_rejection_nothing_is_said_to_have_been_sent(db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk, open_checkpointer(db_url) as saver:
        desk.decide(case.id, Reject(), by="ana", digest=case.digest)
        desk.resume(gate_graph().compile(checkpointer=saver, name="mail"))
    with client(db_url) as http:
        pages = http.get(address(case)).text, http.get("/?tab=decided").text
    assert ["the graph was told at" in page for page in pages] == [True, True]
    assert ["sent at" in page for page in pages] == [False, False]


def test_what_was_written_for_nothing_is_called_as_the_form_calls_it(db_url: str) -> None:
    case = ask(db_url, proposal={"due_day": "x", "lines": [{"unit_price": 1}]})
    with client(db_url) as http, Desk(db_url) as desk:
        form = form_of(http, case)
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        kept = form.send(
            "edit", **{"changes__due_day": "y", "changes__lines[0].unit_price": "2", "note": "mine"}
        ).text
    kept = kept[kept.index('id="kept-title"') :]
    assert re.findall(r"<dt>(.*?)</dt>", kept)[:3] == ["Due day", "Lines 1, Unit price", "Note"]
