"""What every gate must do, as tests: subclass `GateContract` for a gate of your own.

```python
from hitl_graph.testing.gate_contract import GateContract

class TestReply(GateContract):
    @pytest.fixture
    def gate(self):
        return reply

    @pytest.fixture
    def asking_state(self):
        return {"ticket": "Where is my card?", "email": {"to": "a@example.com", "body": "It will come."}}
```
"""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest

from hitl_graph.checkpointers.serde import strict_serde
from hitl_graph.decisions import DECISIONS
from hitl_graph.gates import Ask, Gate, Proceed
from hitl_graph.reviews import ReviewRequest, proposal_digest
from hitl_graph.testing.gate_thread import GateThread, sample_answer

__all__ = ["GateContract"]


class GateContract:
    """The tests. A subclass whose name begins with `Test` gives them a gate by fixtures.

    Attributes:
        gate: The gate.
        asking_state: A state that it asks about.
        passing_state: A state that it lets pass; leave it out for a gate that always asks.
        edit: Changes that a person may make and the gate's schema takes; leave it out where no edit is offered.
        identity_edit: Changes that make another act of it; left out, the first text among the gate's identity fields is
            changed.
    """

    @pytest.fixture
    def gate(self) -> Gate:
        """The gate: a subclass must say which."""
        raise NotImplementedError("gate: give your gate by a fixture of this name")

    @pytest.fixture
    def asking_state(self) -> Any:
        """A state that the gate asks about: a subclass must give one."""
        raise NotImplementedError(
            "asking_state: give a state that the gate asks about by a fixture of this name"
        )

    @pytest.fixture
    def passing_state(self) -> Any:
        """A state that the gate lets pass; None for a gate that always asks."""
        return None

    @pytest.fixture
    def edit(self) -> dict[str, Any] | None:
        """Changes that a person may make; None where no edit is tried."""
        return None

    @pytest.fixture
    def identity_edit(self, gate: Gate, asking_state: Any) -> dict[str, Any] | None:
        """Changes that make another act of it; None where the proposal has no such field."""
        proposal = gate.proposed(asking_state)
        found = [field for field in gate.identity if isinstance(proposal.get(field), str)]
        return {found[0]: f"other-{proposal[found[0]]}"} if found else None

    @pytest.fixture
    def request_shown(self, gate: Gate, asking_state: Any) -> ReviewRequest:
        """The case that the gate makes of the asking state."""
        return asked(gate, asking_state).request

    def test_it_asks_about_the_asking_state(self, gate: Gate, asking_state: Any) -> None:
        """And gives a reason."""
        verdict = asked(gate, asking_state)

        assert verdict.judgement.reasons, "it asks without a reason"

    def test_it_lets_the_passing_state_pass(self, gate: Gate, passing_state: Any) -> None:
        """Or says that it always asks."""
        if passing_state is None:
            assert gate.always_asks, (
                "passing_state: is missing: this gate may let pass, so give a state that does"
            )
            return

        assert isinstance(gate.judge(passing_state), Proceed), "it asks about the passing state"

    def test_the_same_state_is_judged_the_same(self, gate: Gate, asking_state: Any) -> None:
        """On the same signals: no clock, no chance and no counter in the verdict or in the case."""
        signals = gate.collect(asking_state)

        first, second = (asked(gate, asking_state, signals) for _ in range(2))

        assert first.request.digest == second.request.digest, differing(first.request, second.request)

    def test_judging_leaves_the_state_alone(self, gate: Gate, asking_state: Any) -> None:
        """It reads and does not write."""
        before = copy.deepcopy(asking_state)

        asked(gate, asking_state)

        assert asking_state == before, "judging has changed the state"

    def test_a_state_that_was_stored_is_judged_the_same(self, gate: Gate, asking_state: Any) -> None:
        """After a restart the state comes out of the saver, and must make the same case."""
        serde = strict_serde()
        signals = gate.collect(asking_state)
        stored = serde.loads_typed(serde.dumps_typed(asking_state))

        first, second = asked(gate, asking_state, signals), asked(gate, stored, signals)

        assert first.request.digest == second.request.digest, differing(first.request, second.request)

    def test_signals_are_plain_json(self, gate: Gate, asking_state: Any) -> None:
        """What was measured is kept in the state."""
        signals = gate.collect(asking_state)

        assert json.loads(json.dumps(signals, allow_nan=False)) == signals, (
            f"signals: {signals!r} is no plain JSON"
        )

    def test_signals_are_measured_in_async_graphs_too(self, gate: Gate, asking_state: Any) -> None:
        """`acollect` gives what `collect` gives, by name."""
        found = asyncio.run(gate.acollect(asking_state))

        assert found.keys() == gate.collect(asking_state).keys(), (
            "acollect measures other signals than collect"
        )

    def test_the_case_survives_json(self, request_shown: ReviewRequest) -> None:
        """It travels over wires and through databases."""
        sent = json.dumps(request_shown.to_json(), allow_nan=False)

        assert ReviewRequest.from_json(json.loads(sent)) == request_shown, "it comes back as another case"

    def test_the_case_is_sealed(self, request_shown: ReviewRequest) -> None:
        """Its digest belongs to what it shows."""
        assert request_shown.is_sealed(), "digest: is not that of the case: end `request` with .sealed()"

    def test_the_case_shows_the_proposal_of_the_state(
        self, gate: Gate, asking_state: Any, request_shown: ReviewRequest
    ) -> None:
        """What is decided is what is done."""
        assert request_shown.proposal == gate.proposed(asking_state), (
            "proposal: is not what stands in the state"
        )

    def test_the_judgement_is_about_the_proposal(self, gate: Gate, asking_state: Any) -> None:
        """Its digest is what an effect compares."""
        verdict = asked(gate, asking_state)

        tool = verdict.request.tool_call.name if verdict.request.tool_call else None
        wanted = proposal_digest(gate.action.name, verdict.request.proposal, tool)
        assert verdict.judgement.proposal_digest == wanted == verdict.request.proposal_digest

    def test_the_case_names_who_must_act(self, request_shown: ReviewRequest) -> None:
        """Nothing waits without an owner."""
        assert request_shown.owner.group.strip(), "owner: names nobody"

    def test_the_case_shows_evidence(self, request_shown: ReviewRequest) -> None:
        """Without it nobody can judge, and approval is not offered."""
        assert request_shown.evidence, "evidence: is empty for the asking state"

    def test_the_case_says_what_a_yes_does(self, request_shown: ReviewRequest) -> None:
        """In words, with every field filled in."""
        text = request_shown.consequence
        left = [name for name in request_shown.proposal if f"{{{name}}}" in text]

        assert text.strip(), "consequence: is empty"
        assert left == [], f"consequence: {left} are not filled in: {text!r}"

    def test_the_case_asks_a_question(self, request_shown: ReviewRequest) -> None:
        """The decision that is needed."""
        assert request_shown.question.strip(), "question: is empty"

    def test_the_case_says_why_it_is_asked(self, request_shown: ReviewRequest) -> None:
        """By a code to count and a sentence to read."""
        assert any(reason.asks for reason in request_shown.why), "why: no reason of those asks"

    def test_an_irreversible_act_does_not_pass_without_a_reason(self, gate: Gate, passing_state: Any) -> None:
        """Whoever lets it go unattended wrote down why."""
        if passing_state is None or gate.action.reversible:
            return
        verdict = gate.judge(passing_state)

        assert isinstance(verdict, Ask) or verdict.judgement.unattended.strip(), (
            f"unattended: {gate.action.name} cannot be taken back, and passes without a reason"
        )

    @pytest.mark.parametrize("mode", ["sync", "async"])
    def test_a_graph_pauses_with_the_case(self, gate: Gate, asking_state: Any, mode: str) -> None:
        """The same case that `judge` makes, in `invoke` and in `ainvoke`."""
        thread = GateThread(gate, asking_state, is_async=mode == "async")

        thread.start()

        assert thread.asked().gate == gate.name

    def test_asked_again_it_asks_the_same(self, gate: Gate, asking_state: Any) -> None:
        """A thread that is run again while it waits shows the same case under the same id."""
        thread = GateThread(gate, asking_state)
        thread.start()
        before, shown = thread.open(), thread.asked()

        thread.run(None)

        assert thread.open() == before, "it waits for another review than before"
        assert thread.asked().digest == shown.digest, differing(shown, thread.asked())

    def test_a_graph_goes_on_where_the_gate_lets_pass(self, gate: Gate, passing_state: Any) -> None:
        """Without a pause, with the judgement in the state."""
        if passing_state is None:
            return
        thread = GateThread(gate, passing_state)

        thread.start()

        assert thread.went() == ["approved"], f"it went to {thread.went()} and waits for {thread.open()}"

    def test_every_offered_decision_leads_somewhere(self, gate: Gate, asking_state: Any) -> None:
        """The case names the continuation of each."""
        thread = GateThread(gate, asking_state)
        thread.start()
        shown = thread.asked()

        dead = [word for word in shown.allowed if not shown.continuation.get(word)]
        assert dead == [], f"continuation: none for {', '.join(dead)}"

    @pytest.mark.parametrize("word", sorted(set(DECISIONS) - {"edit"}))
    def test_a_decision_is_taken_or_refused(self, gate: Gate, asking_state: Any, word: str) -> None:
        """What is offered leads to its continuation with a record; what is not is refused and the case stays open."""
        thread = GateThread(gate, asking_state)
        thread.start()
        shown, before = thread.asked(), thread.open()
        answer = sample_answer(word, shown)

        if word not in shown.allowed:
            with pytest.raises(ValueError):  # noqa: PT011  # LangGraph's own, around ours
                thread.answer(answer)
            assert thread.open() == before, f"{word}: was refused, and the case is lost"
            return
        thread.answer(answer)

        assert [record["decision"] for record in thread.records()] == [word], f"{word}: left no record"
        assert thread.went() == [shown.continuation[word]], f"{word}: led to {thread.went()}"

    def test_an_edit_becomes_the_proposal(
        self, gate: Gate, asking_state: Any, edit: dict[str, Any] | None
    ) -> None:
        """Both versions are kept, and what is done is the edited one."""
        thread = GateThread(gate, asking_state)
        thread.start()
        shown = thread.asked()
        if edit is None:
            assert "edit" not in shown.allowed, (
                "edit: is missing: this gate offers edits, so give one that it takes"
            )
            return
        thread.answer({"type": "edit", "changes": edit})

        record = thread.records()[-1]
        assert record["proposed"] == shown.proposal, "proposed: the first version is lost"
        assert record["final"] == {**shown.proposal, **edit}, "final: is not the edited version"
        assert gate.proposed(thread.values()) == record["final"], "the state does not hold the edit"
        assert thread.went() in ([], ["approved"]), f"the edit led to {thread.went()}"

    def test_an_edit_into_another_act_is_asked_about_again(
        self, gate: Gate, asking_state: Any, identity_edit: dict[str, Any] | None
    ) -> None:
        """Another recipient is another act: it is not done on the old approval."""
        thread = GateThread(gate, asking_state)
        thread.start()
        first = thread.open()
        if identity_edit is None or "edit" not in thread.asked().allowed:
            return
        thread.answer({"type": "edit", "changes": identity_edit})

        assert thread.records()[-1]["outcome"] == "judged_again", (
            f"{identity_edit} went through as the same act"
        )
        assert thread.went() == [], f"it went to {thread.went()} without being asked again"
        assert thread.open() != first, "the edited act has no review of its own"


def asked(gate: Gate, state: Any, signals: dict[str, Any] | None = None) -> Ask:
    """The gate's question about a state.

    Raises:
        AssertionError: It lets the state pass.
    """
    verdict = gate.judge(state, signals)
    assert isinstance(verdict, Ask), f"it lets pass what it should ask about: {verdict.judgement.reasons}"
    return verdict


def differing(first: ReviewRequest, second: ReviewRequest) -> str:
    """The fields in which two cases differ, in the words of a failed test."""
    one, other = first.to_json(), second.to_json()
    lines = [
        f"{name}: {one[name]!r} and then {other[name]!r}"
        for name in one
        if one[name] != other[name] and name not in ("digest", "proposal_digest")
    ]
    return "the same state made two cases:\n" + "\n".join(lines)
