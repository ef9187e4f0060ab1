"""SHA-256 sums of everything in an output, to compare on the other side of an air gap.

A line is ``<hex>  <name>``, as `sha256sum` writes it: with a backslash before it when the name has
a line break or backslash, which are escaped then. Names are those inside the zip or folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import IO

import msgspec

from localcvat.archive import Source, open_sink, open_source
from localcvat.errors import OutputError, SourceError
from localcvat.ordered import all_cores, ordered_map

CHUNK = 1 << 20
ENDING = ".sha256"
LINE = re.compile(r"(\\?)([0-9A-Fa-f]{64}) [ *](.+?)\r?")
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


class Difference(msgspec.Struct, frozen=True):
    """A file that is not as its sum says: `missing`, `changed`, or `not in the manifest`."""

    what: str
    where: str


def sums_of(path: str | os.PathLike[str], jobs: int | None = None) -> dict[str, str]:
    """The SHA-256 in hex of every file in a zip or folder, by name; raises SourceError.

    `jobs` is how many threads are used, all cores if not given.
    """
    with open_source(path) as source:
        return dict(
            ordered_map(lambda name: _digest(source, name), source.names, jobs or all_cores())
        )


def digest_of(stream: IO[bytes]) -> str:
    """The SHA-256 in hex of what is left to read in a stream."""
    sums = hashlib.sha256()
    while block := stream.read(CHUNK):
        sums.update(block)
    return sums.hexdigest()


def _digest(source: Source, name: str) -> str:
    with source.open(name) as stream:
        return digest_of(stream)


def write_sums(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
    jobs: int | None = None,
) -> str:
    """Write the sums of `path` to `target` (``path.sha256`` if not given); returns its path.

    Raises OutputError when it is there and `overwrite` is not given, or would lie in `path`.
    """
    manifest = os.fspath(target if target is not None else _manifest_of(path))
    source, place = os.path.realpath(path), os.path.realpath(manifest)
    if place == source or place.startswith(source + os.sep):
        hint = "a manifest lies beside what it is of"
        raise OutputError("the manifest would be part of its own sums", where=manifest, hint=hint)
    lines = [_line(name, digest) for name, digest in sorted(sums_of(path, jobs).items())]
    with open_sink(manifest, overwrite=overwrite, single=True) as sink:
        sink.write("manifest", "".join(lines).encode())
    return manifest


def _line(name: str, digest: str) -> str:
    escaped = "".join(ESCAPES.get(char, char) for char in name)
    mark = "" if escaped == name else "\\"
    return f"{mark}{digest}  {escaped}\n"


def verify_sums(
    path: str | os.PathLike[str],
    manifest: str | os.PathLike[str] | None = None,
    *,
    jobs: int | None = None,
) -> list[Difference]:
    """How `path` differs from its sums; raises SourceError when either can't be read.

    An entry of a zip that is damaged counts as changed.
    """
    expected = _read_manifest(os.fspath(manifest if manifest is not None else _manifest_of(path)))
    differences = []
    with open_source(path) as source:
        names = set(source.names)

        def difference(name: str) -> str:
            if name not in names:
                return "missing"
            return "" if _is(source, name, expected[name]) else "changed"

        for name, what in ordered_map(difference, expected, jobs or all_cores()):
            if what:
                differences.append(Difference(what, source.where(name)))
        for name in sorted(names - expected.keys()):
            differences.append(Difference("not in the manifest", source.where(name)))
    return differences


def _is(source: Source, name: str, digest: str) -> bool:
    try:
        return _digest(source, name) == digest
    except SourceError:
        return False


def _manifest_of(path: str | os.PathLike[str]) -> str:
    return os.fspath(path).rstrip("/") + ENDING


def _read_manifest(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", newline="\n") as stream:
            lines = stream.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        hint = "`localcvat export-manifest` writes it"
        raise SourceError(f"no readable manifest: {error}", where=path, hint=hint) from error
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip("\r"):
            continue
        found = LINE.fullmatch(line)
        if found is None:
            raise SourceError("not a SHA-256 and a name", where=f"{path}:{number}")
        name = _unescaped(found[3]) if found[1] else found[3]
        if sums.setdefault(name, found[2].lower()) != found[2].lower():
            raise SourceError(f"a second sum for {name!r}", where=f"{path}:{number}")
    return sums


def _unescaped(name: str) -> str:
    characters = {escape[1]: char for char, escape in ESCAPES.items()}
    return re.sub(r"\\([\\nr])", lambda match: characters[match[1]], name)
