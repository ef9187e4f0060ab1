"""What a file says that its reader does not know: keys, columns, attributes, elements, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
import msgspec.inspect

from localcvat.report import Report


def report_unknown(
    names: Iterable[str],
    known: Collection[str],
    report: Report,
    where: str,
    *,
    of: str = "annotation",
    lossy: bool = True,
) -> None:
    """Count the names that are not known; `of` says whose they are: annotation, image, file.

    They are losses, unless they say nothing but where a dataset is from.
    """
    for name in names:
        if name and name not in known:
            kind = "field" if of == "annotation" else f"{of} field"
            report.dropped(kind, f"{name!r} is not known to the format", where, lossy=lossy)


def keys_of(raw: msgspec.Raw | bytes) -> list[str]:
    """The keys of a JSON object; none of what is no object."""
    try:
        return list(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    except (ValueError, RecursionError):
        return []


def unknown_keys(value: Any, kind: Any) -> Iterator[str]:
    """Keys in a decoded JSON value that `kind`, a typed record, has no field for, at any depth."""
    yield from _unknown_keys(value, msgspec.inspect.type_info(kind))


def _unknown_keys(value: Any, kind: msgspec.inspect.Type) -> Iterator[str]:
    if isinstance(kind, msgspec.inspect.UnionType):
        for each in kind.types:
            yield from _unknown_keys(value, each)
    elif isinstance(kind, msgspec.inspect.ListType) and isinstance(value, list):
        for each in value:
            yield from _unknown_keys(each, kind.item_type)
    elif isinstance(kind, msgspec.inspect.StructType) and isinstance(value, dict):
        types = {field.encode_name: field.type for field in kind.fields}
        for name, inner in value.items():
            if name not in types:
                yield name
            else:
                yield from _unknown_keys(inner, types[name])


def field_names(record: type[Any]) -> frozenset[str]:
    """The names under which a typed record reads its fields."""
    return frozenset(record.__struct_encode_fields__)
