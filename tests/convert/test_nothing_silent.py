"""Whatever a dataset says comes back out of every format, or a row of the report says why not."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from everything import (
    HEIGHT,
    POINTS,
    WIDTH,
    Fact,
    annotations,
    dataset,
    differences,
    facts,
    items,
    tracks,
)
from localcvat.archive import open_sink, open_source
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.geometry.tracks import flatten_tracks
from localcvat.model import Dataset, Header, Item
from localcvat.plugin import ReadOptions, all_formats, find_format
from localcvat.report import Report

NATIVE = [
    plugin.name
    for plugin in all_formats()
    if plugin.origin == "native" and plugin.can_read and plugin.can_write
]
ROWS: dict[str, set[str]] = {
    "label": {"label"},
    "label colour": {"label colour"},
    "label type": {"label types", "label type"},
    "label attribute": {"label attributes", "label attribute", "attribute"},
    "sublabel": {"sublabel"},
    "subset": {"subset"},
    "size": {"image size"},
    "fields": {"field", "dataset field"},
    "image": {"image", "path", "file name", "image name", "image file"},
    "image attribute": {"image attribute"},
    "image fields": {"image field"},
    "attribute": {"attribute"},
    "points": {"coordinate", "coordinates", "rotation", "mask"},
    "kind": {"rotation", "mask"},
    "label of a shape": {"label", "mask"},
    "outside": {"outside", "point"},
    "instance": {"group", "polygon"},
}
"""Which kinds of rows tell of a lost fact; of others it is the one of its own name."""
OF_FORM = ("kind", "points", "rotation", "instance", "outside", "label of a shape")


def _groups() -> dict[str, list[str]]:
    """Names of images by what is special about them, so that few datasets hold all."""
    named: dict[str, list[str]] = {}
    for name in annotations():
        group = name.partition("-")[2] or "kinds"
        named.setdefault("labels" if group[-1].isdigit() else group, []).append(name)
    rest = [item.path.rpartition(".")[0] for item in items()]
    named["images"] = [name for name in rest if name not in annotations()]
    return named


GROUPS = _groups()


def _trip(name: str, made: Dataset, folder: Path) -> tuple[Header, list[Item], Report]:
    report = Report()
    choice = find_format(name)
    with open_sink(folder) as sink:
        write_dataset(made, choice, sink, ConvertOptions(), report)
    with open_source(folder) as source:
        back = choice.format.read(source, ReadOptions(image_size=(WIDTH, HEIGHT)), report)
        found, read_tracks = list(back.items), list(back.tracks)
        if read_tracks:
            found = list(flatten_tracks(found, read_tracks, back.header))
    return back.header, found, report


def _untold(made: Dataset, name: str, folder: Path) -> list[str]:
    """The facts that neither came back nor are told of in the report."""
    before = copy.deepcopy(list(made.items))
    made.items = iter(copy.deepcopy(before))
    told = facts(copy.deepcopy(made.header), before)
    header, found, report = _trip(name, made, folder)
    kinds = {entry.kind for entry in report.entries if entry.outcome != "kept"}
    gone = {entry.kind for entry in report.entries if entry.outcome == "dropped"}
    lost = list(differences(told, facts(header, found)))
    images = {where for (where, aspect), _, _ in lost if aspect == "image"}
    shapes = _kinds_of(before)
    return [
        f"{fact}: {value!r} -> {now!r} ({sorted(kinds)})"
        for fact, value, now in lost
        if not _is_told(fact, kinds, images, shapes, gone)
    ]


def _kinds_of(found: list[Item]) -> dict[str, str]:
    kinds = {f"{i.path} shape {n}": s.type for i in found for n, s in enumerate(i.shapes)}
    return kinds | {f"{i.path} tag {n}": "tag" for i in found for n in range(len(i.tags))}


def _is_told(
    fact: Fact, kinds: set[str], images: set[str], shapes: dict[str, str], gone: set[str]
) -> bool:
    where, aspect = fact
    image = where.partition(" shape ")[0].partition(" tag ")[0]
    if image in images and aspect != "image":
        return True  # as its image is
    shape = shapes.get(where)
    if shape in gone or (shape == "ellipse" and {"ellipse", "polygon"} <= kinds & (gone | {shape})):
        return True  # all of it, or of the polygon that was made of it
    base = aspect.partition(": ")[2] or aspect
    if shape in kinds and (base in OF_FORM or aspect != base):
        return True  # made another kind, without the points of a skeleton
    for name, rows in ROWS.items():
        if base == name or (name.endswith("attribute") and base.startswith(name + " ")):
            return bool(kinds & rows)
        if name == "sublabel" and base.startswith(name):
            return bool(kinds & rows)
    return base in kinds


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", NATIVE)
def test_what_is_lost_is_told(name: str, group: str, tmp_path: Path) -> None:
    assert not _untold(dataset(*GROUPS[group]), name, tmp_path / "out")


@pytest.mark.full
@pytest.mark.parametrize("name", NATIVE)
def test_what_is_lost_of_each_image_is_told(name: str, tmp_path: Path) -> None:
    for number, item in enumerate(items()):
        case = item.path.rpartition(".")[0]
        assert not _untold(dataset(case), name, tmp_path / str(number)), case


@pytest.mark.parametrize("name", NATIVE)
def test_what_is_lost_of_a_track_is_told(name: str, tmp_path: Path) -> None:
    made = tracks()
    _, found, report = _trip(name, made, tmp_path / "out")
    losses = {entry.kind for entry in report.losses}
    boxes = [shape for item in found for shape in item.shapes]
    numbers = {shape.track_id for shape in boxes}
    if numbers != {None} and len(numbers) == 1 and len(boxes) == 4:
        keyframes = [shape.keyframe for shape in boxes]
        assert keyframes[0]
        assert keyframes[2] or losses
    else:
        assert losses & {"track", "track number", "rectangle"}, (numbers, len(boxes))


def test_every_kind_is_among_the_facts() -> None:
    named = {fact for fact, _ in facts(dataset().header, items())}
    assert all(f"{kind}.jpg shape 0" in named for kind in POINTS)


BRIDGED = (
    *("icdar-text-localization", "icdar-word-recognition", "image-dir", "market1501", "mots"),
    *("segment-anything", "vgg-face2", "wider-face"),
)


@pytest.mark.full
@pytest.mark.parametrize("group", ["kinds", "score", "source", "occluded", "attributes"])
@pytest.mark.parametrize("name", BRIDGED)
def test_what_datumaro_loses_is_told(name: str, group: str, tmp_path: Path) -> None:
    pytest.importorskip("datumaro")
    assert not _untold(dataset(*GROUPS[group]), name, tmp_path / "out")
