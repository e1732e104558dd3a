"""A fake clock: graphs, savers and the desk show the time that the test has set."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph import Approve, Sla, open_checkpointer
from hitl_graph.storage import migrate
from hitl_graph.testing import FakeClock, ScriptedReviewer

from .graphs import mail, reply

LIBRARY = Path(migrate.__file__).parents[1]
CONFIG: Any = {"configurable": {"thread_id": "t"}}
NINE = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)


def hours(count: float) -> dt.timedelta:
    return dt.timedelta(hours=count)


def test_it_stands_still_until_it_is_moved() -> None:
    """Nothing in a test depends on how long the test takes."""
    with FakeClock() as clock:
        before = clock.now()
        clock.advance(hours=1, minutes=30)

    assert (before, clock.now()) == (NINE, NINE + hours(1.5))


def test_records_and_effects_of_a_graph_carry_its_time() -> None:
    """Also where no database is."""
    graph = mail().compile(checkpointer=InMemorySaver())
    with FakeClock() as clock:
        graph.invoke({}, CONFIG)
        clock.advance(hours=2)
        values = ScriptedReviewer(Approve()).review(graph, "t")

    assert [entry["at"] for entry in (*values["reviews"], *values["effects"])] == [
        (NINE + hours(2)).isoformat()
    ] * 2


def test_time_is_real_again_afterwards() -> None:
    """The clock leaves nothing behind."""
    graph = mail().compile(checkpointer=InMemorySaver())
    with FakeClock():
        graph.invoke({}, CONFIG)

    before = dt.datetime.now(dt.UTC)
    values = ScriptedReviewer(Approve()).review(graph, "t")

    assert dt.datetime.fromisoformat(values["reviews"][0]["at"]) >= before


def test_a_case_is_asked_at_the_clocks_time(
    hitl_checkpointer: Any, hitl_desk: Any, hitl_clock: FakeClock
) -> None:
    """The default of a column is bound when the table is made; it follows all the same."""
    mail().compile(checkpointer=hitl_checkpointer).invoke({}, CONFIG)

    [case] = hitl_desk.pending()
    assert case.asked_at == hitl_clock.now()


def test_a_case_ages_with_the_clock(hitl_desk: Any, hitl_checkpointer: Any, hitl_clock: FakeClock) -> None:
    """`waited_s` is what the test has moved on by, whatever order the fixtures stand in."""
    mail().compile(checkpointer=hitl_checkpointer).invoke({}, CONFIG)

    hitl_clock.advance(hours=5)

    assert [case.waited_s for case in hitl_desk.pending()] == [5 * 3600]


def test_a_deadline_is_counted_from_the_clock(
    hitl_checkpointer: Any, hitl_desk: Any, hitl_clock: FakeClock
) -> None:
    """`due_at` is the SLA after the pause."""
    mail(reply(sla=Sla(hours=4))).compile(checkpointer=hitl_checkpointer).invoke({}, CONFIG)

    [case] = hitl_desk.pending()
    assert case.due_at == hitl_clock.now() + hours(4)


def test_a_decision_and_its_history_carry_the_clocks_time(
    hitl_checkpointer: Any, hitl_desk: Any, hitl_clock: FakeClock
) -> None:
    """Row, audit events and the record in the state."""
    graph = mail().compile(checkpointer=hitl_checkpointer)
    graph.invoke({}, CONFIG)
    hitl_clock.advance(hours=1)

    values = ScriptedReviewer(Approve()).review(graph, "t", desk=hitl_desk)

    [case] = hitl_desk.cases()
    record = values["reviews"][0]
    assert case.decided_at == case.closed_at == dt.datetime.fromisoformat(record["at"]) == NINE + hours(1)
    assert record["waited_s"] == 3600
    asked, *later = [event["at"] - NINE for event in hitl_desk.history(case.id)]
    assert asked == hours(0)
    assert set(later) == {hours(1)}


async def test_async_savers_and_desks_follow_it(
    hitl_async_checkpointer: Any, hitl_async_desk: Any, hitl_clock: FakeClock
) -> None:
    """The same database."""
    await mail().compile(checkpointer=hitl_async_checkpointer).ainvoke({}, CONFIG)

    hitl_clock.advance(hours=1)

    assert [case.waited_s for case in await hitl_async_desk.pending()] == [3600]


def test_other_processes_on_the_database_follow_it(
    hitl_checkpointer: Any, hitl_clock: FakeClock, hitl_default_database: str
) -> None:
    """The command line shows the age that the test has set."""
    mail().compile(checkpointer=hitl_checkpointer).invoke({}, CONFIG)
    hitl_clock.advance(hours=30)

    done = subprocess.run(
        [sys.executable, "-m", "hitl_graph", "list", "--json"],
        env={**os.environ, "HITL_DATABASE_URL": hitl_default_database},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f'"waited_s": {30 * 3600}' in done.stdout


def test_a_time_may_be_set() -> None:
    """Earlier ones too."""
    with FakeClock() as clock:
        clock.set(NINE - hours(24))

    assert clock.now() == NINE - hours(24)


def test_a_time_without_a_zone_is_refused() -> None:
    """It would mean another moment on another machine."""
    with pytest.raises(ValueError, match="has no zone"):
        FakeClock(start=dt.datetime(2026, 1, 5))  # noqa: DTZ001  # without a zone, on purpose


def test_a_clock_that_comes_too_late_is_refused(hitl_db_url: str) -> None:
    """An open connection would go on with the real time."""
    with (
        psycopg.connect(hitl_db_url),
        pytest.raises(RuntimeError, match="open the clock before savers and desks"),
        FakeClock(hitl_db_url),
    ):
        pass


def test_a_database_with_cases_is_refused(hitl_db_url: str) -> None:
    """It may be somebody's own."""
    with open_checkpointer(hitl_db_url) as saver:
        mail().compile(checkpointer=saver).invoke({}, CONFIG)

    with pytest.raises(RuntimeError, match="holds cases"), FakeClock(hitl_db_url):
        pass


def test_the_database_is_left_as_it_was(hitl_db_url: str) -> None:
    """Time, defaults and search path."""
    query = """
        SELECT (SELECT array_agg(adrelid::regclass || ' ' || adnum || pg_get_expr(adbin, adrelid)
                                 ORDER BY adrelid, adnum) FROM pg_attrdef),
               current_setting('search_path'), to_regprocedure('public.now()'), to_regclass('public.hitl_fake_clock')
    """

    def look() -> Any:
        with psycopg.connect(hitl_db_url) as conn:
            return conn.execute(query).fetchone()

    before = look()
    with FakeClock(hitl_db_url):
        during = look()

    assert look() == before != during


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.sql")), ids=lambda path: path.name)
def test_all_sql_asks_one_function_for_the_time(path: Path) -> None:
    """`now()`, which a test's database can replace."""
    sql = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))

    other = r"pg_catalog\.now|\b(clock|statement|transaction)_timestamp\b|\bcurrent_(timestamp|date|time)\b|\blocaltime"
    assert re.findall(other, sql, re.IGNORECASE) == []
