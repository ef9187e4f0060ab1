"""Calling Datumaro: its logging turned into rows of the report, what it raises on one line."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator

from localcvat.report import Report

LOSS = re.compile(r"skip|ignor|unexpected|can't|cannot|fail|error|drop|not found|missing", re.I)


@contextlib.contextmanager
def quiet(report: Report | None = None) -> Iterator[None]:
    """Datumaro logs and warns as it goes: nothing is shown, `report` counts what it logs."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    root.handlers = [_Counting(report or Report())]
    root.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers = before
        root.setLevel(level)


class _Counting(logging.Handler):
    """Warnings as rows: those of something left out as losses, the others as assumptions."""

    def __init__(self, report: Report) -> None:
        super().__init__(logging.WARNING)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())[:300]
        if record.levelno >= logging.ERROR or LOSS.search(text):
            self._report.dropped("object", "Datumaro left it out", text)
        else:
            self._report.assumed("dataset", "Datumaro warns", text)


def reason(error: BaseException) -> str:
    """The innermost cause, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300]
