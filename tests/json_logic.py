"""JSON Logic evaluated in plain Python, and random rules over given fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Values = Mapping[str, st.SearchStrategy[Any]]


def evaluate(rule: Any, row: Mapping[str, Any]) -> bool:
    """Whether a row fulfils a rule."""
    operator, arguments = next(iter(rule.items()))
    if operator == "and":
        return all(evaluate(argument, row) for argument in arguments)
    if operator == "or":
        return any(evaluate(argument, row) for argument in arguments)
    if operator in ("!", "!!"):
        inner = evaluate(arguments[0] if isinstance(arguments, list) else arguments, row)
        return inner if operator == "!!" else not inner
    if operator == "var":
        return row[arguments] is not None
    return _compare(operator, arguments, row)


def _compare(operator: str, arguments: list[Any], row: Mapping[str, Any]) -> bool:
    if operator == "in" and not isinstance(arguments[0], dict):
        value = row[arguments[1]["var"]]
        return value is not None and str(arguments[0]) in str(value)
    if len(arguments) == 3:
        value = row[arguments[1]["var"]]
        return value is not None and arguments[0] <= value <= arguments[2]
    value = row[arguments[0]["var"]]
    if operator == "!=":
        return bool(value != arguments[1])
    if operator == "==":
        return bool(value == arguments[1])
    if value is None:
        return False
    if operator == "in":
        return value in arguments[1]
    compared = {"<": value < arguments[1], ">": value > arguments[1]}
    compared |= {"<=": value <= arguments[1], ">=": value >= arguments[1]}
    return bool(compared[operator])


@st.composite
def _leaves(draw: st.DrawFn, values: Values) -> Any:
    field = draw(st.sampled_from(sorted(values)))
    some = values[field].filter(lambda value: value is not None)
    variable = {"var": field}
    operator = draw(st.sampled_from(["==", "!=", "<", ">", "<=", ">=", "in", "text", "3", "var"]))
    if operator == "var":
        return variable
    if operator == "text":
        return {"in": [draw(st.sampled_from(["a", "A", "5", "", "%", "Ü", "comp"])), variable]}
    if operator == "3":
        return {"<=": [draw(some), variable, draw(some)]}
    if operator == "in":
        return {"in": [variable, draw(st.lists(some, max_size=4))]}
    if operator in ("==", "!="):
        return {operator: [variable, draw(values[field])]}
    return {operator: [variable, draw(some)]}


def rules(values: Values, max_leaves: int = 6) -> st.SearchStrategy[Any]:
    """Random rules over fields; the strategy of a field that may be null gives None too."""
    return st.recursive(
        _leaves(values),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda found: {"and": found}),
            st.lists(inner, min_size=1, max_size=3).map(lambda found: {"or": found}),
            inner.map(lambda found: {"!": found}),
            inner.map(lambda found: {"!": [found]}),
            inner.map(lambda found: {"!!": found}),
        ),
        max_leaves=max_leaves,
    )
