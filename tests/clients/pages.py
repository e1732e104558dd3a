"""Agent Inbox and Agent Chat UI, played in Python: what their pages offer for a payload, and what each button sends.

Written after their published sources (Agent Inbox of 2026-07, Agent Chat UI of 2026-07 and, for `AgentInbox`, the
Agent Chat UI of before 2025-11, which drew the same form). A page sees the payload as JSON. What a page does not
offer raises `NotOffered`; what its source cannot draw raises `PageFails`.
"""

from __future__ import annotations

import json
from typing import Any

import rfc8785

__all__ = ["AgentChatUI", "AgentInbox", "Card", "NotOffered", "PageFails", "js_text"]


class NotOffered(Exception):
    """The page has no such button here, or does not send what was typed."""


class PageFails(Exception):
    """The page cannot be drawn: a reviewer sees nothing to decide on."""


def js_text(value: Any) -> str:
    """What a browser shows for a value in a form: text as it is, the rest as `JSON.stringify` writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return rfc8785.dumps(value).decode()
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class AgentInbox:
    """One paused thread, opened in Agent Inbox. It answers with a list of one, whatever it was asked."""

    IGNORE_UNREADABLE: tuple[dict[str, Any], ...] = ({"type": "ignore", "args": None},)
    """What "Ignore Thread" sends where the page cannot read the interrupt at all."""

    def __init__(self, payload: Any) -> None:
        asked = _first_interrupt(json.loads(json.dumps(payload)))
        if asked is None:
            raise PageFails("the interrupt has no action_request and config")
        self.action: str = asked["action_request"]["action"]
        self.config: dict[str, bool] = asked["config"]
        self.description: str | None = asked.get("description")
        self.form: dict[str, Any] = dict(asked["action_request"]["args"])
        self._response = ""
        self._edits_made = False
        # The page keeps the first values only where the person may accept as well.
        both = self.config["allow_edit"] and self.config["allow_accept"]
        self._initial = {key: js_text(value) for key, value in self.form.items()} if both else {}
        self._selected = next(
            (
                kind
                for flag, kind in (
                    ("allow_accept", "accept"),
                    ("allow_respond", "response"),
                    ("allow_edit", "edit"),
                )
                if self.config[flag]
            ),
            None,
        )
        self._draw()

    def _draw(self) -> None:
        for key, value in self.form.items():
            if self.config["allow_edit"] and value is None:
                raise PageFails(f"{key}: the form reads the length of null")
            if not self.config["allow_edit"] and _is_number(value):
                raise PageFails(f"{key}: the plain view draws text only, and this is a number")

    def type(self, key: str, text: str) -> AgentInbox:
        """Change one field of the form; every field that was touched is text from then on."""
        return self._change({key: text})

    def reset(self) -> AgentInbox:
        """The button that puts the first values back: all of them as text."""
        return self._change({key: text for key, text in self._initial.items() if key in self.form})

    def _change(self, texts: dict[str, str]) -> AgentInbox:
        if not self.config["allow_edit"]:
            raise NotOffered("edit")
        self.form |= texts
        self._edits_made = any(self._initial.get(key) != js_text(value) for key, value in self.form.items())
        if self._edits_made:
            self._selected = "edit"
        elif self.config["allow_accept"]:
            self._selected = "accept"
        elif self._response:
            self._selected = "response"
        return self

    def write(self, text: str) -> AgentInbox:
        """Type into "Respond to assistant"."""
        if not self.config["allow_respond"]:
            raise NotOffered("response")
        self._response = text
        if text:
            self._selected = "response"
        elif self._edits_made:
            self._selected = "edit"
        elif self.config["allow_accept"]:
            self._selected = "accept"
        return self

    def submit(self) -> list[dict[str, Any]]:
        """Accept, Submit or Send Response: whichever was touched last."""
        made: list[dict[str, Any]] = []
        if self.config["allow_edit"]:
            accepts = self.config["allow_accept"] and not self._edits_made
            action = {"action": self.action, "args": self.form}
            made.append({"type": "accept" if accepts else "edit", "args": action})
        if self.config["allow_respond"] and self._response:
            made.append({"type": "response", "args": self._response})
        if self.config["allow_accept"]:
            made.append({"type": "accept", "args": None})
        chosen = next((one for one in made if one["type"] == self._selected), None)
        if chosen is None:
            raise NotOffered("submit")
        return [chosen]

    def ignore(self) -> list[dict[str, Any]]:
        """The Ignore button."""
        if not self.config["allow_ignore"]:
            raise NotOffered("ignore")
        return [{"type": "ignore", "args": None}]


def _first_interrupt(value: Any) -> dict[str, Any] | None:
    """The one that the page opens, in its own form."""
    if isinstance(value, str) and value.startswith(("[", "{")):
        value = json.loads(value)
    if isinstance(value, dict) and value.get("action_requests"):
        asked, configs = value["action_requests"][0], value.get("review_configs") or [{}]
        words = configs[0].get("allowed_decisions", [])
        return {
            "action_request": {"action": asked.get("name", ""), "args": asked.get("arguments") or {}},
            "config": {
                "allow_accept": "approve" in words,
                "allow_edit": "edit" in words,
                "allow_respond": "reject" in words,  # so its source has it
                "allow_ignore": False,
            },
            "description": asked.get("description"),
        }
    value = value[0] if isinstance(value, list) and value else value
    readable = isinstance(value, dict) and "action_request" in value and "config" in value
    return value if readable else None


class AgentChatUI:
    """One paused thread in Agent Chat UI, which draws LangChain's batched requests and nothing else."""

    def __init__(self, payload: Any) -> None:
        value = json.loads(json.dumps(payload))
        requests: list[Any] = value.get("action_requests", []) if isinstance(value, dict) else []
        configs: list[Any] = value.get("review_configs", []) if isinstance(value, dict) else []
        if not requests or not configs or not all(isinstance(asked.get("args"), dict) for asked in requests):
            raise PageFails("only action_requests with review_configs are drawn with buttons")
        self.cards = []
        for i, asked in enumerate(requests):
            named = next((c for c in configs if c["action_name"] == asked["name"]), None)
            self.cards.append(Card(asked, (named or configs[i])["allowed_decisions"]))

    def submit(self) -> dict[str, Any]:
        """Submit all decisions."""
        return {"decisions": [card.decision() for card in self.cards]}

    def approve_all(self) -> dict[str, Any]:
        """Approve All: only where there are several, and each may be approved."""
        if len(self.cards) < 2 or not all("approve" in card.allowed for card in self.cards):
            raise NotOffered("approve all")
        return {"decisions": [{"type": "approve"} for _ in self.cards]}


class Card:
    """One action of a request: a form, a reason for a rejection, and what was touched last."""

    def __init__(self, asked: dict[str, Any], allowed: list[str]) -> None:
        self.name: str = asked["name"]
        self.allowed = allowed
        self.form: dict[str, Any] = dict(asked["args"])
        self._initial = {key: js_text(value) for key, value in self.form.items()}
        self._edits_made = False
        self._reason = ""
        self._selected = next((kind for kind in ("approve", "reject", "edit") if kind in allowed), None)

    def type(self, key: str, text: str) -> Card:
        """Change one field."""
        return self._change({key: text})

    def reset(self) -> Card:
        """Put the first values back, as text."""
        return self._change(dict(self._initial))

    def _change(self, texts: dict[str, str]) -> Card:
        if "edit" not in self.allowed:
            raise NotOffered("edit")
        self.form |= texts
        self._edits_made = any(self._initial[key] != js_text(value) for key, value in self.form.items())
        if self._edits_made:
            self._selected = "edit"
        elif "approve" in self.allowed:
            self._selected = "approve"
        return self

    def reject(self, reason: str) -> Card:
        """Type a reason for the rejection."""
        if "reject" not in self.allowed:
            raise NotOffered("reject")
        self._reason, self._selected = reason, "reject"
        return self

    def decision(self) -> dict[str, Any]:
        """What the button makes of it."""
        if self._selected == "reject":
            if not self._reason.strip():
                raise NotOffered("a rejection without a reason")
            return {"type": "reject", "message": self._reason.strip()}
        if self._selected == "approve" or (
            self._selected == "edit" and "approve" in self.allowed and not self._edits_made
        ):
            return {"type": "approve"}
        if self._selected == "edit":
            return {"type": "edit", "edited_action": {"name": self.name, "args": self.form}}
        raise NotOffered("submit")
