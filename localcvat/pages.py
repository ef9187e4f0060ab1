"""Pages of HTML that stand alone: no script, no server, nothing from the network."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from localcvat.model import Label

if TYPE_CHECKING:
    from localcvat.statistics import DatasetStats

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
table { border-collapse: collapse; margin: .5em 0 1.5em; }
td, th { padding: .1em .8em .1em 0; text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: #4a7fb5; display: inline-block; height: .8em; }
.pictures { display: grid; gap: 1em; grid-template-columns: repeat(auto-fill, minmax(16em, 1fr)); }
figure { margin: 0; } img { max-width: 100%; }
figcaption { font-size: 85%; overflow-wrap: anywhere; }
i { border-radius: 50%; display: inline-block; height: .7em; margin-right: .3em; width: .7em; }
"""
BAR = 20
"""Width of the longest bar, in em."""


class Picture(msgspec.Struct, frozen=True):
    """A picture of a page: its file, its subset, how often each label is on it."""

    name: str
    subset: str
    labels: dict[str, int]


def statistics_page(source: str, format_name: str, found: DatasetStats) -> str:
    """The statistics of a dataset as a page."""
    facts: dict[str, object] = {
        "format": format_name,
        "images": found.images,
        "images without annotations": found.empty,
        "objects": found.objects,
        "most on one image": found.most,
        "tracks": found.tracks,
        "attributes": found.attributes,
    }
    if found.smallest_image and found.largest_image:
        sizes = (found.smallest_image, found.largest_image)
        facts["image sizes"] = " to ".join(f"{width}×{height}" for width, height in sizes)
    labels = sorted(found.labels.items(), key=lambda pair: (-pair[1].objects, pair[0]))
    most = max((label.objects for _, label in labels), default=0)
    rows = [
        [name, label.objects, label.images, _kinds(label.kinds), _bar(label.objects, most)]
        for name, label in labels
    ]
    return _page(
        source,
        [
            _table([], [[name, value] for name, value in facts.items()]),
            *(
                f"<h2>{title}</h2>" + _counts(counts)
                for title, counts in (
                    ("Subsets", found.subsets),
                    ("Kinds", found.kinds),
                    ("Sizes of boxes", found.sizes),
                )
            ),
            "<h2>Labels</h2>" + _table(["label", "objects", "images", "kinds", ""], rows),
        ],
    )


def pictures_page(pictures: Sequence[Picture], labels: Iterable[Label]) -> str:
    """A page of pictures that lie beside it, each with the labels that are on it."""
    colors = {label.name: label.color for label in labels}
    used = {name for picture in pictures for name in picture.labels}
    legend = " ".join(
        f'<i style="background:{_text(color)}"></i>{_text(name)}'
        for name, color in colors.items()
        if name in used
    )
    figures = [
        f'<figure><a href="{_link(picture.name)}"><img loading="lazy" src="{_link(picture.name)}"'
        f' alt=""></a><figcaption>{_text(picture.name)}<br>{_text(_kinds(picture.labels))}'
        "</figcaption></figure>"
        for picture in pictures
    ]
    title = f"{len(pictures)} images"
    return _page(title, [f"<p>{legend}</p>", '<div class="pictures">', *figures, "</div>"])


def write_page(path: str | os.PathLike[str], text: str, *, overwrite: bool = False) -> None:
    """Write a page whole or not at all; raises OutputError when the file exists."""
    from localcvat.archive import open_sink

    with open_sink(path, overwrite=overwrite, single=True) as sink:
        sink.write(Path(path).name, text.encode())


def _page(title: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n<h1>{_text(title)}</h1>\n{body}\n</html>\n"
    )


class _Html(str):
    """Text that is HTML already."""


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if heads else ''}\n{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, _Html):
        return f"<td>{value}</td>"
    number = ' class="n"' if isinstance(value, int) else ""
    return f"<td{number}>{_text(str(value))}</td>"


def _counts(counts: Mapping[str, int]) -> str:
    most = max(counts.values(), default=0)
    return _table([], [[name, count, _bar(count, most)] for name, count in counts.items()])


def _bar(count: int, most: int) -> _Html:
    width = BAR * count / most if most else 0
    return _Html(f'<span class="bar" style="width:{width:.2f}em"></span>')


def _kinds(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _text(text: str) -> str:
    return html.escape(text)


def _link(name: str) -> str:
    return html.escape(quote(name))
