"""The shapes that other clients already speak, both ways: their answers to our cases, our answers to theirs.

| | asks | is answered by |
|---|---|---|
| native | a `ReviewRequest` | `{"type": "edit", "changes": {...}}` |
| Agent Inbox | `HumanInterrupt`, or a list of them | `[{"type": "accept", "args": ...}]` |
| LangChain, batched | `{"action_requests": [...], "review_configs": [...]}` | `{"decisions": [...]}` |
| LangChain, per call | `{"type": "tool_approval", ...}` | one decision |
| raw | any value | any value |
"""

from hitl_graph.wire.foreign import ForeignCase, read_foreign
from hitl_graph.wire.foreign_answers import answer_foreign
from hitl_graph.wire.payloads import payload_for
from hitl_graph.wire.replies import Answer, read_answer
from hitl_graph.wire.several import decisions_from_json, decisions_to_json
from hitl_graph.wire.shapes import Shape, native_request, recognise
from hitl_graph.wire.waits import wait_payload, waited_for

__all__ = [
    "Answer",
    "ForeignCase",
    "Shape",
    "answer_foreign",
    "decisions_from_json",
    "decisions_to_json",
    "native_request",
    "payload_for",
    "read_answer",
    "read_foreign",
    "recognise",
    "wait_payload",
    "waited_for",
]
