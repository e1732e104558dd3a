"""What is wrong with a case's form, in words for whoever filled it in; programs are told in the desk's own."""

from __future__ import annotations

import dataclasses
import functools
import re

from hitl_graph.desk import Case
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.sent import Sent, form_of
from hitl_graph.views.reading import EditForm, form_over
from hitl_graph.views.refusals import error_words, is_of_changes
from hitl_graph.views.said_words import answer_words

__all__ = ["Wording"]

_ACT = re.compile(r"act([0-9]{1,3})\.")


class Wording:
    """The forms of a case, by which its errors call the fields; drawn when there is something to say."""

    def __init__(self, case: Case, sent: Sent) -> None:
        self._case, self._sent = case, sent

    @functools.cached_property
    def form(self) -> EditForm:
        """Of what is proposed."""
        try:
            return form_of(self._case, self._sent)
        except AnswerError:  # what is called is none of its tools
            return form_of(self._case, dataclasses.replace(self._sent, tool=""))

    @functools.cached_property
    def acts(self) -> list[EditForm]:
        """Of each of several acts."""
        proposals = self._case.foreign.proposals if self._case.foreign is not None else ()
        return [
            form_over(act["args"], act.get("schema"), self._sent.acts.get(number, Sent()).texts)
            for number, act in enumerate(proposals if len(proposals) > 1 else ())
        ]

    def error(self, error: AnswerError) -> str:
        """What is said of an error."""
        if not is_of_changes(error.field):
            return error_words(error)
        found = _ACT.match(error.field)
        number = int(found[1]) if found else len(self.acts)
        return error_words(error, self.acts[number] if number < len(self.acts) else self.form)

    def answer(self, text: str) -> str:
        """What is said of the answer that the gate did not take."""
        return answer_words(text, self.form)
