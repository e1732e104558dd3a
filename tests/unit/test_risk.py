"""Action classes and their risk sheet: what kind of act it is sets the bar (R1, R10, R15, R62)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import pytest

from hitl_graph.errors import DefinitionError
from hitl_graph.risk import ActionClass, Audience, Risk, Touch

GRAVE = ("money", "access", "legal", "safety")
LIGHT = ("reputation", "trust")


def act(**changes: Any) -> ActionClass:
    """A reversible, internal act that touches nothing, unless said otherwise."""
    return ActionClass(**{"name": "act", "reversible": True, **changes})


def test_reversibility_has_to_be_said() -> None:
    """R1: an action class without its reversibility cannot be made."""
    with pytest.raises(TypeError, match="reversible"):
        ActionClass("act")


@pytest.mark.parametrize("word", [None, 0, 1, "yes", "irreversible"])
def test_reversibility_is_true_or_false(word: object) -> None:
    """R1: a word that happens to be truthy does not make an act reversible."""
    with pytest.raises(DefinitionError) as caught:
        act(reversible=word)
    assert caught.value.field == "reversible"


@pytest.mark.parametrize("name", ["", "  ", None, 7])
def test_an_action_class_has_a_name(name: object) -> None:
    """R1: decisions are counted by the name of their action class."""
    with pytest.raises(DefinitionError) as caught:
        act(name=name)
    assert caught.value.field == "name"


@pytest.mark.parametrize("audience", ["everybody", "Customer", "", None])
def test_an_unknown_audience_is_refused(audience: object) -> None:
    """R15: who sees it is one of four words."""
    with pytest.raises(DefinitionError) as caught:
        act(audience=audience)
    assert caught.value.field == "audience"


@pytest.mark.parametrize("touches", [{"privacy"}, ["money", "Trust"], "reputations"])
def test_an_unknown_touch_is_refused_by_name(touches: Any) -> None:
    """R15: a misspelt harm would silently lower the bar."""
    with pytest.raises(DefinitionError, match="privacy|Trust|reputations") as caught:
        act(touches=touches)
    assert caught.value.field == "touches"


def test_one_touch_may_be_given_as_a_word() -> None:
    """R15: a bare "money" means money, not its letters."""
    assert act(touches="money").touches == {"money"}


@pytest.mark.parametrize("audience", ["nobody", "internal"])
def test_a_reversible_inner_act_is_low(audience: Audience) -> None:
    """R10: remind, tag, deduplicate and route are low."""
    assert act(audience=audience).risk is Risk.LOW


@pytest.mark.parametrize("touch", LIGHT)
def test_a_light_touch_on_a_reversible_inner_act_stays_low(touch: Touch) -> None:
    """R10: what stays inside and can be taken back does not reach the customer's trust."""
    assert act(touches={touch}).risk is Risk.LOW


@pytest.mark.parametrize("audience", ["customer", "public"])
def test_what_somebody_outside_sees_is_at_least_medium(audience: Audience) -> None:
    """R10: even when it can be taken back."""
    assert act(audience=audience).risk is Risk.MEDIUM


@pytest.mark.parametrize("touch", GRAVE)
def test_a_grave_touch_is_at_least_medium(touch: Touch) -> None:
    """R10, R15: money, access, legal status and safety raise the bar of what can be taken back."""
    assert act(touches={touch}).risk is Risk.MEDIUM


@pytest.mark.parametrize("audience", ["nobody", "internal", "customer"])
def test_what_cannot_be_taken_back_is_at_least_medium(audience: Audience) -> None:
    """R1, R10: irreversible is never low."""
    assert act(reversible=False, audience=audience).risk is Risk.MEDIUM


@pytest.mark.parametrize("touch", GRAVE)
@pytest.mark.parametrize("audience", get_args(Audience))
def test_an_irreversible_grave_act_is_high(touch: Touch, audience: Audience) -> None:
    """R10: legal claims, entitlements and money are high, whoever sees them."""
    assert act(reversible=False, audience=audience, touches={touch}).risk is Risk.HIGH


def test_irreversible_and_public_is_high() -> None:
    """R10: publishing under a name is high."""
    assert act(reversible=False, audience="public").risk is Risk.HIGH


def test_a_regulated_act_is_high_whatever_else_is_said() -> None:
    """R62: what a regulation demands a person for has the highest bar."""
    assert act(regulated=True, audience="nobody").risk is Risk.HIGH


def test_the_sheet_answers_every_question_of_the_risk_sheet() -> None:
    """R15: if wrong, undone, seen by, touching what, noticed, auditable."""
    sheet = act(
        audience="customer",
        touches={"trust", "money"},
        if_wrong="The customer pays twice.",
        noticed_quickly=True,
        auditable=True,
        amount="total",
    ).sheet()
    assert sheet == {
        "name": "act",
        "reversible": True,
        "audience": "customer",
        "touches": ["money", "trust"],
        "if_wrong": "The customer pays twice.",
        "noticed_quickly": True,
        "auditable": True,
        "regulated": False,
        "amount": "total",
        "risk": "medium",
    }


def test_every_field_of_an_action_class_is_on_its_sheet() -> None:
    """R15: a field that is added later does not stay hidden from the reviewer."""
    assert {f.name for f in dataclasses.fields(ActionClass) if f.name != "_"} <= set(act().sheet())


def test_the_sheet_is_the_same_whatever_order_the_touches_came_in() -> None:
    """The sheet is part of the digest, so two equal classes show the same sheet."""
    one, other = act(touches=["money", "legal", "trust"]), act(touches=["trust", "legal", "money"])
    assert json.dumps(one.sheet()) == json.dumps(other.sheet())


def test_an_action_class_cannot_be_changed() -> None:
    """R1: an act does not become reversible after its gate was built."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        act().reversible = False


def test_equal_action_classes_are_equal_and_hashable() -> None:
    """Two gates may declare the same act in two modules."""
    assert len({act(touches=["money"]), act(touches={"money"})}) == 1
