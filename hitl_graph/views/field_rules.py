"""Which rule a problem with a field is about, read from its text: ours, those of pydantic, those of the forms. Pure.

A text is all that is kept of an answer that a gate refused, and pydantic gives nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hitl_graph.schemas import PROBLEMS, TYPES

__all__ = ["rule_of"]

_Row = tuple[str, str, str]
"""A pattern of the text, the rule (a keyword or a word of ours), and what it wants where no group of the text says."""

_OURS: tuple[_Row, ...] = (
    ("is missing", "required", ""),
    ("is not a field that can be edited here", "additionalProperties", ""),
    ("is no field of what is proposed.*", "additionalProperties", ""),
    ("is no argument of .*", "additionalProperties", ""),
    ("should match the pattern (.*)", "pattern", ""),
    ("cannot be checked, for its schema is broken.*", "broken", ""),
    ("should be JSON, such as .*|cannot be kept as JSON.*|.*is no JSON number.*", "reading", ""),
    ("should be an amount such as .*", "amount", ""),
    ("is none of the choices", "choice", ""),
    ("is none of the forms .*", "form", ""),
    ("is no order of at most .*", "rows", ""),
    ("has two keys .*|has the key .*", "twice", ""),
    ("(?:nests deeper|is nested more) than .*", "deep", ""),
    ("is too large: .*", "large", ""),
    ("is a number beyond .*", "beyond", ""),
    ("holds a NUL .*|.*surrogate.*|.*bytes that are no text.*", "unstorable", ""),
    ("is blank", "blank", ""),
    ("is empty: nothing was changed|nothing was changed|is empty: name a field .*", "nothing", ""),
    (
        "should be ((?:text|a whole number|a number|true or false|a list|an object|null)(?: or .*)?)",
        "type",
        "",
    ),
)
_AT_LEAST, _AT_MOST = r"should have at least (\d+)", r"should have at most (\d+)"
_PYDANTIC: tuple[_Row, ...] = (
    ("field required", "required", ""),
    ("extra inputs are not permitted|unexpected keyword argument", "additionalProperties", ""),
    ("string should match pattern '(.*)'", "pattern", ""),
    ("(?:decimal )?input should be greater than or equal to (.*)", "minimum", ""),
    ("(?:decimal )?input should be less than or equal to (.*)", "maximum", ""),
    ("(?:decimal )?input should be greater than (.*)", "exclusiveMinimum", ""),
    ("(?:decimal )?input should be less than (.*)", "exclusiveMaximum", ""),
    ("input should be a multiple of (.*)", "multipleOf", ""),
    (rf"(?:string|value|data) {_AT_LEAST} (?:character|byte)s?", "minLength", ""),
    (rf"(?:string|value|data) {_AT_MOST} (?:character|byte)s?", "maxLength", ""),
    (rf"dictionary {_AT_LEAST} .*", "minProperties", ""),
    (rf"dictionary {_AT_MOST} .*", "maxProperties", ""),
    (rf".* {_AT_LEAST} items? .*", "minItems", ""),
    (rf".* {_AT_MOST} items? .*", "maxItems", ""),
    (r"decimal input should have no more than (\d+) decimal places?", "decimals", ""),
    (r"decimal input should have no more than (\d+) digits? before .*", "wholeDigits", ""),
    (r"decimal input should have no more than (\d+) digits.*", "digits", ""),
    ("input should not have timezone info", "format", "local-date-time"),
    ("input should be a valid timedelta.*", "format", "duration"),
    ("input should be a? ?(?:valid )?datetime.*|input should .*timezone.*", "format", "date-time"),
    ("input should be a? ?(?:valid )?date .*|input should be a? ?valid date|datetimes .*", "format", "date"),
    ("input should be in a valid time .*|input should be a valid time.*", "format", "time"),
    ("input should be a valid uuid.*", "format", "uuid"),
    ("input should be a valid url.*|url .*", "format", "uri"),
    ("value is not a valid email address.*", "format", "email"),
    ("input should be ('.*|[0-9].*)", "enum", ""),
    ("input should be a valid string.*", "type", TYPES["string"]),
    ("input should be a valid integer.*", "type", TYPES["integer"]),
    ("input should be a (?:valid number|valid decimal|finite number).*", "type", TYPES["number"]),
    ("decimal input should be .*", "type", TYPES["number"]),
    ("input should be a valid boolean.*", "type", TYPES["boolean"]),
    ("input should be a valid (?:list|tuple|set|frozenset).*", "type", TYPES["array"]),
    ("input should be (?:a valid dictionary|a dictionary|an object).*", "type", TYPES["object"]),
    ("input should be none", "type", TYPES["null"]),
)
_FORMS: tuple[_Row, ...] = (("should be a number", "type", TYPES["number"]),)


def _rows() -> Iterator[tuple[re.Pattern[str], str, str]]:
    of_schemas: Iterable[_Row] = (
        (re.escape(text).replace(r"\{\}", "(.*)"), word, "")
        for word, text in PROBLEMS.items()
        if word != "const"
    )
    last: _Row = ("should be (.*)", "const", "")
    for text, rule, wanted in (*_FORMS, *_OURS, *_PYDANTIC, *of_schemas, last):
        yield re.compile(text, re.DOTALL | re.IGNORECASE), rule, wanted


_ROWS = tuple(_rows())
_OTHER_RULE = re.compile(r"breaks the rule '(.*)' of its schema")


def rule_of(problem: str) -> tuple[str, str]:
    """The rule that a problem is about and what it wants, as the text says it; ("", "") for a text of no known kind.

    Example:
        >>> rule_of("should be at least 1")
        ('minimum', '1')
    """
    if found := _OTHER_RULE.fullmatch(problem):
        return found[1], ""
    for text, rule, wanted in _ROWS:
        if found := text.fullmatch(problem):
            return rule, wanted or next(filter(None, found.groups()), "")
    return "", ""
