"""The index of the built-in formats says what the plugins say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import localcvat_formats
from localcvat.format_index import FILE, index_text, listed_formats
from localcvat.plugin import all_formats, find_format


def test_the_index_is_what_the_plugins_make() -> None:
    written = (Path(localcvat_formats.__path__[0]) / FILE).read_text(encoding="utf-8")
    assert written == index_text("localcvat_formats"), (
        "run: python -m localcvat.format_index localcvat_formats"
    )


def test_listing_loads_no_plugin() -> None:
    code = """
import sys
from localcvat.format_index import listed_formats
assert len(listed_formats()) > 20
print([name for name in sys.modules if name.startswith("localcvat_formats.")])
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout.strip() == "[]", finished.stderr


def test_listed_and_loaded_formats_are_the_same() -> None:
    assert [row.name for row in listed_formats()] == [plugin.name for plugin in all_formats()]


def test_every_name_of_a_format_finds_it() -> None:
    for row in listed_formats():
        for name in (row.name, *row.aliases, row.name.upper()):
            assert find_format(name).format.name == row.name
        for name in row.cvat_names:
            choice = find_format(name.lower())
            assert choice.format.name == row.name
            assert choice.dialect == "cvat"
