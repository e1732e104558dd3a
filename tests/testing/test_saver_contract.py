"""Our savers and LangGraph's in memory keep the contract for savers; each kind of broken saver fails its own test."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph import open_checkpointer
from hitl_graph.testing.saver_contract import SaverContract
from hitl_graph.testing.saver_thread import OpenSaver

from .inner import failures


class TestReviewSaver(SaverContract):
    """`with open_checkpointer(url)`."""

    modes = ("sync",)

    @pytest.fixture
    def open_saver(self, hitl_db_url: str) -> OpenSaver:
        return lambda: open_checkpointer(hitl_db_url)


class TestAsyncReviewSaver(SaverContract):
    """`async with open_checkpointer(url)`."""

    modes = ("async",)

    @pytest.fixture
    def open_saver(self, hitl_db_url: str) -> OpenSaver:
        return lambda: open_checkpointer(hitl_db_url)


class TestInMemorySaver(SaverContract):
    """LangGraph's, which gates work with too."""

    copies = False
    forgets_refused = False

    @pytest.fixture
    def open_saver(self) -> OpenSaver:
        saver = InMemorySaver()
        return lambda: contextlib.nullcontext(saver)


BROKEN = {
    "TestForgetful": {
        "test_a_pause_outlives_the_process",
        "test_state_comes_back_as_it_was",
        "test_one_of_two_gates_may_be_answered_first",
        "test_a_gate_in_a_subgraph_pauses_and_goes_on",
    },
    "TestOneThread": {
        "test_threads_do_not_meet",
        "test_a_deleted_thread_is_gone",
    },
    "TestKeepsDeleted": {"test_a_deleted_thread_is_gone"},
    "TestSharesDeletion": {"test_a_deleted_thread_is_gone"},
    "TestLosesPartial": {
        "test_one_of_two_gates_may_be_answered_first",
        "test_items_of_a_fan_out_are_answered_by_id",
    },
    "TestAscii": {
        "test_an_approved_act_is_done_once",
        "test_a_pause_outlives_the_process",
        "test_a_refused_answer_leaves_the_case_open",
        "test_an_edit_becomes_state",
        "test_a_gate_in_a_subgraph_pauses_and_goes_on",
        "test_a_rejected_draft_is_asked_about_anew",  # from here on: what was shown is not what stands there
        "test_two_gates_take_one_map_of_answers",
        "test_one_of_two_gates_may_be_answered_first",
        "test_a_refused_bare_answer_is_not_kept",
    },
    "TestCannotCopy": {"test_a_copied_thread_waits_as_well"},
    "TestKeepsRefused": {"test_a_refused_bare_answer_is_not_kept"},
    "TestNoHistory": {"test_the_pause_stands_in_the_history"},
}
"""A class of `broken_savers.py`, and the tests that it fails."""


@pytest.fixture(scope="module")
def failed() -> dict[str, set[str]]:
    """What failed for each broken saver, without the parameters."""
    found = failures(Path(__file__).with_name("broken_savers.py"))
    return {name: {test.partition("[")[0] for test in tests} for name, tests in found.items()}


@pytest.mark.xdist_group("broken_savers")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_saver_fails_the_right_tests(name: str, failed: dict[str, set[str]]) -> None:
    """These and no others."""
    assert failed.get(name) == BROKEN[name]


@pytest.mark.xdist_group("broken_savers")
def test_a_saver_that_loses_questions_fails_nearly_all(failed: dict[str, set[str]]) -> None:
    """No gate works without them."""
    assert failed["TestLosesQuestions"] >= {
        "test_a_gate_pauses_its_thread",
        "test_a_pause_outlives_the_process",
    }


@pytest.mark.xdist_group("broken_savers")
def test_every_broken_saver_is_looked_at(failed: dict[str, set[str]]) -> None:
    """None passes the whole contract."""
    assert failed.keys() == BROKEN.keys() | {"TestLosesQuestions"}
