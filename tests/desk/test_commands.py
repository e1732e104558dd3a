"""The same from the command line: one line of text or JSON, and exit code 1 with one clear sentence when refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.desk.opening import Opened
from tests.support.commands import Command, Said

pytestmark = pytest.mark.usefixtures("refund")


def told(done: Said) -> Any:
    """The JSON of a command that went well."""
    code, text, err = done
    assert (code, err) == (0, "")
    return json.loads(text)


def test_claim_and_let_go(hg: Command, refund: Opened) -> None:
    """With the holder and the end."""
    case = told(hg("claim", refund.id[:8], "--by", "ana", "--minutes", "30", "--json"))["case"]
    assert case["claimed_by"] == "ana"
    assert "ana is at it" in hg("list")[1]
    assert "Who is at it" in hg("show", refund.id)[1]

    assert "is free" in hg("unclaim", refund.id, "--by", "ana")[1]


def test_what_is_refused_ends_with_1_and_one_sentence(hg: Command, refund: Opened) -> None:
    """As text and as JSON."""
    refund.desk.claim(refund.id, by="ana")

    code, out, err = hg("claim", refund.id, "--by", "ben")
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and "claimed by ana" in err

    code, _, err = hg("decide", refund.id, "approve", "--by", "ben", "--json")
    assert code == 1
    assert json.loads(err)["error"]["type"] == "CaseClaimed"
    assert json.loads(err)["error"]["by"] == "ana"


def test_a_claim_is_taken_over_with_a_reason(hg: Command, refund: Opened) -> None:
    """Without one it is refused."""
    refund.desk.claim(refund.id, by="ana")
    assert hg("claim", refund.id, "--by", "ben", "--take-over")[0] == 1

    done = hg("claim", refund.id, "--by", "ben", "--take-over", "--reason", "ana left")

    assert done[0] == 0 and "claimed by ben" in done[1]


def test_a_case_is_given_to_others_and_put_to_sleep(hg: Command, refund: Opened) -> None:
    """Each says what it did."""
    assert "is for ben" in hg("reassign", refund.id, "ben", "--reason", "knows it", "--by", "ana")[1]
    assert "is for finance" in hg("reroute", refund.id, "finance", "--reason", "money", "--by", "ana")[1]
    assert "sleeps until" in hg("snooze", refund.id, "--hours", "2", "--by", "ana")[1]
    assert told(hg("list", "--json"))["cases"] == []
    assert len(told(hg("list", "--snoozed", "--json"))["cases"]) == 1
    assert "is awake" in hg("snooze", refund.id, "--until", "2020-01-01T00:00+00:00", "--by", "ana")[1]
    assert hg("snooze", refund.id, "--until", "soon")[0] == 2


def test_a_decision_is_sent_twice_and_undone(hg: Command, refund: Opened) -> None:
    """With its key it is one; within the window it can be taken back."""
    args = ("decide", refund.id, "approve", "--by", "ana", "--key", "k1", "--undo-s", "300")
    assert "undo" in hg(*args)[1]
    assert told(hg(*args, "--json"))["case"]["by"] == "ana"
    assert hg(*args[:-1], "0")[0] == 1

    assert told(hg("undo", refund.id, "--by", "ana", "--json"))["case"]["status"] == "pending"

    assert refund.events.count("decided") == 1


def test_people_are_listed_and_then_only_they_decide(hg: Command, refund: Opened) -> None:
    """The directory from the command line."""
    assert "anybody named may decide" in hg("people", "list")[1]
    added = told(hg("people", "add", "ana", "--group", "support", "--name", "Ana Lopes", "--json"))
    assert added["person"]["groups"] == ["support"]
    assert "Ana Lopes" in hg("people", "list")[1]
    assert hg("decide", refund.id, "approve", "--by", "ben")[0] == 1

    assert hg("people", "add", "ben", "--group", "support", "--inactive")[0] == 0
    assert hg("decide", refund.id, "approve", "--by", "ben")[0] == 1
    assert hg("decide", refund.id, "approve", "--by", "ana")[0] == 0


def test_authority_has_a_limit(hg: Command, refund: Opened) -> None:
    """Given, listed and taken away."""
    hg("people", "add", "ana", "--group", "support")
    assert "up to 40" in hg("authority", "add", "refund", "--group", "support", "--max", "40")[1]
    assert told(hg("authority", "list", "--json"))["authority"][0]["holder"] == "support"
    code, _, err = hg("decide", refund.id, "approve", "--by", "ana")
    assert code == 1 and "about 50" in err

    assert hg("authority", "remove", "refund", "--group", "support")[0] == 0
    assert hg("authority", "remove", "refund", "--group", "support")[0] == 1
    assert hg("decide", refund.id, "approve", "--by", "ana")[0] == 0


def test_codes_are_set_and_asked_for(hg: Command, refund: Opened) -> None:
    """A correction must name one then."""
    assert "any reason goes" in hg("codes", "list")[1]
    assert hg("codes", "add", "reason", "fraud", "--label", "Looks like fraud")[0] == 0
    assert told(hg("codes", "list", "--json"))["codes"][0]["code"] == "fraud"
    code, _, err = hg("decide", refund.id, "reject", "--by", "ana")
    assert code == 1 and "name one of fraud" in err

    assert hg("decide", refund.id, "reject", "--by", "ana", "--reason", "fraud")[0] == 0
    assert hg("codes", "remove", "reason", "fraud")[0] == 0
    assert hg("codes", "remove", "reason", "fraud")[0] == 1


def test_what_is_not_said_of_a_person_stays(hg: Command) -> None:
    """Nobody is made active again, or loses their groups, by a word about something else."""
    given = ("--group", "support", "--name", "Ana Lopes", "--time-zone", "Europe/Lisbon", "--inactive")
    told(hg("people", "add", "ana", *given, "--json"))

    person = told(hg("people", "add", "Ana", "--group", "leads", "--json"))["person"]

    assert (person["groups"], person["name"], person["time_zone"]) == (
        ["leads"],
        "Ana Lopes",
        "Europe/Lisbon",
    )
    assert person["active"] is False


def test_a_person_is_removed(hg: Command) -> None:
    """Exit code 1 where there was none."""
    told(hg("people", "add", "ana", "--json"))

    assert told(hg("people", "remove", "ana", "--json")) == {"removed": True}
    assert hg("people", "remove", "ana")[0] == 1


def test_a_limit_reads_as_it_was_typed(hg: Command) -> None:
    """40, not 40.0."""
    assert "up to 40." in hg("authority", "add", "refund", "--group", "support", "--max", "40")[1]
