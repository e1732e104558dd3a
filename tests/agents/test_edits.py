"""Edits: checked against the tool that would take them, judged again, and told to the model."""

from typing import Any

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel, field_validator

from hitl_graph import ActionClass, ReviewBeforeSend
from hitl_graph.agents import GateMiddleware
from hitl_graph.errors import DefinitionError
from tests.agents.mailing import MAIL, PAY, Mailing, mail_gate, pay_gate
from tests.support.fake_model import ScriptedModel, call, calls


def edit(**changes: Any) -> dict[str, Any]:
    return {"type": "edit", "changes": changes, "by": "ana"}


def switch(tool_name: str, **args: Any) -> dict[str, Any]:
    return {"type": "edit", "tool": tool_name, "changes": args, "by": "ana"}


def test_an_edited_call_runs_as_edited() -> None:
    """The tool gets the new arguments; the record keeps both versions."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    out = mailing.answer(m1=edit(body="Dear Ann"))

    assert mailing.done == [("send_email", "ann@example.com", "Dear Ann")]
    [record] = out["reviews"]
    assert (record["proposed"]["body"], record["final"]["body"]) == ("Hello", "Dear Ann")


def test_the_model_is_told_of_the_edit() -> None:
    """The result says that a person changed the call, what ran, and that the original should not be repeated."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    mailing.answer(m1=edit(body="Dear Ann"))

    words = str(mailing.told("m1").content)
    assert all(
        part in words for part in ("ana changed this call", "Dear Ann", "Do not repeat", "sent to ann")
    )


def test_an_optional_argument_that_the_model_left_out_can_be_added() -> None:
    """The form is the tool's, not only what the model filled in."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    out = mailing.answer(m1=edit(copies="2"))

    assert out["reviews"][0]["final"]["copies"] == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"body": 3}, "changes.body"),
        ({"copies": "many"}, "changes.copies"),
        ({"cc": "x@example.com"}, "changes.cc"),
    ],
)
def test_an_edit_that_the_tool_does_not_take_is_refused_and_the_case_stays_open(
    changes: dict[str, Any], field: str
) -> None:
    """Wrong types and unknown arguments are errors that name the field."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    with pytest.raises(ValueError, match=field):
        mailing.answer(m1=edit(**changes))
    mailing.answer(m1="approve")

    assert mailing.done == [("send_email", "ann@example.com", "Hello")]


def test_a_validator_of_the_tool_is_asked_about_an_edit() -> None:
    """What the tool's own model refuses is refused while the person can still change it."""

    class Order(BaseModel):
        """An order."""

        item: str

        @field_validator("item")
        @classmethod
        def known(cls, value: str) -> str:
            if value not in ("cup", "plate"):
                raise ValueError("is in no catalogue")
            return value

    ran: list[str] = []

    @tool(args_schema=Order)
    def order(item: str) -> str:
        """Order something."""
        ran.append(item)
        return "ordered"

    mailing = Mailing(
        call("order", "o1", item="cup"),
        "Done.",
        tools=[order],
        gates={"order": mail_gate(consequence="Orders.")},
    )
    mailing.ask()

    with pytest.raises(ValueError, match="catalogue"):
        mailing.answer(o1=edit(item="moon"))
    mailing.answer(o1=edit(item="plate"))

    assert ran == ["plate"]


def test_an_edit_of_who_gets_it_is_a_case_of_its_own() -> None:
    """Another recipient makes another act of it: it is looked at once more before it runs."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    mailing.answer(m1=edit(to="bob@example.com"))
    again = mailing.open()["m1"].value["proposal"]
    assert mailing.done == []
    mailing.answer(m1="approve")

    assert again["to"] == "bob@example.com"
    assert mailing.done == [("send_email", "bob@example.com", "Hello")]
    assert [record["outcome"] for record in mailing.values["reviews"]] == ["judged_again", "approved"]


def test_an_edit_cannot_name_another_tool_unless_it_was_said_before() -> None:
    """Without `edit_to` only arguments can be edited."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    with pytest.raises(ValueError, match="pay"):
        mailing.answer(m1=switch("pay", amount=3))

    assert mailing.done == []


def test_an_edit_may_name_a_tool_that_needs_no_gate() -> None:
    """The call is made with the other tool; the one of the model does not run."""
    mailing = Mailing(MAIL, "Saved.", edit_to={"send_email": ["save_draft"]})
    mailing.ask()

    out = mailing.answer(m1=switch("save_draft", to="ann@example.com", body="Later"))

    assert mailing.done == [("save_draft", "ann@example.com", "Later")]
    assert (out["reviews"][-1]["outcome"], out["reviews"][-1]["final_tool"]) == ("approved", "save_draft")
    assert mailing.told("m1").name == "save_draft"


def test_an_edit_to_another_tool_is_judged_by_that_tools_gate() -> None:
    """The target's own gate asks its own owner; approving there runs it."""
    mailing = Mailing(MAIL, "Paid.", edit_to={"send_email": ["pay"]})
    mailing.ask()

    mailing.answer(m1=switch("pay", amount=3))
    second = mailing.open()["m1"].value
    assert mailing.done == []
    mailing.answer(m1="approve")

    assert (second["gate"], second["owner"]["group"], second["tool_call"]["name"]) == (
        "payment",
        "finance",
        "pay",
    )
    assert mailing.done == [("pay", 3)]


def test_a_call_moved_to_another_tool_can_be_rejected_there() -> None:
    """The second gate's no is final: neither tool runs."""
    mailing = Mailing(MAIL, "Well.", edit_to={"send_email": ["pay"]})
    mailing.ask()
    mailing.answer(m1=switch("pay", amount=3))

    mailing.answer(m1="reject")

    assert mailing.done == []
    assert mailing.told("m1").status == "error"


def test_arguments_for_another_tool_are_checked_against_that_tool() -> None:
    """The other tool's schema stands in the case, and what does not fit it is refused."""
    mailing = Mailing(MAIL, "Saved.", edit_to={"send_email": ["save_draft"]})
    mailing.ask()

    assert "save_draft" in mailing.open()["m1"].value["other_tools"]
    with pytest.raises(ValueError, match="body"):
        mailing.answer(m1=switch("save_draft", to="ann@example.com"))


def test_an_edit_that_another_predicate_matches_goes_to_that_gate() -> None:
    """Who may approve 5 may not approve 5000 by editing: the edited call is matched again."""

    def large(one: Any, state: Any) -> bool:
        return bool(one["name"] == "pay" and one["args"]["amount"] > 100)

    boss: ReviewBeforeSend = pay_gate(name="large_payment")
    mailing = Mailing(call("pay", "p1", amount=5), "Paid.", gates=[(large, boss), ("pay", pay_gate())])
    mailing.ask()

    mailing.answer(p1=edit(amount=5000))
    second = mailing.open()["p1"].value["gate"]
    assert mailing.done == []
    mailing.answer(p1="approve")

    assert second == "large_payment"
    assert mailing.done == [("pay", 5000)]


def test_one_edit_and_one_rejection_of_the_same_turn_stay_apart() -> None:
    """The model reads of each call what came of that call."""
    mailing = Mailing(calls(MAIL, call("pay", "p1", amount=3)), "Done.")
    mailing.ask()

    mailing.answer(m1="reject", p1=edit(amount=2))

    assert mailing.done == [("pay", 2)]
    assert "rejected" in str(mailing.told("m1").content)
    assert "changed this call" in str(mailing.told("p1").content)


def test_the_result_of_an_approved_call_says_nothing_of_an_edit() -> None:
    """An unchanged call's result is the tool's own."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    mailing.answer(m1="approve")

    assert mailing.told("m1").content == "sent to ann@example.com"


def test_one_action_class_for_two_tools_does_not_mix_them_up() -> None:
    """The digest of an approval covers the tool's name."""
    gate = pay_gate(action=ActionClass("act", reversible=False), consequence="Acts.")
    mailing = Mailing(call("pay", "p1", amount=3), "Done.", gates={"*": gate})
    mailing.ask()

    out = mailing.answer(p1="approve")

    assert out["reviews"][0]["tool_call"]["name"] == "pay"
    assert PAY.name == "pay"


def test_an_unknown_shape_or_limit_is_refused() -> None:
    """Parameters that mean nothing are errors at once."""
    with pytest.raises(DefinitionError, match="max_repeats"):
        GateMiddleware({"pay": pay_gate()}, max_repeats=-1)
    assert ScriptedModel().script == []
