"""`examples/model_confidence.py` with a key talks to a real client, here against the server of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.models.triage import SURE
from tests.support.openai_server import OpenAIServer, Reply

ROOT = Path(__file__).parents[2]


def test_the_example_with_a_key_asks_the_model(db_url: str) -> None:
    """Three messages: a sure answer passes, an unsure one and a failure are asked about."""
    torn = Reply(tokens=(*SURE[:3], ("refund", -0.7), ('"}', 0)))
    replies = iter([Reply(tokens=SURE), torn])
    with OpenAIServer(lambda _: next(replies, Reply(status=401))) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", ROOT / "examples/model_confidence.py"],
            env={
                **os.environ,
                "HITL_DATABASE_URL": db_url,
                "PYTHONPATH": str(ROOT),
                "OPENAI_API_KEY": "test",
                "OPENAI_BASE_URL": server.url,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    passed, unsure, chosen, failed, by_hand = done.stdout.splitlines()
    assert (done.stderr, passed) == ("", "tagged refund: Where is my parcel?")
    assert "Confidence 0.50" in unsure and chosen == "tagged delivery: My money, or my parcel!"
    assert "401" in failed and by_hand == "by hand: Good morning."
    assert [request["logprobs"] for request in server.requests] == [True] * 3
