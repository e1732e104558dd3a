"""Names that programs give, in words: what was decided, what was tried, codes, nodes of a graph, errors. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["DECIDED", "code_words", "edge_words", "failure_words", "node_words", "told_apart", "tried_words"]

DECIDED = {
    "approve": "approved it",
    "edit": "approved it with changes",
    "reject": "rejected it",
    "choose": "chose",
    "respond": "answered",
    "ask_info": "asked for information",
    "take_over": "took it over",
    "each": "decided on each act",
    "elsewhere": "answered it elsewhere",
}
"""What somebody did, after their name, by the kind of the decision."""

_CODES = {"edge": "this once", "recurring": "it will come again", "ask_info": "ask for information"}
_TRIED = {
    "decide": "to decide it",
    "undo": "to take a decision back",
    "retry": "to let the graph try again",
    "claim": "to claim it",
    "heartbeat": "to stay at it",
    "release": "to let it go",
    "take_over_claim": "to take it from who was at it",
    "reassign": "to give it to a person",
    "reroute": "to give it to a group",
    "snooze": "to put it off",
    "acknowledge": "to say that they have seen it",
    "take_over": "to take it over",
    "hand_back": "to hand it back",
    "link": "to use a link",
    "webhook": "to decide by a program's request",
    "sign-in": "to sign in",
    "reopen": "to have it asked once more",
    "set_aside": "to set it aside",
    "run_on": "to let the thread run on",
    "erase": "to erase",
    "put": "to set",
    "remove": "to remove",
    "settle": "to say what became of an act",
    "release hold": "to release hold",
    "pause thread": "to pause the thread",
    "pause workflow": "to pause the graph",
    "pause action": "to pause the act",
    "pause tenant": "to pause everything",
    "stop thread": "to stop the thread",
    "stop workflow": "to stop the graph",
    "stop action": "to stop the act",
    "stop tenant": "to stop everything",
    "take_over thread": "to take over the thread",
}
_NO_MORE = frozenset({"settle", "reopen", "set_aside"})
"""Of these the case stands beside it, and an id says nothing."""

_ENDS = {"START": "Start", "END": "End", "__start__": "Start", "__end__": "End", "?": "Anywhere"}
_HANDLER = re.compile(r"(?:__error_handler__)+(.+)")
_CODE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*\Z")
_RAISED = re.compile(r"(?:\w+\.)*(?P<name>[A-Z]\w*)(?:\((?P<call>.*)\)|: (?P<text>.*))?", re.DOTALL)


def code_words(code: str) -> str:
    """A code such as `wrong_facts` as words; any other text as it is."""
    if code in _CODES:
        return _CODES[code]
    return code.replace("_", " ") if _CODE.match(code) else code


def tried_words(what: str) -> str:
    """What somebody tried, after “tried”."""
    words = what.split(" ")
    for size in (2, 1):
        head, rest = " ".join(words[:size]), " ".join(words[size:])
        if head in _TRIED:
            return (
                _TRIED[head]
                if head in _NO_MORE
                else f"{_TRIED[head]} {code_words(rest.strip(chr(39)))}".strip()
            )
    return code_words(what)


def failure_words(error: str) -> str:
    """An error that a program raised: `ConnectionError('no route')` is “connection error: no route”."""
    found = _RAISED.fullmatch(error.strip())
    if found is None:
        return error
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", found["name"]).lower()
    said = (found["text"] or found["call"] or "").strip()
    return f"{name}: {said.strip(chr(39) + chr(34))}" if said else name


def edge_words(label: str) -> str:
    """What leads along an edge: `choose:skip_it` is “skip it”."""
    parts = [code_words(part.removeprefix("choose:")) for part in label.split(" / ")]
    return " / ".join(dict.fromkeys(parts))


def node_words(name: str) -> str:
    """A node of a graph as people read it: `triage:review_mail` is “Triage: review mail”.

    Example:
        >>> node_words("__error_handler__draft")
        'When draft fails'
    """
    if name in _ENDS:
        return _ENDS[name]
    if found := _HANDLER.fullmatch(name):
        inner = node_words(found[1])
        return f"When {inner[:1].lower()}{inner[1:]} fails"
    words = ": ".join(part.strip("_").replace("_", " ").strip() or part for part in re.split(r"[:.]", name))
    return f"{words[:1].upper()}{words[1:]}" if words.islower() else words


def told_apart(names: Iterable[str]) -> dict[str, str]:
    """`node_words` of each name; with the name itself where two read alike.

    Example:
        >>> told_apart(["spam_check", "refund_review", "refund review"])["refund_review"]
        'Refund review (refund_review)'
    """
    words = {name: node_words(name) for name in names}
    alike = Counter(words.values())
    return {name: f"{text} ({name})" if alike[text] > 1 else text for name, text in words.items()}
