"""The person at the terminal, who is asked about one case after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from hitl_graph.decisions import Approve, AskInfo, Choose, Decision, Edit, Reject, Respond, TakeOver
from hitl_graph.demo.reviewer import ScriptedReviewer
from hitl_graph.desk import Case
from hitl_graph.reviews import Option

__all__ = ["AskingReviewer", "Terminal"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terminal:
    """The person's side: `show` draws a case in short, `show_whole` all of it; `ask` reads a line.

    `ask` raises EOFError at the end of the input.
    """

    show: Callable[[Case], None]
    show_whole: Callable[[Case], None]
    say: Callable[[str], None]
    ask: Callable[[str], str]


KEYS = {
    "approve": ("a", "approve"),
    "edit": ("e", "edit"),
    "reject": ("x", "reject"),
    "respond": ("w", "write it yourself"),
    "ask_info": ("i", "ask for information"),
    "take_over": ("t", "take over"),
}
_ALWAYS = "v the whole case, s the script decides the rest, q stop"


@dataclasses.dataclass(kw_only=True)
class AskingReviewer:
    """Asks the person at the terminal, one case at a time."""

    terminal: Terminal
    by: str
    rest: ScriptedReviewer
    """Decides what is left when the person says so."""
    at_once: int = 1

    def decide(self, case: Case, row: int, turn: int) -> Decision | None:
        """What the person decides; None when they stop, or the input ends."""
        if self.at_once > 1:
            return self.rest.decide(case, row, turn)
        self.terminal.show(case)
        try:
            return self._ask(case, row, turn)
        except EOFError:
            return None

    def refused(self, case: Case, problem: str) -> None:
        """Say why; the case comes again."""
        self.terminal.say(f"Not taken: {problem}")

    def _ask(self, case: Case, row: int, turn: int) -> Decision | None:
        while True:
            key = self.terminal.ask(self._prompt(case)).strip().lower()
            if key == "q":
                return None
            if key == "s":
                self.by, self.at_once = self.rest.by, self.rest.at_once
                return self.rest.decide(case, row, turn)
            if key == "v":
                self.terminal.show_whole(case)
            elif decision := self._decision(case, key):
                return decision
            else:
                self.terminal.say("Nothing was decided. Press one of the keys, then Enter.")

    def _prompt(self, case: Case) -> str:
        numbers = [f"1-{len(self._options(case))} choose"] if "choose" in case.allowed else []
        keys = [" ".join(KEYS[word]) for word in case.allowed if word in KEYS]
        return f"{', '.join([*numbers, *keys])}\n{_ALWAYS}"

    @staticmethod
    def _options(case: Case) -> tuple[Option, ...]:
        return case.request.options if case.request else ()

    def _decision(self, case: Case, key: str) -> Decision | None:
        options = self._options(case)
        if "choose" in case.allowed and key.isascii() and key.isdigit() and 1 <= int(key) <= len(options):
            return Choose(options[int(key) - 1].value)
        word = next((word for word in case.allowed if KEYS.get(word, ("",))[0] == key), None)
        if word == "approve":
            return Approve()
        if word == "take_over":
            return TakeOver(note=self.terminal.ask("Why? (may be left empty)").strip() or None)
        if word == "reject":
            return Reject(note=self._words("What is wrong with it?"))
        if word == "ask_info":
            return AskInfo(self._words("What do you need to know?"))
        if word == "respond":
            return Respond(self._text("Your words to the customer"))
        return self._edit(case) if word == "edit" else None

    def _edit(self, case: Case) -> Decision | None:
        fields = list(case.proposal)
        named = "   ".join(f"{number} {field}" for number, field in enumerate(fields, start=1))
        picked = self.terminal.ask(f"Which field?   {named}").strip()
        field = (
            fields[int(picked) - 1]
            if picked.isascii() and picked.isdigit() and 0 < int(picked) <= len(fields)
            else picked
        )
        if field not in fields:
            self.terminal.say(f"There is no field {field!r}; nothing was changed.")
            return None
        long = "\n" in str(case.proposal[field])
        new = self._text(f"New {field}") if long else self._words(f"New {field}")
        return Edit({field: new}, reason=self.terminal.ask("Why? A short word, such as tone").strip() or None)

    def _words(self, question: str) -> str:
        """One line that is not empty."""
        while not (words := self.terminal.ask(question).strip()):
            self.terminal.say("Please write something.")
        return words

    def _text(self, question: str) -> str:
        """Several lines, up to one that holds only a dot."""
        while True:
            lines: list[str] = []
            line = self.terminal.ask(f"{question}; end with a line that holds only a dot")
            while line.strip() != ".":
                lines.append(line)
                line = self.terminal.ask("")
            if "".join(lines).strip():
                return "\n".join(lines) + "\n"
            self.terminal.say("Please write something.")
