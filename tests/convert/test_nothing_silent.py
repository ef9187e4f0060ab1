"""Whatever a dataset says comes back out of every format, or a row of the report says why not."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from everything import (
    HEIGHT,
    POINTS,
    WIDTH,
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
from telling import groups, is_told, kinds_of

NATIVE = [
    plugin.name
    for plugin in all_formats()
    if plugin.origin == "native" and plugin.can_read and plugin.can_write
]


GROUPS = groups()


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
    shapes = kinds_of(before)
    return [
        f"{fact}: {value!r} -> {now!r} ({sorted(kinds)})"
        for fact, value, now in lost
        if not is_told(fact, kinds, images, shapes, gone)
    ]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", NATIVE)
def test_what_is_lostis_told(name: str, group: str, tmp_path: Path) -> None:
    assert not _untold(dataset(*GROUPS[group]), name, tmp_path / "out")


@pytest.mark.full
@pytest.mark.parametrize("name", NATIVE)
def test_what_is_lost_of_each_imageis_told(name: str, tmp_path: Path) -> None:
    for number, item in enumerate(items()):
        case = item.path.rpartition(".")[0]
        assert not _untold(dataset(case), name, tmp_path / str(number)), case


@pytest.mark.parametrize("name", NATIVE)
def test_what_is_lost_of_a_trackis_told(name: str, tmp_path: Path) -> None:
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
def test_what_datumaro_losesis_told(name: str, group: str, tmp_path: Path) -> None:
    pytest.importorskip("datumaro")
    assert not _untold(dataset(*GROUPS[group]), name, tmp_path / "out")
