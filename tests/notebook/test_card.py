"""The card's Python side on a memory saver: what the page sends, what comes of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from hitl_graph import (
    Approve,
    Edit,
    Reject,
)
from hitl_graph.errors import AnswerError, DecisionConflict, DefinitionError
from hitl_graph.notebook import ReviewCard, review_card
from tests.notebook.clicking import T1, click, edit, paused, problem, shown
from tests.support.graphs import Email, lines, mail_graph


def test_approve_sends_and_shows_the_record(card: ReviewCard, sink: Path) -> None:
    """Click, graph, record: what was proposed was sent, once."""
    click(card, {"type": "approve"})

    [record] = card.view["records"]
    assert (record["decision"], record["by"], record["via"], record["mine"]) == (
        "approve",
        "ana",
        "notebook",
        True,
    )
    assert card.view["cases"] == []
    assert card.view["thread"]["standing"] == "finished"
    assert [line.split(" ", 1)[1] for line in lines(sink)] == ["Draft 1"]


def test_an_edit_is_what_is_sent_and_its_diff_is_shown(card: ReviewCard, sink: Path) -> None:
    """The person's words go out; proposed and final stand side by side."""
    edit(card, {"body": "On Monday"}, grounds={"reason": "vague", "cause": "model", "note": "see above"})

    [record] = card.view["records"]
    [changed] = [one for one in record["fields"] if one["changed"]]
    assert changed == {"name": "body", "diff": [["-", "Draft 1"], ["+", "On Monday"]], "changed": True}
    assert (record["reason"], record["cause"], record["note"]) == ("vague", "model", "see above")
    assert [line.split(" ", 1)[1] for line in lines(sink)] == ["On Monday"]


def test_a_rejection_leads_to_the_next_case(card: ReviewCard, sink: Path) -> None:
    """The graph drafts again, and the card shows the new draft and what is different about it."""
    first = shown(card)

    click(card, {"type": "reject", "reason": "tone"})

    second = shown(card)
    assert second["id"] != first["id"]
    assert second["previous"]["fields"] == [
        {"name": "body", "diff": [["=", "Draft "], ["-", "1"], ["+", "2"]]}
    ]
    assert second["previous"]["said"] == ["tone"]
    assert lines(sink) == []


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"decision": {"type": "reject"}}, "reason"),
        ({"decision": {"type": "edit"}, "texts": {}}, "changes"),
        ({"decision": {"type": "edit"}, "texts": {"nope": "x"}}, "changes.nope"),
        ({"decision": {"type": "respond", "message": "Hello"}}, "type"),
        ({"decision": {"type": "respond"}}, "message"),
        ({"decision": {"type": "choose"}}, "option"),
        ({"decision": {"type": "dance"}}, "type"),
        ({"decision": {}}, "type"),
        ({"decision": {"type": "approve", "surprise": 1}}, "surprise"),
        ({"decision": {"type": "approve", "cause": "moon"}}, "cause"),
        ({"decision": {"type": "edit"}, "texts": {"body": "a\x00"}}, "changes.body"),
    ],
)
def test_a_wrong_answer_is_an_error_beside_its_field(
    card: ReviewCard, sink: Path, sent: dict[str, Any], field: str
) -> None:
    """Nothing is saved, and the same case can still be approved."""
    item = shown(card)

    click(card, **sent)

    assert problem(card)[0] == field
    assert shown(card)["id"] == item["id"]
    click(card, {"type": "approve"})
    assert card.view["problem"] is None
    assert len(lines(sink)) == 1


def test_what_was_typed_outlives_a_wrong_answer(card: ReviewCard) -> None:
    """The draft stays until the case is decided; then it goes."""
    item = shown(card)
    draft = {"panel": "edit", "texts": [["", [["body", "half a sen"]]]]}
    card._handle_custom_msg({"type": "draft", "review": item["id"], "draft": draft}, [])

    click(card, {"type": "reject"})
    assert card.drafts == {item["id"]: draft}

    click(card, {"type": "approve"})
    assert card.drafts == {}


def test_a_second_click_decides_nothing(card: ReviewCard, sink: Path) -> None:
    """Not this case again, and not the one after it."""
    item = shown(card)
    click(card, {"type": "reject", "reason": "tone"}, item=item)

    click(card, {"type": "approve"}, item=item)

    assert card.view["notice"]["kind"] == "stale"
    assert len(card.view["records"]) == 1
    assert lines(sink) == []


def test_two_cards_of_one_thread_decide_once(sink: Path) -> None:
    """The one that came second is told who decided, and sees what stands there now."""
    graph = paused(sink)
    one, other = review_card(graph, "t1", by="ana"), review_card(graph, "t1", by="ben")
    click(one, {"type": "approve"})

    click(other, {"type": "reject", "reason": "tone"})

    assert "approve by ana" in other.view["notice"]["text"]
    assert other.view["cases"] == []
    assert len(lines(sink)) == 1


def test_two_clicks_at_the_same_time_run_the_graph_once(sink: Path) -> None:
    """The second is refused while the first one's run goes on."""
    graph = paused(sink)
    cards = [review_card(graph, "t1", by=name) for name in ("ana", "ben")]
    threads = [threading.Thread(target=click, args=(card, {"type": "approve"})) for card in cards]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(lines(sink)) == 1
    assert sorted(card.view["notice"] is None for card in cards) == [False, True]


def test_a_case_that_changed_meanwhile_is_shown_as_it_is_now(card: ReviewCard, sink: Path) -> None:
    """Somebody edited the state: what was shown can no longer be approved."""
    item = shown(card)
    graph = card.session.graph
    graph.update_state(T1, {"email": {"to": "ana@example.com", "body": "Other"}}, as_node="draft")
    graph.invoke(None, T1)

    click(card, {"type": "approve"}, item=item)

    assert card.view["notice"]["kind"] == "stale"
    [body] = [one["text"] for one in shown(card)["fields"] if one["name"] == "body"]
    assert body == "Other"
    assert lines(sink) == []


def test_looking_again_shows_what_happened_elsewhere(card: ReviewCard) -> None:
    """A page that is opened again asks how it stands."""
    graph, item = card.session.graph, shown(card)
    graph.invoke(Command(resume={item["id"]: {"type": "approve", "by": "ben"}}), T1)

    card._handle_custom_msg({"type": "look"}, [])

    assert card.view["cases"] == []
    assert card.view["records"][0]["by"] == "ben"


def test_a_graph_that_raises_is_reported_and_can_be_tried_again(sink: Path) -> None:
    """The decision stands; the error is shown, and "Try again" goes on from there."""
    missing = sink.parent / "not yet" / "sink"
    card = review_card(paused(missing), "t1", by="ana")

    click(card, {"type": "approve"})

    assert card.view["thread"]["standing"] == "stopped"
    assert "FileNotFoundError" in card.view["thread"]["error"]
    assert card.view["records"][0]["by"] == "ana"

    missing.parent.mkdir()
    card._handle_custom_msg({"type": "go_on"}, [])

    assert card.view["thread"]["standing"] == "finished"
    assert len(lines(missing)) == 1


def test_code_can_decide_as_well(card: ReviewCard, sink: Path) -> None:
    """The same card, without a page; what is wrong is raised."""
    with pytest.raises(AnswerError):
        card.decide(Edit({"nope": 1}))

    standing = card.decide(Approve(reason="fine")).standing

    assert standing == "finished"
    with pytest.raises(AnswerError, match="open are none"):
        card.decide(Approve())


async def test_code_in_a_notebooks_cell_can_decide(sink: Path) -> None:
    """A cell runs on a loop that runs: a plain call works there too, and so does `await`."""
    card = review_card(paused(sink), "t1", by="ana")

    card.decide(Reject(reason="tone"))
    await card.adecide(Approve())

    assert len(card.view["records"]) == 2


def test_code_that_comes_late_is_told_who_decided(sink: Path) -> None:
    """As the desk would say it."""
    graph = paused(sink)
    one, other = review_card(graph, "t1", by="ana"), review_card(graph, "t1", by="ben")
    one.decide(Approve())

    with pytest.raises(DecisionConflict, match="approve by ana"):
        other.decide(Approve())


@pytest.mark.parametrize(
    ("graph", "named", "field"),
    [
        (mail_graph(), "t1", "graph"),
        (mail_graph().compile(), "t1", "graph"),
        (mail_graph().compile(checkpointer=InMemorySaver()), {}, "thread"),
        (mail_graph().compile(checkpointer=InMemorySaver()), "", "thread"),
    ],
)
def test_what_cannot_be_shown_is_refused_at_once(graph: Any, named: Any, field: str) -> None:
    """A graph that is not compiled or keeps nothing, and a thread without a name."""
    with pytest.raises(DefinitionError) as caught:
        review_card(graph, named)

    assert caught.value.field == field


def test_a_thread_that_never_ran_says_so() -> None:
    """An empty card, not a broken one."""
    card = review_card(mail_graph().compile(checkpointer=InMemorySaver()), "nobody", by="ana")

    assert card.view["thread"]["words"] == "has not run yet"


def test_a_saved_notebook_shows_the_case_without_a_kernel(card: ReviewCard) -> None:
    """The widget, and beside it plain HTML and text of the same case."""
    bundle = card._repr_mimebundle_()
    assert bundle is not None
    data = bundle[0]

    assert "application/vnd.jupyter.widget-view+json" in data
    assert "Is this reply safe to send to the customer?" in data["text/html"]
    assert "Run the cell to decide." in data["text/html"]
    assert data["text/plain"].splitlines()[0] == "ReviewCard: thread t1 waits for a decision at reply"
    assert "<script" not in data["text/html"]


def test_typing_shows_the_diff_and_what_is_wrong(card: ReviewCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is decided; and it decides nothing."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(card, "send", sent.append)
    item = shown(card)
    for number, texts in enumerate(({"body": "Draft 2"}, {"nope": "x"})):
        message = {"type": "preview", "review": item["id"], "number": number, "texts": texts}
        card._handle_custom_msg(message, [])

    assert sent[0]["diffs"] == [["body", [["=", "Draft "], ["-", "1"], ["+", "2"]]]]
    assert sent[1]["problem"]["field"] == "changes.nope"
    assert card.view["records"] == []


@pytest.mark.parametrize("texts", [[["body", "\ud800"]], {"body": "\udfff"}])
def test_half_a_character_is_said_beside_its_field(
    card: ReviewCard, sink: Path, texts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some browsers send one: it is no error of the kernel."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(card, "send", sent.append)
    message = {"type": "preview", "review": shown(card)["id"], "number": 1, "texts": texts}
    card._handle_custom_msg(message, [])

    assert sent[0]["problem"]["field"] == "changes.body"
    assert "lone surrogate" in sent[0]["problem"]["text"]
    assert lines(sink) == []


@pytest.mark.parametrize("texts", [[["body"]], 5])
def test_what_is_no_form_is_said_and_nothing_else_happens(card: ReviewCard, sink: Path, texts: Any) -> None:
    message = {"type": "preview", "review": shown(card)["id"], "number": 1, "texts": texts}
    card._handle_custom_msg(message, [])

    assert card.view["notice"]["text"].startswith("It could not be read: ")
    assert len(card.view["cases"]) == 1
    assert lines(sink) == []


@pytest.mark.parametrize(
    "content", [None, "approve", {}, {"type": "decide"}, {"type": "preview"}, {"type": "draft"}]
)
def test_odd_messages_decide_nothing(card: ReviewCard, sink: Path, content: Any) -> None:
    """Whatever a page may send."""
    card._handle_custom_msg(content, [])

    assert len(card.view["cases"]) == 1
    assert lines(sink) == []


def test_the_card_loads_nothing_and_reads_nothing_as_html() -> None:
    """One module of plain code: no import, no address, no HTML made of text."""
    code = str(ReviewCard._esm) + str(ReviewCard._css)

    for word in (
        "innerHTML",
        "insertAdjacentHTML",
        "outerHTML",
        "import ",
        "import(",
        "http:",
        "https:",
        "eval(",
        "@import",
        "url(",
    ):
        assert word not in code


def test_the_schema_of_the_test_mail_is_used(card: ReviewCard) -> None:
    """The form's fields are the model's."""
    assert [one["name"] for one in shown(card)["form"]] == list(Email.model_fields)
