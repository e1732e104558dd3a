"""Deadlines at the terminal."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from hitl_graph import Level, Sla
from hitl_graph.cli.app import app
from hitl_graph.testing import FakeClock

from .waiting import ask, told


def hg(url: str, *args: str) -> Any:
    return CliRunner().invoke(app, list(args), env={"HITL_DATABASE_URL": url})


def test_what_is_to_come_is_listed(hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any) -> None:
    """Once somebody has planned it."""
    ask(hitl_checkpointer, Sla(9, remind=2, ladder=(Level(4, "leads"),)))

    done = hg(hitl_db_url, "deadlines", "--act", "--json")

    said = json.loads(done.stdout)
    assert [(one["kind"], one["at"]) for one in said["upcoming"]] == [
        ("escalate", "2026-01-05T13:00:00+00:00"),
        ("reminder", "2026-01-05T16:00:00+00:00"),
        ("expiry", "2026-01-05T18:00:00+00:00"),
    ]
    assert "expire" in hg(hitl_db_url, "deadlines").stdout


def test_what_is_due_is_done(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """By whoever asks for it."""
    ask(hitl_checkpointer, Sla(9, on_expiry="reject"))
    hitl_clock.advance(hours=9)

    done = hg(hitl_db_url, "deadlines", "--act")

    assert (done.exit_code, "Acted on 1 case." in done.stdout) == (0, True)
    assert told(hitl_desk)[-1] == "decided"


def test_a_case_is_acknowledged_by_its_first_characters(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """And the case is in the reply."""
    ask(hitl_checkpointer, Sla(9))
    [case] = hitl_desk.pending()

    done = hg(hitl_db_url, "acknowledge", case.id[:6], "--by", "lea", "--json")

    assert json.loads(done.stdout)["case"]["id"] == case.id
    assert told(hitl_desk)[-1] == "acknowledged"


def test_an_escalated_case_says_who_has_it_now(
    hitl_db_url: str, hitl_clock: FakeClock, hitl_checkpointer: Any, hitl_desk: Any
) -> None:
    """R32: beside who was asked first."""
    ask(hitl_checkpointer, Sla(9, ladder=(Level(4, "leads"),)))
    hitl_clock.advance(hours=4)
    hitl_desk.deadlines.act()
    [case] = hitl_desk.pending()

    shown = hg(hitl_db_url, "show", case.id).stdout

    assert "support, now with leads" in " ".join(shown.split())
