"""A time limit that cannot be kept is refused where it is written (R33, R35)."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph import BusinessHours, Level, Sla
from hitl_graph.errors import DefinitionError

from .waiting import OPTIONS, TAG, gate, mail

OFFICE = BusinessHours(zone="UTC")
CHOICE: dict[str, Any] = {"kind": "choose", "options": OPTIONS, "option_field": "body"}


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("hours", lambda: Sla(0)),
        ("hours", lambda: Sla(-1)),
        ("hours", lambda: Sla(float("nan"))),
        ("hours", lambda: Sla(float("inf"))),
        ("hours", lambda: Sla(1e300)),
        ("hours", lambda: Sla("soon")),
        ("hours", lambda: Sla(50_000, calendar=OFFICE)),
        ("remind.0", lambda: Sla(4, remind=(-1,))),
        ("remind.1", lambda: Sla(4, remind=(1, float("nan")))),
        ("remind", lambda: Sla(4, remind=4)),
        ("remind", lambda: Sla(4, remind=(1, 5))),
        ("ladder", lambda: Sla(4, ladder=(Level(4, "leads"),))),
        ("ladder", lambda: Sla(9, ladder=(Level(4, "leads"), Level(4, "managers")))),
        ("ladder", lambda: Sla(9, ladder=(Level(4, "leads"), Level(2, "managers")))),
        ("calendar", lambda: Sla(4, calendar="office")),
        ("on_expiry", lambda: Sla(4, on_expiry="explode")),
        ("to", lambda: Level(4, "")),
        ("to", lambda: Level(4, " ")),
        ("to", lambda: Level(4)),
        ("after_h", lambda: Level(0, "leads")),
        ("every_h", lambda: Level(4, "leads", repeat=2)),
        ("every_h", lambda: Level(4, "leads", repeat=2, every_h=0)),
        ("repeat", lambda: Level(4, "leads", repeat=-1)),
        ("ack_h", lambda: Level(4, "leads", ack_h=float("inf"))),
    ],
)
def test_the_error_names_the_field(field: str, make: Any) -> None:
    """Also where the value was given by its place."""
    with pytest.raises(DefinitionError) as caught:
        make()

    assert caught.value.field == field


def test_reminders_may_be_one_number_in_any_order() -> None:
    """They stand in the request as they fall due."""
    assert (Sla(9, remind=2).remind, Sla(9, remind=(1, 4, 1)).remind) == ((2,), (4, 1))


def refused(**fields: Any) -> str:
    with pytest.raises(DefinitionError) as caught:
        gate(**fields)
    return caught.value.field


@pytest.mark.parametrize("default", [None, "", "later"])
def test_a_safe_default_is_an_option_or_a_rejection(default: str | None) -> None:
    """R35: expiry takes a decision that a person could have taken."""
    assert refused(sla=Sla(4, on_expiry="safe_default", default=default), **CHOICE) == "sla.default"


def test_expiry_decides_only_what_the_gate_allows() -> None:
    """A rejection that leads nowhere would not be taken."""
    assert refused(sla=Sla(4, on_expiry="reject"), allowed=("approve", "take_over")) == "sla.on_expiry"


def test_a_default_that_lets_an_irreversible_act_happen_is_refused_in_the_graph() -> None:
    """I7: a choice that leads to the act approves it."""
    sla = Sla(4, on_expiry="safe_default", default="close")
    with pytest.raises(DefinitionError) as caught:
        mail(sla, **CHOICE)

    assert caught.value.field == "sla.default"


@pytest.mark.parametrize(
    "fields", [{"leads": {"close": "__end__"}}, {"action": TAG, "consequence": "Tags it."}]
)
def test_a_default_that_leads_elsewhere_or_can_be_undone_is_taken(fields: dict[str, Any]) -> None:
    """R35."""
    sla = Sla(4, on_expiry="safe_default", default="close")

    assert mail(sla, **CHOICE, **fields).compile(checkpointer=InMemorySaver()) is not None
