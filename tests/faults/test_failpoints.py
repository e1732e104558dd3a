"""Named places do nothing unless they are armed, and then just what was said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitl_graph.failpoints import FailpointReached, arm, arm_named, failpoint

PLACE = "test.place"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """Nothing stays armed for the next test."""
    yield
    arm(PLACE, None)


def test_an_unarmed_place_does_nothing() -> None:
    """Also while another one is armed."""
    arm_named("test.other=raise")
    failpoint(PLACE)
    arm("test.other", None)


def test_a_place_fails_at_the_passing_that_was_named() -> None:
    """The second, and only the second."""
    arm_named(f"{PLACE}=raise@2")

    failpoint(PLACE)
    with pytest.raises(FailpointReached):
        failpoint(PLACE)
    failpoint(PLACE)


def test_no_handler_of_exceptions_stops_it() -> None:
    """As with a kill, `except Exception` in a node or in the library does not see it."""
    assert not issubclass(FailpointReached, Exception)


@pytest.mark.parametrize("text", [f"{PLACE}=explode", PLACE, f"{PLACE}=kill@twice"])
def test_a_word_that_says_nothing_is_refused(text: str) -> None:
    """A test that arms nothing by mistake would show nothing."""
    with pytest.raises(ValueError, match=r"kill|invalid literal"):
        arm_named(text)
