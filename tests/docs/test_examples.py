"""Each example runs as it is, and does what its table says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
EXPECTED = {
    "agent.py": [
        "Is this email safe to send to the customer? {'to': 'ann@example.com', 'body': 'Sorry!'}",
        "Should this sum be paid back? {'order': 'K-1007', 'amount': 125.0}",
        "sent to ann@example.com: A new cup is on its way.",
        (
            "tool: The reviewer bob rejected this call of refund. It was not run. Why: The cup cost 12.50. "
            "Do not propose the same call again: take this into account, do something else, or tell the user."
        ),
        (
            "tool: The reviewer ana changed this call before it ran, on purpose. What ran is send_email with "
            '{"to": "ann@example.com", "body": "A new cup is on its way."}. '
            "Do not repeat the call as you had written it."
        ),
        "ai: Ann has been told; the refund was not paid.",
    ],
    "ask_on_failure.py": ["asked: The step 'find' failed: KeyError('K-1O07').", "customer: Ana Lopes"],
    "combination.py": [
        "triage asks triage: Is this message about a card or about the account?",
        (
            "exceptions asks support-leads: "
            "Shall the agent draft the answer to this message, or does a person write it?"
        ),
        "reply asks support-leads: Is this reply safe to send to the customer?",
        "sent to a@example.com: We have found it: please sign in again.",
    ],
    "confidence_gate.py": [
        "tagged delivery: Where is my parcel?",
        "asked: Confidence 0.90 is under the bar of 0.95 for tag_ticket in 'refund'.",
        "tagged refund: I want my money back.",
    ],
    "exception_escalation.py": [
        "sent: Thank you. You will find the opening hours on our page.",
        "escalated: Complaint: the text says 'unacceptable'.",
        "escalated: Sensitive policy: the text says 'lawyer'.",
        "escalated: High value: the amount 900.00 is 500.00 or more.",
        "handed over: I have called the customer.",
    ],
    "functional.py": [
        "a@example.com: Is this reply safe to send to the customer? 'Your card will arrive some day.'",
        "b@example.com: Is this reply safe to send to the customer? 'Your card will arrive some day.'",
        "sent to a@example.com: Your card will arrive some day.",
        "b@example.com: Is this reply safe to send to the customer? 'We have sent you a new card.'",
        "sent to b@example.com: We have sent you a new card. It takes three days.",
        "['approve by ana', 'edit by ana']",
    ],
    "model_confidence.py": [
        "tagged delivery: Where is my parcel?",
        "asked: Confidence 0.50 is under the bar of 0.90 for tag_ticket in 'refund'.",
        "tagged delivery: My money, or my parcel!",
        "asked: The step 'classify' failed: ConnectionError('the model does not answer').",
        "by hand: Good morning.",
    ],
    "review_before_send.py": [
        "Is this reply safe to send to the customer? 'Your card will arrive some day.'",
        "Is this reply safe to send to the customer? 'We have sent you a new card.'",
        "sent to a@example.com: We have sent you a new card. It takes three days.",
        (
            "edit by ana, tone: [{'op': 'replace', 'path': '/body', "
            "'value': 'We have sent you a new card. It takes three days.'}]"
        ),
    ],
}
"""What each prints, line by line."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_and_prints_what_it_should(name: str, db_url: str) -> None:
    """As a program of its own, with warnings as errors; run twice, it does the same twice."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", ROOT / "examples" / name],
            env={**os.environ, "HITL_DATABASE_URL": db_url, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.stderr == ""
        assert done.stdout.splitlines() == EXPECTED[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_stands_in_the_table(name: str) -> None:
    """`examples/README.md` lists it."""
    assert f"[{name}]({name})" in (ROOT / "examples/README.md").read_text(encoding="utf-8")
