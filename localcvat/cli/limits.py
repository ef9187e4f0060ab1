"""The flags that raise the limits on archives, the same for every command that opens one."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import click

SUFFIXES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([kmgt]?)")


class ByteSize(click.ParamType):  # type: ignore[type-arg]
    """A count of bytes: ``4096``, ``500M``, ``1.5G``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip().lower().removesuffix("ib").removesuffix("b")
        found = SIZE.fullmatch(text)
        if found is None:
            self.fail(f"{value!r} is not a size; for instance 500M or 30G", param, ctx)
        return int(Decimal(found[1]) * SUFFIXES[found[2]])


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --max-ratio, --max-size and --max-entries; the command gets them as `limits`."""

    @click.option(
        "--max-ratio",
        type=click.IntRange(min=1),
        metavar="N",
        help="Allow zip entries that unpack to N times their size.",
    )
    @click.option(
        "--max-size",
        type=ByteSize(),
        metavar="SIZE",
        help="Allow annotation files of this size, for instance 30G.",
    )
    @click.option(
        "--max-entries",
        type=click.IntRange(min=1),
        metavar="N",
        help="Allow archives of N entries.",
    )
    @functools.wraps(command)
    def with_limits(
        *args: Any,
        max_ratio: int | None,
        max_size: int | None,
        max_entries: int | None,
        **options: Any,
    ) -> Any:
        import msgspec

        from localcvat.archive import DEFAULT_LIMITS

        changes: dict[str, int] = {}
        if max_ratio is not None:
            changes["max_ratio"] = max_ratio
        if max_size is not None:
            changes["max_text_bytes"] = max_size
            changes["max_total_bytes"] = max(max_size, DEFAULT_LIMITS.max_total_bytes)
        if max_entries is not None:
            changes["max_entries"] = max_entries
        limits = msgspec.structs.replace(DEFAULT_LIMITS, **changes)
        return command(*args, limits=limits, **options)

    return with_limits
