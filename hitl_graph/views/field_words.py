"""What is wrong with a field of an edit form, in words for people: what to give, by the field's label. Pure.

The texts of `AnswerError` are for who writes programs: they name paths, types and patterns. Here they become a whole
sentence, with what the schema says of the field: its description, its examples, what it allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl_graph.plain import JSON
from hitl_graph.schemas import TYPES
from hitl_graph.views.diff import value_text
from hitl_graph.views.field_places import label_at, parts_of, schemas_at, value_at
from hitl_graph.views.field_rules import rule_of
from hitl_graph.views.pattern_words import pattern_words
from hitl_graph.views.reading import EditForm

__all__ = ["VERB", "field_words", "problem_words"]

_UNTOUCHED = " (not changed by this edit)"
_MOST_CHOICES = 12
_LONGEST = 80
_LONGEST_PROBLEM = 2_000
_OWN = re.compile(r"(?:value error|assertion failed), (.+)", re.DOTALL | re.IGNORECASE)
"""What somebody wrote in a check of their own."""

_PLAIN = re.compile(
    r"(?!(?i:input|value|unable|union|error|object|decimal|instance|json|assertion|invalid)\b)(?!.*[a-z][A-Z])[^\\^$\[\]{}<>_=|*/'\"`]{1,300}"
)
"""A text of somebody's own that holds nothing of a program."""

VERB = re.compile(
    "(?:is|are|has|holds|names|mixes|may|should|must|cannot|begins|would|lacks|needs|nests|does) "
)
"""How a problem begins that goes on from its field's name."""

_FORMATS = {
    "email": ("an e-mail address", "name@example.com"),
    "idn-email": ("an e-mail address", "name@example.com"),
    "date": ("a day, the year first", "2026-03-14"),
    "date-time": ("a day and a time of day", "2026-03-14T09:30:00Z"),
    "local-date-time": ("a day and a time of day, without a time zone", "2026-03-14T09:30:00"),
    "time": ("a time of day", "09:30:00"),
    "duration": ("a length of time", "PT2H30M"),
    "uuid": ("an id of 32 digits and letters from a to f", "123e4567-e89b-42d3-a456-426614174000"),
    "uri": ("a web address", "https://example.com/page"),
    "url": ("a web address", "https://example.com/page"),
    "hostname": ("the name of a host", "www.example.com"),
    "ipv4": ("an IP address", "192.0.2.1"),
    "ipv6": ("an IP address", "2001:db8::1"),
}
_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "fields with values",
}
_SUCH_AS = {"integer": "12", "number": "12.5"}


def field_words(field: str, problem: str, form: EditForm | None = None) -> str:
    """A sentence for an error about `field`: `changes.lines[2].amount` or, of several acts, `act0.changes.to`.

    Args:
        field, problem: As the error says them. form: Of the case; None where nothing is known but the error.

    Example:
        >>> field_words("changes.due_day", "should be at least 1")
        '“Due day” must be 1 or more.'
    """
    parts = parts_of(field, form)
    about = _About(schemas_at(form, parts), value_at(form, parts))
    said = _sentence(problem.removesuffix(_UNTOUCHED), label_at(parts, form), about)
    if problem.endswith(_UNTOUCHED):
        return f"{said} It was proposed like this: it has to be changed too."
    return said


def problem_words(problem: str, label: str) -> str:
    """The same, where no schema is known, for a field that is called `label`."""
    return _sentence(problem, label, _About((), None))


class _About:
    """What the schema says about a place, and what stands there.

    A place can have several schemas, one of which was broken: the error's own text says which.
    """

    def __init__(self, here: Sequence[Mapping[str, Any]], stands: JSON) -> None:
        self.here, self.stands = here, stands

    def get(self, word: str) -> Any:
        """What is said of a keyword, where nothing else is said too."""
        found = [one[word] for one in self.here if word in one]
        return found[0] if found and all(one == found[0] for one in found) else None

    def meant(self, word: str, said: str) -> Any:
        """What a keyword has where it is what the error says; None where it is not."""
        found = (one[word] for one in self.here if word in one)
        return next((one for one in found if _is_said(one, said)), None)

    def limit(self, word: str, said: str) -> str:
        """A number, as the schema writes it or else the error."""
        found = self.meant(word, said)
        return value_text(found) if isinstance(found, (int, float)) else said

    def hint(self) -> str:
        """What the schema says in words, and an example that it gives: where we have no words for its rule."""
        said, example = str(self.get("description") or "").strip(), self.example()
        return (f" {_closed(said)}" if said else "") + (f" For example: {example}." if example else "")

    def example(self) -> str:
        """One that the schema gives."""
        given = self.get("examples")
        usable = isinstance(given, list) and given and not isinstance(given[0], (dict, list))
        return value_text(given[0]) if usable else ""

    def such_as(self, example: str) -> str:
        """An example of the schema, or else one of ours."""
        found = self.example() or example
        return f", such as {found}" if found else ""


def _is_said(value: Any, said: str) -> bool:
    """Whether what an error says is this value: as JSON, as text, or as pydantic lists choices; perhaps cut."""
    if said in (str(value), json.dumps(value, ensure_ascii=False), json.dumps(value)):
        return True
    if isinstance(value, (int, float)):
        try:
            return float(said) == value
        except ValueError:
            return False
    if said.endswith("…"):
        return json.dumps(value, ensure_ascii=False).startswith(said[:-1])
    return isinstance(value, list) and [*map(str, value)] == [*map(str, _quoted(said))]


def _sentence(problem: str, label: str, about: _About) -> str:
    if own := _OWN.fullmatch(problem):
        return f"{label}: {_closed(own[1])}"
    rule, said = rule_of(problem[:_LONGEST_PROBLEM])
    if rule in _LIMITS:
        limit = about.limit(rule, said)
        return _LIMITS[rule][limit == "1" and len(_LIMITS[rule]) - 1].format(label, limit)
    if rule in _FIXED:
        return _FIXED[rule].format(label) + (about.hint() if rule in _HINTED else "")
    if rule in _SAID:
        return _SAID[rule](label, about, said)
    if _PLAIN.fullmatch(problem):
        return f"{label} {_ended(problem)}" if VERB.match(problem) else f"{label}: {_closed(problem)}"
    return f"{label} cannot be taken as it is." + (about.hint() or _wanted(about))


def _type(label: str, about: _About, said: str) -> str:
    kinds = [kind for kind, words in TYPES.items() if words in said.split(" or ")]
    kinds = kinds or _listed(about.get("type"))
    empty = "null" in kinds or any(one.get("nullable") is True for one in about.here)
    words = _kind_words(kinds, about.example())
    if not words:
        return f"{label} has to be left empty." if empty else f"{label} cannot be taken as it is."
    tail = ", or be left empty" if empty else ""
    return f"{label} has to be {words}{tail}."


def _enum(label: str, about: _About, said: str) -> str:
    given = about.meant("enum", said)
    values = given if isinstance(given, list) else _quoted(said)
    shown = [_value_words(value) for value in values]
    more = f", and {len(shown) - _MOST_CHOICES} more" if len(shown) > _MOST_CHOICES else ""
    if not shown:
        return f"Choose one of the values that are offered for {label}."
    return f"Choose one of these for {label}: {', '.join(shown[:_MOST_CHOICES])}{more}."


def _const(label: str, about: _About, said: str) -> str:
    known = about.meant("const", said)
    values = _quoted(said) if known is None else [known]
    return (
        f"{label} can only be {_value_words(values[0])}." if values else f"{label} cannot be taken as it is."
    )


def _pattern(label: str, about: _About, said: str) -> str:
    known = about.meant("pattern", said)
    words, example = pattern_words(known if isinstance(known, str) else said)
    if words:
        return f"{label} has to be {words}{about.such_as(example)}."
    hint = about.hint()
    return f"{label} is not written as it has to be" + (
        f".{hint}" if hint else ": ask whoever built this graph how."
    )


def _format(label: str, about: _About, said: str) -> str:
    name = said.strip('"')
    if name not in _FORMATS:
        return f"{label} is not written as it has to be.{about.hint()}"
    words, example = _FORMATS[name]
    return f"{label} has to be {words}{about.such_as(example)}."


def _multiple(label: str, about: _About, said: str) -> str:
    step = about.limit("multipleOf", said)
    if re.fullmatch(r"0\.0*1", step):
        return _decimals(label, about, str(len(step) - 2))
    return f"{label} has to be {'a whole number' if step == '1' else f'a multiple of {step}'}."


def _decimals(label: str, about: _About, said: str) -> str:
    del about
    return f"{label} may have at most {said} {'digit' if said == '1' else 'digits'} after the point."


def _least_length(label: str, about: _About, said: str) -> str:
    least = about.limit("minLength", said)
    words = "must not be empty" if least == "1" else f"needs at least {least} characters: write more"
    return f"{label} {words}."


def _forms(label: str, about: _About, said: str) -> str:
    del said
    return f"{label} has none of the forms that it may have.{about.hint() or _wanted(about)}"


_LIMITS = {
    "minimum": ("{0} must be {1} or more.",),
    "maximum": ("{0} must be {1} or less.",),
    "exclusiveMinimum": ("{0} must be more than {1}.",),
    "exclusiveMaximum": ("{0} must be less than {1}.",),
    "maxLength": (
        "{0} may have at most {1} characters: make it shorter.",
        "{0} may have at most 1 character: make it shorter.",
    ),
    "minItems": ("{0} needs at least {1} entries: add some.", "{0} needs at least 1 entry: add one."),
    "maxItems": (
        "{0} may have at most {1} entries: take some out.",
        "{0} may have at most 1 entry: take the others out.",
    ),
    "minProperties": (
        "{0} needs at least {1} fields: fill in more of them.",
        "{0} needs at least 1 field: fill one in.",
    ),
    "maxProperties": (
        "{0} may have at most {1} fields: leave some out.",
        "{0} may have at most 1 field: leave the others out.",
    ),
    "wholeDigits": (
        "{0} may have at most {1} digits before the point.",
        "{0} may have at most 1 digit before the point.",
    ),
    "digits": ("{0} may have at most {1} digits.", "{0} may have at most 1 digit."),
}
"""What is said of a limit, and of a limit of 1 where that reads otherwise."""

_FIXED = {
    "uniqueItems": "{} has the same entry twice: take one of them out.",
    "contains": "{} lacks an entry that has to be in it.",
    "items": "{} has entries that may not be in it: take them out.",
    "prefixItems": "{} has entries that may not be in it: take them out.",
    "unevaluatedItems": "{} has entries that may not be in it: take them out.",
    "required": "{} is missing: fill it in.",
    "dependentRequired": "{} lacks a field that goes with another one: fill that in too.",
    "dependentSchemas": "{} does not go with what else is filled in.",
    "additionalProperties": "{} cannot be changed here.",
    "unevaluatedProperties": "{} cannot be changed here.",
    "propertyNames": "{} has a field of a name that may not be used.",
    "not": "{} has a value that is ruled out.",
    "if": "{} does not go with what else is filled in.",
    "None": "{} has to be left out.",
    "broken": "{} cannot be checked, for the form of this case has a mistake in it: decide without changes, or ask "
    "whoever built this graph.",
    "reading": "{} cannot be read as it is written: texts stand in double quotes, and each bracket is closed.",
    "amount": "{} has to be an amount such as 1250.00: digits and a point, without marks for thousands.",
    "choice": "Choose one of the values that are offered for {}.",
    "form": "Choose one of the forms that are offered for {}.",
    "rows": "{} has more rows than it may have: take some out.",
    "twice": "{} has one name twice.",
    "deep": "{} has too many levels within each other: make it simpler.",
    "large": "{} is too long: make it shorter.",
    "beyond": "{} is a number with too many digits to be kept exactly.",
    "unstorable": "{} holds a character that cannot be kept: type it again.",
    "blank": "{} is empty: write something.",
    "nothing": "Nothing was changed: change a field, or decide without changes.",
}
_HINTED = frozenset(
    {"contains", "required", "not", "if", "dependentSchemas", "propertyNames", "dependentRequired"}
)
"""Where the field's own description helps."""

_SAID: Mapping[str, Callable[[str, _About, str], str]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "format": _format,
    "multipleOf": _multiple,
    "decimals": _decimals,
    "minLength": _least_length,
    "anyOf": _forms,
    "oneOf": _forms,
}


def _wanted(about: _About) -> str:
    """What a place takes, by its types alone."""
    words = _kind_words([kind for one in about.here for kind in _listed(one.get("type"))])
    return f" It has to be {words}." if words else ""


def _kind_words(kinds: Sequence[str], example: str = "") -> str:
    known = [kind for kind in dict.fromkeys(kinds) if kind in _KINDS]
    such_as = example or (_SUCH_AS.get(known[0], "") if len(known) == 1 else "")
    return " or ".join(_KINDS[kind] for kind in known) + (f", such as {such_as}" if known and such_as else "")


def _value_words(value: JSON) -> str:
    """A value as the form's choices show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "(none)" if value is None else value_text(value)[:_LONGEST] or "(empty)"


def _quoted(said: str) -> list[JSON]:
    """The values in a list of JSON, or in pydantic's `'a', 'b' or 'c'`."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return list(re.findall(r"'([^']*)'", said)) or re.findall(r"[^\s,]+(?<!or)", said)
    return found if isinstance(found, list) else [found]


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else [one for one in types or () if isinstance(one, str)]


def _closed(text: str) -> str:
    return _ended(f"{text[:1].upper()}{text[1:]}".strip())


def _ended(text: str) -> str:
    return text if text[-1:] in ".!?…" else f"{text}."
