"""Filter, search, sort and page: the list parameters of CVAT's API as SQLAlchemy expressions.

Source: formats specification, section 12.2, and the answers recorded from a real CVAT. Nothing is
filtered in Python. `extended` adds what the command line and the library offer beyond CVAT's REST:
``!=`` and ``!`` over a one-element list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal

import msgspec
import orjson
from sqlalchemy import ColumnElement, String, and_, cast, false, func, or_, select
from sqlalchemy import not_ as sql_not

from localcvat.errors import ValidationError

DEFAULT_PAGE_SIZE = 10
LARGEST_PAGE = (1 << 62) - 1
MAX_RULES = 500
MAX_LIST = 10_000
MAX_SEARCH = 10_000
MAX_WORDS = 100
MAX_DEPTH = 50
SHOWN = 200

Rule = Any


class Reference(msgspec.Struct, frozen=True):
    """A unique field `value` of another table: `column` of ours points to the row with id `key`.

    Equality is asked of `column` then, so that an index on it can answer.
    """

    column: Any
    key: Any
    value: Any


class Field(msgspec.Struct, frozen=True):
    """A field that may be filtered and sorted by: its SQL expression and the kind of its values.

    `nullable` fields sort their nulls last, as CVAT's database does. `words` are all values that
    there can be, so that a search need not read them.
    """

    expression: Any
    kind: Literal["text", "integer", "date"] = "text"
    nullable: bool = False
    reference: Reference | None = None
    words: Sequence[str] = ()

    @property
    def column(self) -> ColumnElement[Any]:
        """The expression, typed for SQLAlchemy."""
        column: ColumnElement[Any] = self.expression
        return column


Fields = Mapping[str, Field]


def parse_filter(text: str) -> Rule | None:
    """The JSON Logic rule in `text`, None when empty; raises ValidationError as CVAT's 400."""
    if not text:
        return None
    try:
        rule = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise ValidationError(["filter: Json syntax should be used"]) from error
    if isinstance(rule, (dict, list)) and not rule:
        raise ValidationError(["filter shouldn't be empty"])
    return rule


def filter_clause(rule: Rule, fields: Fields, *, extended: bool = False) -> ColumnElement[bool]:
    """`rule` as a WHERE clause over `fields`; raises ValidationError naming what is off."""
    return _Compiler(fields, extended).clause(rule, 0)


class _Compiler:
    """Turns one JSON Logic tree into SQL, with bounds on its size."""

    def __init__(self, fields: Fields, extended: bool) -> None:
        self._fields = fields
        self._extended = extended
        self._rules = 0
        self._operators: dict[str, Callable[[Any, int], ColumnElement[bool] | None]] = {
            "and": self._and,
            "or": self._or,
            "!": self._not,
            "!!": self._truth,
            "var": self._is_set,
            "==": self._equal,
            "<": lambda arguments, _: self._compare("<", arguments),
            ">": lambda arguments, _: self._compare(">", arguments),
            ">=": lambda arguments, _: self._compare(">=", arguments),
            "<=": lambda arguments, _: self._compare("<=", arguments),
            "in": self._in,
        }
        if extended:
            self._operators["!="] = self._unequal

    def clause(self, rule: Rule, depth: int) -> ColumnElement[bool]:
        self._rules += 1
        if depth > MAX_DEPTH or self._rules > MAX_RULES:
            raise ValidationError(["filter: too many nested rules"])
        if not isinstance(rule, dict) or len(rule) != 1:
            raise ValidationError(
                [f"filter: one operator object should be used, not {_shown(rule)}"]
            )
        operator, arguments = next(iter(rule.items()))
        build = self._operators.get(operator)
        found = build(arguments, depth) if build else None
        if found is None:
            raise ValidationError(
                [
                    f"filter: {_shown(operator, quote=False)} operation with "
                    f"{_shown(arguments)} arguments is not implemented"
                ]
            )
        return found

    def _clauses(self, arguments: Any, depth: int) -> list[ColumnElement[bool]] | None:
        if not isinstance(arguments, list) or not arguments:
            return None
        return [self.clause(argument, depth + 1) for argument in arguments]

    def _and(self, arguments: Any, depth: int) -> ColumnElement[bool] | None:
        clauses = self._clauses(arguments, depth)
        return None if clauses is None else and_(*clauses)

    def _or(self, arguments: Any, depth: int) -> ColumnElement[bool] | None:
        clauses = self._clauses(arguments, depth)
        return None if clauses is None else or_(*clauses)

    def _inner(self, arguments: Any) -> Rule | None:
        if self._extended and isinstance(arguments, list) and len(arguments) == 1:
            return arguments[0]
        return arguments if isinstance(arguments, dict) else None

    def _not(self, arguments: Any, depth: int) -> ColumnElement[bool] | None:
        inner = self._inner(arguments)
        if inner is None:
            return None
        # A comparison with null is neither true nor false in SQL; here it is false.
        return sql_not(func.coalesce(self.clause(inner, depth + 1), false()))

    def _truth(self, arguments: Any, depth: int) -> ColumnElement[bool] | None:
        inner = self._inner(arguments)
        return None if inner is None else self.clause(inner, depth + 1)

    def _is_set(self, arguments: Any, _: int) -> ColumnElement[bool] | None:
        return self._field(arguments).column.is_not(None)

    def _field(self, name: Any) -> Field:
        if not isinstance(name, str) or name not in self._fields:
            raise ValidationError([f"filter: {_shown(name)} term is not supported"])
        return self._fields[name]

    def _variable(self, argument: Any) -> Field | None:
        if isinstance(argument, dict) and list(argument) == ["var"]:
            return self._field(argument["var"])
        return None

    def _equal(self, arguments: Any, _: int) -> ColumnElement[bool] | None:
        if not isinstance(arguments, list) or len(arguments) != 2:
            return None
        field = self._variable(arguments[0])
        if field is None:
            return None
        if arguments[1] is None:
            return field.column.is_(None)
        return _equal_value(field, _value(field, arguments[1]))

    def _unequal(self, arguments: Any, depth: int) -> ColumnElement[bool] | None:
        equal = self._equal(arguments, depth)
        return None if equal is None else sql_not(func.coalesce(equal, false()))

    def _compare(self, operator: str, arguments: Any) -> ColumnElement[bool] | None:
        if not isinstance(arguments, list):
            return None
        if operator == "<=" and len(arguments) == 3:
            return self._between(arguments)
        field = self._variable(arguments[0]) if len(arguments) == 2 else None
        if field is None:
            return None
        value = _value(field, arguments[1])
        if operator == "<":
            return field.column < value
        if operator == ">":
            return field.column > value
        return field.column <= value if operator == "<=" else field.column >= value

    def _between(self, arguments: list[Any]) -> ColumnElement[bool] | None:
        field = self._variable(arguments[1])
        if field is None:
            return None
        low, high = _value(field, arguments[0]), _value(field, arguments[2])
        return and_(field.column >= low, field.column <= high)

    def _in(self, arguments: Any, _: int) -> ColumnElement[bool] | None:
        if not isinstance(arguments, list) or len(arguments) != 2:
            return None
        field = self._variable(arguments[0])
        if field is not None and isinstance(arguments[1], list):
            if len(arguments[1]) > MAX_LIST:
                raise ValidationError([f"filter: a list of more than {MAX_LIST} values"])
            return field.column.in_([_value(field, item) for item in arguments[1]])
        field = self._variable(arguments[1])
        if field is None or not isinstance(arguments[0], (str, int, float)):
            return None
        text = field.column if field.kind == "text" else cast(field.column, String)
        return func.instr(text, str(arguments[0])) > 0


def _equal_value(field: Field, value: str | int) -> ColumnElement[bool]:
    if field.reference is None:
        return field.column == value
    found = select(field.reference.key).where(field.reference.value == value).scalar_subquery()
    pointer: ColumnElement[Any] = field.reference.column
    return pointer == found


def equal_clause(field: Field, value: Any, name: str) -> ColumnElement[bool]:
    """A plain, case-sensitive comparison; raises ValidationError for a value of another kind."""
    try:
        return _equal_value(field, _value(field, value))
    except ValidationError:
        words = {"integer": "Enter a number.", "date": "Enter a valid date/time."}
        raise ValidationError({name: [words.get(field.kind, "Enter a valid value.")]}) from None


def _shown(value: Any, *, quote: bool = True) -> str:
    text = repr(value) if quote else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _value(field: Field, value: Any) -> str | int:
    """`value` as the field's kind; raises ValidationError where CVAT's database would fail."""
    problem = ValidationError([f"filter: {_shown(value)} is not a value of kind {field.kind}"])
    if value is None or isinstance(value, (dict, list)):
        raise problem
    if field.kind == "integer":
        return _integer(value, problem)
    if field.kind == "date":
        return date_text(value, problem)
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _integer(value: Any, problem: ValidationError) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise problem from error
    if abs(number) >= 1 << 63:
        raise problem
    return number


def date_text(value: Any, problem: ValidationError) -> str:
    """An ISO 8601 date or time in the store's spelling (UTC, microseconds, ``Z``)."""
    if not isinstance(value, str) or len(value) > 64:
        raise problem
    try:
        moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError as error:
        raise problem from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    try:
        return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except OverflowError as error:
        raise problem from error


def search_clause(text: str, fields: Sequence[Field]) -> ColumnElement[bool] | None:
    """Every word of `text` found, in any case, in at least one of `fields`; None for no words.

    Words are split at spaces and commas; quotes are letters like others (as recorded).
    """
    if len(text) > MAX_SEARCH:
        raise ValidationError([f"search: more than {MAX_SEARCH} characters"])
    words = list(dict.fromkeys(_words(text)))
    if len(words) > MAX_WORDS:
        raise ValidationError([f"search: more than {MAX_WORDS} words"])
    if not words:
        return None
    return and_(*[or_(*[_found_in(field, word) for field in fields]) for word in words])


def _found_in(field: Field, word: str) -> ColumnElement[bool]:
    if field.words:
        return field.column.in_([known for known in field.words if word.casefold() in known])
    if field.reference is None:
        return _contains(field.column, word)
    pointer: ColumnElement[Any] = field.reference.column
    return pointer.in_(select(field.reference.key).where(_contains(field.reference.value, word)))


def _words(text: str) -> list[str]:
    return text.replace("\x00", "").replace(",", " ").split()


def _contains(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    if word.isascii():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return column.like(f"%{escaped}%", escape="\\")
    return func.instr(func.casefold(column), word.casefold()) > 0


def order_by(sort: str, fields: Fields, tie: Any, default: str = "-id") -> list[ColumnElement[Any]]:
    """ORDER BY terms of a comma-separated `sort`; unknown fields are skipped, `tie` is last."""
    keys = [key.strip() for key in sort.split(",")]
    known = [key for key in keys if key.removeprefix("-") in fields]
    terms: list[ColumnElement[Any]] = []
    for key in known or [default]:
        field = fields[key.removeprefix("-")]
        descending = key.startswith("-")
        term = field.column.desc() if descending else field.column.asc()
        if field.nullable:
            term = term.nulls_first() if descending else term.nulls_last()
        terms.append(term)
    last = (known or [default])[-1]
    if last.removeprefix("-") != "id":
        terms.append(tie.desc() if last.startswith("-") else tie.asc())
    return terms


def page_size(value: str | int | None) -> int | None:
    """Rows a page: the given number, None for ``all``, 10 for anything else."""
    if value == "all":
        return None
    try:
        number = int(value) if value is not None else 0
    except ValueError:
        return DEFAULT_PAGE_SIZE
    return number if 0 < number <= LARGEST_PAGE else DEFAULT_PAGE_SIZE
