"""Each guard is taken out, and the checker complains then and only then: the tests would notice its loss."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest

from hitl_graph.desk import acting, ownership, runs
from hitl_graph.nodes import question

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
            conn.execute(text)
        yield

    return mutated


def both(first: Mutation, second: Mutation) -> Mutation:
    """One guard stands behind the other."""

    @contextlib.contextmanager
    def mutated(url: str) -> Iterator[None]:
        with first(url), second(url):
            yield

    return mutated


@contextlib.contextmanager
def believing(url: str) -> Iterator[None]:
    """Threads that take each answer's word for it that it is the desk's."""
    del url
    compared = question._compared

    def believed(found: question.Asked, word: Any) -> question.Asked:
        return dataclasses.replace(compared(found, word), by_desk=True, decided=None)

    with mock.patch.object(question, "_compared", believed):
        yield


NO_KEY = """
CREATE FUNCTION hitl.overwrite() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN DELETE FROM hitl.decisions WHERE thread_id = NEW.thread_id AND review_id = NEW.review_id; RETURN NEW; END $$;
CREATE TRIGGER overwrite BEFORE INSERT ON hitl.decisions FOR EACH ROW EXECUTE FUNCTION hitl.overwrite()
"""
NO_FENCE = """
CREATE OR REPLACE FUNCTION hitl.check_fence(thread text, fence bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN END $$
"""
NO_LEDGER = """
CREATE FUNCTION hitl.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER forget BEFORE INSERT ON hitl.effects FOR EACH ROW EXECUTE FUNCTION hitl.forget()
"""
NO_TENANTS = """
CREATE OR REPLACE FUNCTION hitl.tenant() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'default' $$
"""
NO_QUESTION = """
CREATE OR REPLACE FUNCTION hitl.why_not_approved(thread text, review text, content text) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT NULL::text $$
"""
DECIDES_ONCE = "status = 'pending' AND digest = %(digest)s"
NOBODY_ELSE = "(claimed_until IS NULL OR claimed_until <= now() OR claimed_by = %(me)s)"
MUTATIONS: dict[str, tuple[Scene, Mutation, tuple[str, ...]]] = {
    "compare-and-set of decide": (
        witnesses.decided_in_between,
        without(acting.SQL, "decide", DECIDES_ONCE),
        (
            "ana was told UniqueViolation",
        ),  # the table has one decision for a case, and that is all that is left
    ),
    "compare-and-set of decide, and the table's key": (
        witnesses.decided_in_between,
        both(without(acting.SQL, "decide", DECIDES_ONCE), with_function(NO_KEY)),
        ("I1: ",),
    ),
    "compare-and-set of undo, and the desk's word in the thread": (
        witnesses.undone_in_between,
        both(without(acting.SQL, "undo", "d.dispatched_at IS NULL"), believing),
        ("I14: ",),
    ),
    "compare-and-set of claim": (
        witnesses.claimed_twice,
        without(ownership.SQL, "claim", NOBODY_ELSE),
        ("I9: ",),
    ),
    "claim, where a case is decided": (
        witnesses.claimed_in_between,
        without(acting.SQL, "decide", NOBODY_ELSE[:-1] + "\n           OR %(via)s = 'system')"),
        ("I9: ",),
    ),
    "lease of a run": (
        witnesses.two_workers,
        without(runs.SQL, "acquire_run", "u.holder IS NULL"),
        ("two runs of one thread",),
    ),
    "fence": (witnesses.late_writer, with_function(NO_FENCE), ("one letter was posted 2 times",)),
    "ledger": (witnesses.killed_after_the_act, with_function(NO_LEDGER), ("I2: ",)),
    "tenants": (witnesses.of_another_tenant, with_function(NO_TENANTS), ("I11: ",)),
    "the desk's word at the act": (witnesses.forged, with_function(NO_QUESTION), ("I7: ", "I13: ")),
}


@pytest.mark.parametrize("guard", MUTATIONS)
def test_with_the_guard_the_checker_is_content(guard: str, db_url: str, tmp_path: Path) -> None:
    """The scene that the guard is there for ends well."""
    scene, _, _ = MUTATIONS[guard]

    assert scene(db_url, tmp_path) == []


@pytest.mark.parametrize("guard", MUTATIONS)
def test_without_the_guard_the_checker_complains(guard: str, db_url: str, tmp_path: Path) -> None:
    """The same scene without it ends in a complaint, and by the name of what the guard keeps."""
    scene, mutation, names = MUTATIONS[guard]

    with mutation(db_url):
        complaints = scene(db_url, tmp_path)

    assert [name for name in names if not any(name in complaint for complaint in complaints)] == []
