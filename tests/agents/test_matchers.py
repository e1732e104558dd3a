"""Gates that would stand before nothing, or before everything, are said at once."""

import warnings
from typing import Any

import pytest

from hitl_graph.agents import GateMiddleware
from hitl_graph.errors import DefinitionError
from tests.agents.mailing import Mailing, mail_gate
from tests.support.fake_model import call


async def wants_a_person(_: Any, __: Any) -> bool:
    """An async predicate, whose coroutine is always true."""
    return False


class Asks:
    """An object whose call is async."""

    async def __call__(self, _: Any, __: Any) -> bool:
        return False


@pytest.mark.parametrize("matcher", [wants_a_person, Asks()], ids=["function", "object"])
def test_an_async_predicate_is_refused(matcher: Any) -> None:
    """Nobody awaits it, so it would match every call."""
    with pytest.raises(DefinitionError, match="its coroutine would match every call"):
        GateMiddleware([(matcher, mail_gate())])


def test_a_misspelled_tool_is_named_in_a_warning() -> None:
    """A gate before no tool lets the tool that was meant run, so it is said when the model is first asked."""
    mailing = Mailing("Hello.", gates={"sned_email": mail_gate()})

    with pytest.warns(UserWarning, match="shown no tool named sned_email"):
        mailing.ask()


def test_a_misspelled_target_of_an_edit_is_named_in_a_warning() -> None:
    """So is a tool that an edit could never name."""
    mailing = Mailing("Hello.", edit_to={"send_email": ["save_drfat"]})

    with pytest.warns(UserWarning, match="shown no tool named save_drfat"):
        mailing.ask()


def test_it_is_said_once() -> None:
    """Later requests, which other middleware may have filtered, say nothing."""
    mailing = Mailing("Hello.", "Bye.", gates={"sned_email": mail_gate()})
    with pytest.warns(UserWarning, match="sned_email"):
        mailing.ask()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mailing.ask({"messages": [("user", "And?")]})

    assert [one for one in caught if "GateMiddleware" in str(one.message)] == []


def test_a_glob_that_matches_nothing_yet_says_nothing() -> None:
    """A pattern may be there for tools to come."""
    mailing = Mailing(call("look", "l1", question="When?"), "Found.", gates={"wipe_*": mail_gate()})

    mailing.ask()

    assert mailing.done == [("look", "When?")]
