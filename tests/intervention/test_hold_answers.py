"""What a hold says when it is put: whether anything goes by its name, and what may still act."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.errors import AnswerError
from tests.intervention.acting import Gateway, named, one_act, paused_mail, running


@pytest.mark.parametrize(
    ("scope", "value", "says"),
    [
        ("workflow", "mial", "is it 'mail'?"),
        ("workflow", " Mail", "is it 'mail'?"),
        ("action", "send-email", "is it 'send_email'?"),
        ("action", "zzz", "look whether it is spelled so"),
        ("thread", "nope", "look whether it is spelled so"),
        ("workflow", "mail", ""),
        ("action", "send_email", ""),
        ("thread", "t", ""),
        ("tenant", "", ""),
    ],
)
def test_a_hold_of_a_name_that_nothing_goes_by_says_so(
    db_url: str, sink: Path, scope: str, value: str, says: str
) -> None:
    """R4: a kill switch that is misspelled holds nothing, and is not taken without a word."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        paused_mail(checkpointer, sink)

        hold = desk.holds.stop(scope, value, by="ana", reason="spam")

        assert hold.standing
        assert hold.warning.endswith(says)
        assert bool(hold.warning) is bool(says)


def test_a_hold_of_everything_names_no_other_tenant(db_url: str) -> None:
    """I11: the switch of one tenant is not thrown by the name of another; its own name is everything."""
    with Desk(db_url, tenant="a") as desk:
        with pytest.raises(AnswerError, match="this desk holds tenant 'a'"):
            desk.holds.pause("tenant", "b", by="ana", reason="fire")
        assert desk.holds.list() == []

        assert desk.holds.pause("tenant", "a", by="ana", reason="fire").value == ""


def test_an_act_that_lost_the_database_is_named_as_under_way(db_url: str) -> None:
    """R4: it may act all the same, so nobody is told that nothing does; and nobody waits for what cannot be known."""
    act = Gateway()
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = one_act(act).compile(checkpointer=checkpointer)
        with running(lambda: graph.invoke({}, named("t", "tags"))) as run:
            assert act.acting.wait(10)
            with psycopg.connect(db_url, autocommit=True) as conn:
                conn.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks "
                    "WHERE locktype = 'advisory' AND objsubid = 1 AND pid <> pg_backend_pid() "
                    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )

            hold = desk.holds.pause("action", "tag", by="ana", reason="wrong tags", wait_s=3600)
            acted = act.acts
            act.go_on.set()
            run.exception(30)

        assert (acted, len(hold.under_way)) == (0, 1)


@pytest.mark.parametrize("wait_s", [float("nan"), -1, "1", True, None])
def test_how_long_to_wait_is_a_number_of_seconds(db_url: str, wait_s: object) -> None:
    """The error names the field, and nothing is held."""
    with Desk(db_url) as desk:
        with pytest.raises(AnswerError) as refusal:
            desk.holds.pause("tenant", by="ana", reason="fire", wait_s=wait_s)

        assert refusal.value.field == "wait_s"
        assert desk.holds.list() == []
