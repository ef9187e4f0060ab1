"""ImageNet: one folder a class, or list files with class numbers and `synsets.txt`.

With images ``<label>/<id>.<ext>``, a copy for each tag, ``no_label/`` for none; without images
``<subset>.txt`` of ``<path> <index>…`` lines (formats specification, section 11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Tag
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import RENAMES, Report
from localcvat_formats.cvat_dialect import LabelIndex

SYNSETS = "synsets.txt"
NO_LABEL = "no_label"
SUBSETS = frozenset(("train", "val", "test", "valid", "validation", "training", "testing"))
CHUNK = 1 << 20
LOOKED_AT = 20
_QUOTED = re.compile(r'^"(?P<id>[^"]*)"(?P<extension>\S*)(?P<rest>.*)$')


class ImageNet(Format):
    """ImageNet class folders and CVAT's ImageNet 1.0."""

    name = "imagenet"
    cvat_names = ("ImageNet 1.0",)
    aliases = ("image-net", "classification-folders")
    summary = "ImageNet: a folder a class, or list files and synsets.txt"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(
            kinds=frozenset(["tag"]), decimals=2 if dialect == "cvat" else None, image_sizes=False
        )

    def detect(self, source: Source) -> Detection:
        lists = _lists(source)
        if source.exists(SYNSETS):
            return Detection(score=90, reason=f"{SYNSETS} and {len(lists)} lists")
        names = [name for name in source.names if name != RENAMES]
        if any(not is_image_name(name) for name in names):
            return Detection(score=0, reason="files other than images, no synsets.txt")
        if names and all("/" in name for name in names):
            return Detection(score=30, reason="nothing but images in folders")
        return Detection(score=0, reason="no images in folders")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        if _lists(source):
            return _read_lists(source, options, report)
        return _read_folders(source, report)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        if options.with_images:
            _write_folders(dataset, sink, options, report)
        else:
            _write_lists(dataset, sink)


def _lists(source: Source) -> list[str]:
    return [
        name
        for name in source.names
        if "/" not in name and name.lower().endswith(".txt") and name != SYNSETS
    ]


def _read_lists(source: Source, options: ReadOptions, report: Report) -> Dataset:
    """The list files at the top; class numbers count the lines of `synsets.txt` from 0."""
    labels = list(options.labels or ())
    if source.exists(SYNSETS):
        lines = source.read_text(SYNSETS).splitlines()
        labels = [line.strip() for line in lines if line.strip()]
    subsets = [name[: -len(".txt")] for name in _lists(source)]
    header = Header(labels=[Label(name=label) for label in labels], subsets=subsets)
    return Dataset(header, _listed(source, labels, options, report))


def _listed(
    source: Source, labels: list[str], options: ReadOptions, report: Report
) -> Iterator[Item]:
    images: dict[str, str] = {}
    for name in source.names:
        if is_image_name(name):
            images.setdefault(name, name)
            images.setdefault(name.partition("/")[2], name)
    for name in _lists(source):
        for number, line in enumerate(source.read_text(name).splitlines(), 1):
            if not line.strip():
                continue
            where = source.where(name, number)
            path, indices = _parse_line(line.strip(), where)
            item = Item(path=path, subset=name[: -len(".txt")], tags=[], shapes=[])
            for index in indices:
                if 0 <= index < len(labels):
                    item.tags.append(Tag(label=labels[index], attributes={}))
                    continue
                problem = DatasetError(
                    f"the class {index} is not in {SYNSETS}",
                    where=where,
                    hint=f"it lists {len(labels)}",
                )
                if options.on_error != "skip":
                    raise problem
                report.dropped("tag", problem.what, where)
            if path in images:
                item.media = source.media(images[path])
            yield item


def _parse_line(line: str, where: str) -> tuple[str, list[int]]:
    """(path, class numbers); a path with spaces has its stem in quotes."""
    quoted = _QUOTED.match(line)
    if quoted:
        path, words = quoted["id"] + quoted["extension"], quoted["rest"].split()
    else:
        path, *words = line.split()
        while words and not words[0].lstrip("-").isdecimal():
            path += " " + words.pop(0)
    path = "/".join(part for part in path.replace("\\", "/").split("/") if part not in ("", "."))
    if not path or ".." in path.split("/"):
        raise DatasetError(f"the path {path!r} is none of a dataset", where=where)
    try:
        return path, [int(word) for word in words]
    except ValueError as error:
        raise DatasetError(
            f"{' '.join(words)[:40]!r} are not class numbers", where=where
        ) from error


def _read_folders(source: Source, report: Report) -> Dataset:
    """Class folders, in a folder a subset if the outermost are named as subsets are."""
    names = [name for name in source.names if is_image_name(name) and "/" in name]
    if not names:
        raise DatasetError("no images in class folders", where=source.display)
    tops = {name.partition("/")[0] for name in names}
    split = tops <= SUBSETS and all(name.count("/") > 1 for name in names)
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name in names:
        subset, rest = name.split("/", 1) if split else (DEFAULT_SUBSET, name)
        label, path = rest.split("/", 1)
        found.setdefault((subset, path), []).append((label, name))
    labels = sorted({label for copies in found.values() for label, _ in copies} - {NO_LABEL})
    subsets = sorted({subset for subset, _ in found}) if split else [DEFAULT_SUBSET]
    header = Header(labels=[Label(name=label) for label in labels], subsets=subsets)
    return Dataset(header, _in_folders(source, found, report))


def _in_folders(
    source: Source, found: dict[tuple[str, str], list[tuple[str, str]]], report: Report
) -> Iterator[Item]:
    for (subset, path), copies in found.items():
        first = copies[0][1]
        if all(_same_bytes(source, first, name) for _, name in copies[1:]):
            groups = [(path, copies)]
        else:
            why = "of one name but not one picture: kept apart by their folder"
            report.assumed("image", why, path, count=len(copies))
            groups = [(f"{label}/{path}", [(label, name)]) for label, name in copies]
        for item_path, members in groups:
            yield Item(
                path=item_path,
                subset=subset,
                shapes=[],
                tags=[Tag(label=label, attributes={}) for label, _ in members if label != NO_LABEL],
                media=source.media(members[0][1]),
            )


def _same_bytes(source: Source, first: str, second: str) -> bool:
    if source.byte_size(first) != source.byte_size(second):
        return False
    with source.open(first) as one, source.open(second) as other:
        while True:
            chunk = one.read(CHUNK)
            if chunk != other.read(CHUNK):
                return False
            if not chunk:
                return True


def _write_lists(dataset: Dataset, sink: Sink) -> None:
    index = LabelIndex(dataset.header.labels)
    lists: dict[str, dict[str, list[int]]] = {subset: {} for subset in dataset.header.subsets}
    for item in dataset.items:
        stem = f'"{item.stem}"' if len(item.stem.split()) > 1 else item.stem
        # A set, as Datumaro has it: small numbers come in order, a repeated tag counts once.
        numbers = list({index.number(tag.label) for tag in item.tags})
        lists.setdefault(item.subset, {})[stem + item.path[len(item.stem) :]] = numbers
    for subset, rows in lists.items():
        text = "".join(f"{path} {' '.join(map(str, found))}\n" for path, found in rows.items())
        sink.write(f"{subset}.txt", text.encode())
    sink.write(SYNSETS, "".join(f"{label.name}\n" for label, _ in index.flat).encode())


def _write_folders(dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
    cvat = options.dialect == "cvat"
    split = not cvat and len(dataset.header.subsets) > 1
    if cvat and len(dataset.header.subsets) > 1:
        why = "ImageNet's folders are one set"
        report.dropped("subset", why, count=len(dataset.header.subsets))
    used: set[str] = set()
    for item in dataset.items:
        labels = list(dict.fromkeys(tag.label for tag in item.tags))
        used.update(labels)
        for label in labels or [NO_LABEL]:
            if item.media is None:
                continue
            folder = f"{item.subset}/{label}" if split else label
            path = item.path
            if not cvat and path.startswith(f"{label}/"):
                path = path[len(label) + 1 :]
            sink.add_media(_free(sink, f"{folder}/{path}", report), item.media)
    unused = [label.name for label in dataset.header.labels if label.name not in used]
    if unused:
        report.dropped("label", "no image has it: no folder", unused[0], count=len(unused))


def _free(sink: Sink, name: str, report: Report) -> str:
    """A name that is not written yet."""
    if not sink.has(name):
        return name
    stem, _, extension = name.rpartition(".")
    number = 1
    while sink.has(f"{stem}_{number}.{extension}"):
        number += 1
    free = f"{stem}_{number}.{extension}"
    report.changed("image", "renamed: another has the same name", f"{name} -> {free}")
    return free
