"""What a file says that its reader does not know: keys, columns, attributes, elements, counted.

What annotations say is a loss; what is said of images and of the file is told without being one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from localcvat.report import Report


def report_unknown(
    names: Iterable[str],
    known: Collection[str],
    report: Report,
    where: str,
    *,
    of: str = "annotation",
) -> None:
    """Count the names that are not known; `of` says whose they are: annotation, image, file."""
    for name in names:
        if name and name not in known:
            kind = "field" if of == "annotation" else f"{of} field"
            lossy = of == "annotation"
            report.dropped(kind, f"{name!r} is not known to the format", where, lossy=lossy)


def keys_of(raw: msgspec.Raw | bytes) -> list[str]:
    """The keys of a JSON object; none of what is no object."""
    try:
        return list(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    except (ValueError, RecursionError):
        return []


def field_names(record: type[Any]) -> frozenset[str]:
    """The names under which a typed record reads its fields."""
    return frozenset(record.__struct_encode_fields__)
