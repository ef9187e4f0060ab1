"""The rules of CVAT's serializers and columns over one JSON object; each broken one is a finding.

Source: what a real CVAT 2.15 answered to backups changed in one place.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from localcvat.backup.findings import Findings

INT_LIMIT = 2**31 - 1
TRUE_WORDS = frozenset(("t", "T", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE"))
TRUE_WORDS |= {"on", "On", "ON", "1"}
FALSE_WORDS = frozenset(("f", "F", "n", "N", "no", "No", "NO", "false", "False", "FALSE"))
FALSE_WORDS |= {"off", "Off", "OFF", "0", "0.0"}
_ZERO_DECIMALS = re.compile(r"\.0*\s*$")
Json = dict[str, Any]

REQUIRED = "This field is required."
NO_NULL = "This field may not be null."
NO_NUL_CHARACTER = "A string literal cannot contain NUL (0x00) characters."


class FieldRules:
    """Checks fields of the records in one entry; the methods return the value CVAT would use."""

    def __init__(self, found: Findings, entry: str) -> None:
        self.found = found
        self.entry = entry

    def error(self, reason: str, place: str, hint: str = "") -> None:
        """A real restore fails on this place of the entry."""
        self.found.error(self.entry, reason, place, hint)

    def warning(self, reason: str, place: str, hint: str = "") -> None:
        """A real restore changes or loses something at this place of the entry."""
        self.found.warning(self.entry, reason, place, hint)

    def is_object(self, value: Any, place: str) -> bool:
        """Whether the value is a JSON object."""
        if not isinstance(value, dict):
            self.error(f"a JSON object is expected, not {kind(value)}", place)
            return False
        return True

    def list_of(self, record: Json, key: str, place: str, required: bool = False) -> list[Any]:
        """The list under `key`, empty when it is none."""
        if key not in record:
            if required:
                self.error(REQUIRED, f"{place}.{key}")
            return []
        value = record[key]
        if not isinstance(value, list):
            self.error(f"a list is expected, not {kind(value)}", f"{place}.{key}")
            return []
        return value

    def _given(
        self, record: Json, key: str, place: str, *, required: bool = False, null: bool = False
    ) -> Any:
        """The value under `key`, None when there is none; says so where a restore refuses that."""
        if key not in record:
            if required:
                self.error(REQUIRED, f"{place}.{key}")
            return None
        value = record[key]
        if value is None and not null:
            self.error(NO_NULL, f"{place}.{key}")
        return value

    def integer(
        self,
        record: Json,
        key: str,
        place: str,
        *,
        low: int = -INT_LIMIT - 1,
        high: int = INT_LIMIT,
        required: bool = False,
        null: bool = False,
    ) -> int | None:
        """An integer as DRF reads it: 3, 3.0 and "3" are; None when missing or refused."""
        value = self._given(record, key, place, required=required, null=null)
        if value is None:
            return None
        number = as_integer(value)
        if number is None:
            self.error("A valid integer is required.", f"{place}.{key}")
        elif number < low:
            reason = f"Ensure this value is greater than or equal to {low}."
            self.error(reason, f"{place}.{key}")
        elif number > high:
            reason = (
                "integer out of range"
                if high == INT_LIMIT
                else f"Ensure this value is less than or equal to {high}."
            )
            self.error(reason, f"{place}.{key}")
        else:
            return number
        return None

    def number(self, record: Json, key: str, place: str, low: float, high: float) -> None:
        """A number within inclusive bounds; may be missing, not null."""
        value = self._given(record, key, place)
        if value is None:
            return
        try:
            number = float(value) if isinstance(value, (int, float, str)) else None
        except ValueError:
            number = None
        if number is None:
            self.error("A valid number is required.", f"{place}.{key}")
        elif not number >= low:
            self.error(f"Ensure this value is greater than or equal to {low:g}.", f"{place}.{key}")
        elif not number <= high:
            self.error(f"Ensure this value is less than or equal to {high:g}.", f"{place}.{key}")

    def boolean(self, record: Json, key: str, place: str, required: bool = False) -> bool | None:
        """A boolean as DRF reads it; None when missing or refused."""
        value = self._given(record, key, place, required=required)
        if value is None or value is True or value is False:
            return value
        if value == 1 or (isinstance(value, str) and value in TRUE_WORDS):
            return True
        if value == 0 or (isinstance(value, str) and value in FALSE_WORDS):
            return False
        self.error("Must be a valid boolean.", f"{place}.{key}")
        return None

    def choice(
        self,
        record: Json,
        key: str,
        place: str,
        choices: Collection[str],
        required: bool = False,
    ) -> str | None:
        """One of the choices; None when missing or refused."""
        value = self._given(record, key, place, required=required)
        if value is None or (isinstance(value, str) and value in choices):
            return value
        self.error(f'"{value}" is not a valid choice.', f"{place}.{key}")
        return None

    def text(
        self,
        record: Json,
        key: str,
        place: str,
        limit: int,
        *,
        required: bool = False,
        blank: bool = False,
        shape: str = "Ensure this field has no more than {} characters.",
    ) -> str | None:
        """A text as DRF reads it: trimmed, numbers as text; None when missing or refused."""
        value = self._given(record, key, place, required=required)
        if value is None:
            return None
        if isinstance(value, (bool, list, dict)):
            self.error("Not a valid string.", f"{place}.{key}")
            return None
        text = str(value).strip()
        if not text and not blank:
            self.error("This field may not be blank.", f"{place}.{key}")
        elif len(text) > limit:
            self.error(shape.format(limit), f"{place}.{key}")
        elif "\0" in text:
            self.error("Null characters are not allowed.", f"{place}.{key}")
        else:
            return text
        return None

    def column(self, record: Json, key: str, place: str, limit: int = 0) -> None:
        """A text that goes straight into a column: anything but null and NUL, up to `limit`."""
        if key not in record:
            return
        value = record[key]
        where = f"{place}.{key}" if place else key
        if value is None:
            self.error(f'null value in column "{key}" violates not-null constraint', where)
            return
        text = value if isinstance(value, str) else str(value)
        if "\0" in text:
            self.error(NO_NUL_CHARACTER, where)
        if limit and len(text) > limit:
            self.error(f"value too long for type character varying({limit})", where)
        if not isinstance(value, str):
            self.warning(f"{key} is {kind(value)} and becomes text", where)

    def ignored(self, record: Json, known: Collection[str], place: str) -> None:
        """Warn of keys that a restore drops."""
        for key in record:
            if key not in known:
                self.warning(f"a restore ignores the key {key!r}", place or key)


def as_integer(value: Any) -> int | None:
    """The integer DRF makes of a value, None when it makes none."""
    if type(value) is int:
        return value
    if isinstance(value, bool) or not isinstance(value, (float, str)):
        return None
    try:
        return int(_ZERO_DECIMALS.sub("", str(value)[:1000]))
    except ValueError:
        return None


def kind(value: Any) -> str:
    """How messages call the type of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
