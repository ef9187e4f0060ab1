"""Request bodies checked as CVAT's server checks them, with the same words and shape of errors.

Each field turns a JSON value into a Python value or raises `Refused`, whose `errors` is what the
server answers for that field: a list of messages, or a nested mapping. Source: the answers recorded
from a real CVAT (bad requests) and the formats specification, section 12.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from localcvat.errors import ValidationError

REQUIRED = "This field is required."
NOT_NULL = "This field may not be null."
TRUE = frozenset(("t", "y", "yes", "true", "on", "1"))
FALSE = frozenset(("f", "n", "no", "false", "off", "0"))
MAX_INTEGER_TEXT = 1000


class Refused(Exception):
    """A value that CVAT would refuse; `errors` is the body's part for it."""

    def __init__(self, errors: Any) -> None:
        self.errors = errors
        super().__init__(repr(errors))


class Field(msgspec.Struct, kw_only=True):
    """What all fields share: whether a value must be there, and whether it may be null."""

    required: bool = False
    null: bool = False

    def check(self, value: Any) -> Any:
        """The clean value; raises Refused."""
        if value is None:
            if self.null:
                return None
            raise Refused([NOT_NULL])
        return self.clean(value)

    def clean(self, value: Any) -> Any:
        """The clean value of something that is not null."""
        return value


class Text(Field, kw_only=True):
    """A string, trimmed; numbers are taken as their text."""

    max_length: int | None = None
    blank: bool = False
    trim: bool = True

    def clean(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise Refused(["Not a valid string."])
        text = str(value).strip() if self.trim else str(value)
        if not text and not self.blank:
            raise Refused(["This field may not be blank."])
        if "\x00" in text:
            raise Refused(["Null characters are not allowed."])
        if self.max_length is not None and len(text) > self.max_length:
            raise Refused([f"Ensure this field has no more than {self.max_length} characters."])
        return text


class Integer(Field, kw_only=True):
    """A whole number, also as text."""

    minimum: int | None = None
    maximum: int | None = None

    def clean(self, value: Any) -> int:
        number = self._number(value)
        if self.maximum is not None and number > self.maximum:
            raise Refused([f"Ensure this value is less than or equal to {self.maximum}."])
        if self.minimum is not None and number < self.minimum:
            raise Refused([f"Ensure this value is greater than or equal to {self.minimum}."])
        if abs(number) >= 1 << 63:
            raise Refused(["A valid integer is required."])
        return number

    def _number(self, value: Any) -> int:
        if isinstance(value, str) and len(value) > MAX_INTEGER_TEXT:
            raise Refused(["String value too large."])
        try:
            if isinstance(value, float) and not value.is_integer():
                raise ValueError(value)
            return int(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise Refused(["A valid integer is required."]) from error


class Number(Field, kw_only=True):
    """A finite float."""

    minimum: float | None = None
    maximum: float | None = None

    def clean(self, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise Refused(["A valid number is required."]) from error
        if not math.isfinite(number):
            raise Refused(["A valid number is required."])
        if self.maximum is not None and number > self.maximum:
            raise Refused([f"Ensure this value is less than or equal to {self.maximum:g}."])
        if self.minimum is not None and number < self.minimum:
            raise Refused([f"Ensure this value is greater than or equal to {self.minimum:g}."])
        return number


class Flag(Field, kw_only=True):
    """A boolean, also as one of the usual words."""

    def clean(self, value: Any) -> bool:
        word = str(value).strip().lower() if isinstance(value, (str, int, float)) else ""
        if word in TRUE:
            return True
        if word in FALSE:
            return False
        raise Refused(["Must be a valid boolean."])


class Choice(Field, kw_only=True):
    """One of a fixed set of words."""

    choices: Sequence[str]

    def clean(self, value: Any) -> str:
        if not isinstance(value, (str, int, float)) or str(value) not in self.choices:
            raise Refused([f'"{value}" is not a valid choice.'])
        return str(value)


class ListOf(Field, kw_only=True):
    """A list of plain values; errors of items come as a mapping from their position."""

    child: Field
    blank: bool = True

    def clean(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Refused([_not_a_list(value)])
        items, errors = [], {}
        for position, item in enumerate(value):
            try:
                items.append(self.child.check(item))
            except Refused as refused:
                errors[str(position)] = refused.errors
        if errors:
            raise Refused(errors)
        return items


class Record(Field, kw_only=True):
    """An object of named fields; unknown names are ignored, absent ones stay absent.

    `rule` sees the clean values last and raises Refused for what no single field can tell.
    """

    fields: Mapping[str, Field]
    partial: bool = False
    rule: Callable[[dict[str, Any]], None] | None = None

    def clean(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            kind = type(value).__name__
            raise Refused(
                {"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]}
            )
        clean, errors = {}, {}
        for name, field in self.fields.items():
            try:
                if name in value:
                    clean[name] = field.check(value[name])
                elif field.required and not self.partial:
                    raise Refused([REQUIRED])
            except Refused as refused:
                errors[name] = refused.errors
        if errors:
            raise Refused(errors)
        if self.rule is not None:
            self.rule(clean)
        return clean


class Records(Field, kw_only=True):
    """A list of objects; errors come as a list with an empty object for each good one."""

    child: Record

    def clean(self, value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise Refused({"non_field_errors": [_not_a_list(value)]})
        items: list[dict[str, Any]] = []
        errors: list[Any] = []
        for item in value:
            try:
                items.append(self.child.check(item))
                errors.append({})
            except Refused as refused:
                errors.append(refused.errors)
        if any(errors):
            raise Refused(errors)
        return items


def _not_a_list(value: Any) -> str:
    return f'Expected a list of items but got type "{type(value).__name__}".'


def checked(record: Record, body: Any) -> dict[str, Any]:
    """The clean values of a request body; raises ValidationError with CVAT's errors."""
    try:
        found: dict[str, Any] = record.check(body)
    except Refused as refused:
        raise ValidationError(refused.errors) from None
    return found


def partial(record: Record) -> Record:
    """The same record for PATCH: nothing in it, or in records inside it, must be there."""
    return msgspec.structs.replace(
        record,
        partial=True,
        fields={
            name: msgspec.structs.replace(field, child=partial(field.child))
            if isinstance(field, Records)
            else partial(field)
            if isinstance(field, Record)
            else field
            for name, field in record.fields.items()
        },
    )
