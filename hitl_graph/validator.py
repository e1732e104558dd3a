"""The JSON Schema validator that everything is checked by: offline, with four formats and OpenAPI's `nullable`."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError
from jsonschema.exceptions import UndefinedTypeCheck, UnknownType, best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from hitl_graph.plain import JSON

__all__ = ["BROKEN", "first_error"]

BROKEN = (SchemaError, UndefinedTypeCheck, UnknownType, Unresolvable)
"""What jsonschema raises for a schema that is none."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
_FORMATS = FormatChecker(formats=())


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 10 and bool(dt.date.fromisoformat(value)))


def _is_date_time(value: object) -> bool:
    # An offset is not demanded: what pydantic publishes as date-time may be without one.
    return not isinstance(value, str) or (len(value) > 10 and bool(dt.datetime.fromisoformat(value)))


def _is_email(value: object) -> bool:
    return not isinstance(value, str) or _EMAIL.match(value) is not None


def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(uuid.UUID(value))


for _name, _check in (
    ("date", _is_date),
    ("date-time", _is_date_time),
    ("email", _is_email),
    ("uuid", _is_uuid),
):
    _FORMATS.checks(_name, raises=ValueError)(_check)


def _or_nullable(keyword: str) -> Any:
    # OpenAPI's `nullable: true` stands beside `type` or `enum`; JSON Schema itself does not know it.
    stock = Draft202012Validator.VALIDATORS[keyword]

    def check(validator: Any, given: Any, value: Any, schema: Mapping[str, Any]) -> Iterable[ValidationError]:
        return (
            () if value is None and schema.get("nullable") is True else stock(validator, given, value, schema)
        )

    return check


_Validator: Any = extend(Draft202012Validator, {k: _or_nullable(k) for k in ("type", "enum")})
# jsonschema's own default registry fetches a remote $ref over the network. This one knows nothing but the
# schema.
_OFFLINE: Registry[Any] = Registry()


def first_error(value: JSON, schema: Any) -> ValidationError | None:
    """The error that tells most about how a value breaks a schema, or None if it does not.

    Raises:
        One of `BROKEN`, or what Python raises for a value of a wrong type: the schema itself is broken.
    """
    validator = _Validator(schema, registry=_OFFLINE, format_checker=_FORMATS)
    return best_match(validator.iter_errors(value))
