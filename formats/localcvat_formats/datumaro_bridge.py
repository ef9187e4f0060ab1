"""Every other format Datumaro knows, through Datumaro itself (the extra `all-formats`)."""

from __future__ import annotations

from localcvat.plugin import Format


def bridged_formats() -> tuple[Format, ...]:
    """The formats read and written by Datumaro; Datumaro is imported when one is used."""
    return ()
