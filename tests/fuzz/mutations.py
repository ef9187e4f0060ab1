"""Seeded damage to datasets: bytes, JSON values, XML values, words and lines of text."""

from __future__ import annotations

import copy
import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from typing import Any

Entries = dict[str, bytes]
STRANGE: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**31, 2**63, -(2**70), 1e308, -1e-308, 0.1),
    *("", "x", "..", "../../etc/passwd", "/abs", "C:\\x", "\u0000", "a" * 5000, "é\u202e", "nan"),
    *([], [[]], [None], {}, {"a": []}, [1, 2, 3], [[1, 2], [3]], "1e999", "-0", "١٢"),
)
WORDS = (
    *("", "-1", "0", "1", "nan", "inf", "-inf", "1e308", "1e999", "99999999999999999999", "0x10"),
    *("٣", "..", "../x", "/x", "\\", ",", ";", '"', "'", "<", "&", "]]>", "\x00", "é", "1,5", "--"),
)
XML_PARTS = re.compile(rb'(?<==")[^"]*(?=")|(?<=>)[^<>]+(?=<)')
TEXT_PARTS = re.compile(rb"[^\s,;=:|]+")


def zipped(entries: Entries) -> bytes:
    """The entries as a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return stream.getvalue()


def damaged(entries: Entries, rng: random.Random) -> bytes:
    """A zip of the entries with something wrong: in its bytes, its names or one of its files."""
    what = rng.random()
    if what < 0.15:
        return flipped(zipped(entries), rng)
    if what < 0.2:
        return truncated(zipped(entries), rng)
    changed = dict(entries)
    name = rng.choice(sorted(changed))
    if what < 0.25:
        del changed[name]
    elif what < 0.3:
        changed[rng.choice(("", "x/", name + "/")) + f"{rng.random()}.txt"] = changed.pop(name)
    else:
        for _ in range(rng.choice((1, 1, 1, 3))):
            changed[name] = file_damaged(name, changed[name], rng)
    return zipped(changed)


def file_damaged(name: str, data: bytes, rng: random.Random) -> bytes:
    """One file with something wrong, in the way of its kind."""
    general: list[Callable[[bytes, random.Random], bytes]] = [flipped, truncated, doubled, cut]
    kinds: dict[str, Callable[[bytes, random.Random], bytes]] = {
        ".json": json_changed,
        ".xml": xml_changed,
        ".png": flipped,
        ".jpg": flipped,
    }
    special = kinds.get(name[name.rfind(".") :].lower(), text_changed)
    return rng.choice([special, special, special, *general])(data, rng)


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Some bits the other way."""
    if not data:
        return b"\xff"
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncated(data: bytes, rng: random.Random) -> bytes:
    """The start of the data."""
    return data[: rng.randrange(len(data) + 1)]


def cut(data: bytes, rng: random.Random) -> bytes:
    """Something in the middle left out."""
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.randrange(1, 40) :]


def doubled(data: bytes, rng: random.Random) -> bytes:
    """A piece twice."""
    start = rng.randrange(len(data) + 1)
    piece = data[start : start + rng.randrange(1, 200)]
    return data[:start] + piece + data[start:]


def _replaced(parts: re.Pattern[bytes], data: bytes, rng: random.Random) -> bytes:
    found = list(parts.finditer(data))
    if not found:
        return flipped(data, rng)
    for match in sorted(
        rng.sample(found, min(len(found), rng.choice((1, 1, 3)))),
        reverse=True,
        key=lambda match: match.start(),
    ):
        word = rng.choice(WORDS).encode()
        data = data[: match.start()] + word + data[match.end() :]
    return data


def xml_changed(data: bytes, rng: random.Random) -> bytes:
    """Values of attributes or texts replaced, or an element renamed."""
    if rng.random() < 0.2:
        names = re.findall(rb"</?([A-Za-z_]+)", data)
        if names:
            return data.replace(rng.choice(names), rng.choice(names), rng.choice((1, 2, 1000)))
    return _replaced(XML_PARTS, data, rng)


def text_changed(data: bytes, rng: random.Random) -> bytes:
    """Words replaced, or lines left out, repeated, shuffled."""
    lines = data.splitlines(keepends=True)
    if rng.random() < 0.3 and lines:
        what = rng.randrange(3)
        if what == 0:
            del lines[rng.randrange(len(lines))]
        elif what == 1:
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
        else:
            rng.shuffle(lines)
        return b"".join(lines)
    return _replaced(TEXT_PARTS, data, rng)


def json_changed(data: bytes, rng: random.Random) -> bytes:
    """A value replaced, left out, repeated, or put where another was."""
    try:
        document = json.loads(data)
    except ValueError:
        return flipped(data, rng)
    for _ in range(rng.choice((1, 1, 2))):
        places = list(_places(document))
        if not places:
            break
        holder, key = rng.choice(places)
        what = rng.random()
        if what < 0.15:
            del holder[key]
        elif what < 0.25 and isinstance(holder, list):
            holder.append(holder[key])
        elif what < 0.35:
            other, there = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[there]))
        else:
            holder[key] = copy.deepcopy(rng.choice(STRANGE))
    return json.dumps(document).encode(errors="surrogatepass")


def _places(value: Any) -> Any:
    """(holder, key) of every value inside."""
    if isinstance(value, dict):
        steps: Any = list(value.items())
    else:
        steps = list(enumerate(value)) if isinstance(value, list) else []
    for key, inner in steps:
        yield value, key
        yield from _places(inner)
