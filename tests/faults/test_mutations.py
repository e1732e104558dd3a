"""Each guard is taken out, and the checker complains then and only then: the tests would notice its loss."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph.desk import acting, runs

from . import witnesses

Scene = Callable[[str, Path], list[str]]
Mutation = Callable[[str], contextlib.AbstractContextManager[None]]


def without(statements: dict[str, Any], name: str, *texts: str) -> Mutation:
    """The named statement without these conditions."""

    @contextlib.contextmanager
    def mutated(url: str) -> Iterator[None]:
        before = statements[name]
        text = before.as_string() if hasattr(before, "as_string") else str(before)
        for condition in texts:
            assert condition in text, f"{name} says it in other words: {text}"
            text = text.replace(condition, "true")
        statements[name] = psycopg.sql.SQL(text) if hasattr(before, "as_string") else type(before)(text)
        try:
            yield
        finally:
            statements[name] = before

    return mutated


def with_function(text: str) -> Mutation:
    """A function of the database's replaced by one that guards nothing."""

    @contextlib.contextmanager
    def mutated(url: str) -> Iterator[None]:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(text)  # type: ignore[arg-type]
        yield

    return mutated


NO_FENCE = """
CREATE OR REPLACE FUNCTION hitl.check_fence(thread text, fence bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN END $$
"""
NO_LEDGER = """
CREATE FUNCTION hitl.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER forget BEFORE INSERT ON hitl.effects FOR EACH ROW EXECUTE FUNCTION hitl.forget()
"""
MUTATIONS: dict[str, tuple[Scene, Mutation]] = {
    "compare-and-set of decide": (
        witnesses.decided_in_between,
        without(acting.SQL, "decide", "status = 'pending' AND digest = %(digest)s"),
    ),
    "compare-and-set of undo": (
        witnesses.undone_in_between,
        without(acting.SQL, "undo", "d.dispatched_at IS NULL"),
    ),
    "lease of a run": (
        witnesses.two_workers,
        without(runs.SQL, "acquire_run", "u.holder IS NULL"),
    ),
    "fence": (witnesses.late_writer, with_function(NO_FENCE)),
    "ledger": (witnesses.killed_after_the_act, with_function(NO_LEDGER)),
}


@pytest.mark.parametrize("guard", MUTATIONS)
def test_with_the_guard_the_checker_is_content(guard: str, db_url: str, tmp_path: Path) -> None:
    """The scene that the guard is there for ends well."""
    scene, _ = MUTATIONS[guard]

    assert scene(db_url, tmp_path) == []


@pytest.mark.parametrize("guard", MUTATIONS)
def test_without_the_guard_the_checker_complains(guard: str, db_url: str, tmp_path: Path) -> None:
    """The same scene without it ends in a complaint."""
    scene, mutation = MUTATIONS[guard]

    with mutation(db_url):
        complaints = scene(db_url, tmp_path)

    assert complaints != []
