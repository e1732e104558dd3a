"""`GateMiddleware`: which calls are asked about, which are refused unasked, and what it is made with."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from hitl_graph import ActionClass, AuditSample, ConfidenceGate, Owner, Thresholds
from hitl_graph.agents import GateMiddleware
from hitl_graph.errors import DefinitionError
from tests.agents.mailing import MAIL, Mailing, kinds, mail_gate, pay_gate
from tests.support.fake_model import call, calls


def test_a_tool_without_a_gate_runs_without_a_question() -> None:
    """Only what matches is asked about."""
    mailing = Mailing(call("look", "l1", question="who"), "Found.")

    out = mailing.ask()

    assert mailing.done == [("look", "who")]
    assert "__interrupt__" not in out


def test_ungated_calls_of_the_same_turn_wait_and_run_once() -> None:
    """What needs no gate waits for the turn to be decided, and is not run twice."""
    mailing = Mailing(calls(MAIL, call("look", "l1", question="who")), "Done.")
    mailing.ask()
    before = list(mailing.done)

    mailing.answer(m1="approve")

    assert before == []
    assert mailing.done.count(("look", "who")) == 1


@pytest.mark.parametrize(
    "matcher", ["send_email", "send_*", lambda one, state: one["name"].startswith("send")]
)
def test_a_gate_is_found_by_name_glob_or_predicate(matcher: Any) -> None:
    """The three kinds of matcher lead to the same question."""
    mailing = Mailing(MAIL, gates=[(matcher, mail_gate())])

    assert len(mailing.ask()["__interrupt__"]) == 1


def test_the_first_match_decides() -> None:
    """Of two matchers for a call, the one that stands first has its gate asked."""
    mailing = Mailing(
        call("pay", "p1", amount=3), gates=[("pay", pay_gate()), ("*", mail_gate(consequence="Acts."))]
    )

    [one] = mailing.ask()["__interrupt__"]

    assert one.value["gate"] == "payment"


def test_a_predicate_sees_the_call_and_the_state() -> None:
    """A predicate lets small sums run alone."""

    def large(one: Any, state: Any) -> bool:
        return bool(one["name"] == "pay" and one["args"]["amount"] > 100 and state["messages"])

    mailing = Mailing(
        calls(call("pay", "p1", amount=5), call("pay", "p2", amount=500)), gates=[(large, pay_gate())]
    )

    mailing.ask()

    assert list(mailing.open()) == ["p2"]


def test_a_predicate_that_changes_its_mind_does_not_undo_a_rejection() -> None:
    """What needs a person is settled before anybody is asked: a later look cannot let a rejected call run."""
    answers = iter([True, False, False, False])
    mailing = Mailing(MAIL, "Well.", gates=[(lambda one, state: next(answers, False), mail_gate())])
    mailing.ask()

    mailing.answer(m1="reject")

    assert mailing.done == []
    assert mailing.told("m1").status == "error"


def test_a_tool_that_the_model_made_up_is_no_case() -> None:
    """Nobody is asked about a tool that does not exist; the model is told so."""
    mailing = Mailing(call("send_pigeon", "x1", to="ann"), "Sorry.", gates={"send_*": mail_gate()})

    out = mailing.ask()

    assert "__interrupt__" not in out
    assert "not a valid tool" in str(mailing.told("x1").content)


def test_arguments_that_the_tool_refuses_are_no_case() -> None:
    """Nobody is asked about a call that cannot run; the model is told what is wrong."""
    mailing = Mailing(call("send_email", "m1", to="ann@example.com"), "Sorry.")

    out = mailing.ask()

    assert "__interrupt__" not in out
    assert "body" in str(mailing.told("m1").content)
    assert mailing.done == []


def test_numbers_written_as_text_are_shown_and_run_as_numbers() -> None:
    """What the person sees is what the tool will take."""
    mailing = Mailing(call("pay", "p1", amount="3"), "Paid.")
    mailing.ask()

    shown = mailing.open()["p1"].value["proposal"]
    mailing.answer(p1="approve")

    assert shown == {"amount": 3}
    assert mailing.done == [("pay", 3)]


def test_two_calls_under_one_id_are_both_refused() -> None:
    """Calls that cannot be told apart are not run and not asked about."""
    mailing = Mailing(calls(MAIL, call("send_email", "m1", to="bob@example.com", body="Hi")), "Sorry.")

    out = mailing.ask()

    assert "__interrupt__" not in out
    assert mailing.done == []
    assert kinds(out["messages"]) == ["human", "ai", "tool", "tool", "ai"]


def test_a_call_without_an_id_is_an_error() -> None:
    """A call that could never be answered stops the run with a clear error."""
    mailing = Mailing(AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": 1}, "id": None}]))

    with pytest.raises(Exception, match="no id"):
        mailing.ask()


def confident(score: float) -> ConfidenceGate:
    fields = {
        name: getattr(pay_gate(), name) for name in ("name", "action", "proposal", "question", "evidence")
    }
    return ConfidenceGate(
        **fields,
        consequence="Pays {amount}.",
        owner=Owner("finance"),
        score=lambda s: score,
        thresholds=Thresholds({"pay": {"*": 0.9}}),
        segment=lambda s: "any",
        audit=AuditSample(0.0),
        unattended="Sums up to 10 are paid without a person.",
    )


def test_a_gate_that_lets_pass_is_on_record_as_the_policys() -> None:
    """What ran without a person has its policy's owner to answer for it."""
    mailing = Mailing(call("pay", "p1", amount=3), "Paid.", gates={"pay": confident(0.95)})

    out = mailing.ask()

    assert mailing.done == [("pay", 3)]
    assert out["effects"][0]["by"] == "policy of finance"
    assert out["judgements"]["payment"]["outcome"] == "proceed"


def test_a_gate_that_measures_asks_when_it_is_unsure_and_measures_once() -> None:
    """The score is measured before the pause and not again after it."""
    scores = iter([0.2, 0.99, 0.99])
    gate = confident(0)
    object.__setattr__(gate, "score", lambda s: next(scores))
    mailing = Mailing(call("pay", "p1", amount=3), "Paid.", gates={"pay": gate})
    mailing.ask()

    assert "0.20" in mailing.open()["p1"].value["why"][0]["text"]
    mailing.answer(p1="approve")

    assert mailing.done == [("pay", 3)]
    assert next(scores) == 0.99


def test_strict_asks_whatever_the_policy_says() -> None:
    """With `strict` a confident gate asks as well."""
    mailing = Mailing(call("pay", "p1", amount=3), gates={"pay": confident(0.95)}, strict=True)

    assert len(mailing.ask()["__interrupt__"]) == 1


@pytest.mark.parametrize(
    ("gates", "field"),
    [
        ({}, "gates"),
        ({"send_email": "yes"}, "gates"),
        ({3: mail_gate()}, "gates"),
        ([("a", mail_gate()), ("b", mail_gate())], "name"),
    ],
)
def test_what_is_no_gate_is_refused_at_once(gates: Any, field: str) -> None:
    """A wrong definition is an error before any agent is made."""
    with pytest.raises(DefinitionError) as raised:
        GateMiddleware(gates)

    assert raised.value.field == field


def test_an_irreversible_tool_must_not_pass_without_a_reason() -> None:
    """A gate that may let an act pass that cannot be undone must say why."""
    gate = confident(0.95)
    object.__setattr__(gate, "unattended", "")

    with pytest.raises(DefinitionError, match="unattended"):
        GateMiddleware({"pay": gate})


def test_a_consequence_that_names_no_argument_of_the_tool_is_refused_before_the_model_is_asked() -> None:
    """A gate that does not fit its tool is an error at the first run, not in front of a person."""
    gate = pay_gate(consequence="Pays {sum}.", action=ActionClass("pay", reversible=False))
    mailing = Mailing("Hello.", gates={"pay": gate})

    with pytest.raises(DefinitionError, match="sum"):
        mailing.ask()

    assert mailing.model.sent == []
