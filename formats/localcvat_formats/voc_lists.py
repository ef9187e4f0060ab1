"""ImageSets: which images are in which subset, and which class, action or part lists name them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import msgspec

from localcvat.archive import Sink, Source
from localcvat.model import Tag
from localcvat.report import Report

MAIN, SEGMENTATION, ACTION, LAYOUT = "Main", "Segmentation", "Action", "Layout"
SETS = (MAIN, SEGMENTATION, LAYOUT, ACTION)
FLAGS = frozenset(("1", "-1", "0", "+1"))
PRESENT = frozenset(("1", "+1"))


class ImageLists(msgspec.Struct):
    """`subsets`: the subset of each image id, in the order of the lists; `tags`: its classes."""

    subsets: dict[str, str] = {}
    tags: dict[str, list[str]] = {}


class _ClassList(msgspec.Struct):
    """A list of one class: the flag of each image."""

    label: str
    subset: str
    flags: dict[str, str]


def read_lists(
    source: Source,
    names: Iterable[str],
    labels: Iterable[str],
    images: Collection[str],
    objects: Callable[[], dict[str, set[str]]],
    report: Report,
) -> ImageLists:
    """The lists `names` (paths of ``ImageSets/<set>/<name>.txt``) of one VOC folder.

    `labels` and `images` are those known; `objects` gives the labels of each image's objects and
    is called only if the class lists cover their whole subset: lists that all say what the objects
    say, as VOC's own do, give no tags.
    """
    lists = ImageLists(subsets={}, tags={})
    known = sorted(labels, key=len, reverse=True)
    classes: list[_ClassList] = []
    members: dict[str, set[str]] = {}
    for name in sorted(names, key=_rank):
        stem = name.rpartition("/")[2][: -len(".txt")]
        lines = [line.strip() for line in source.read_text(name).splitlines() if line.strip()]
        if name.rpartition("/")[0].endswith("/" + MAIN) or name.startswith(MAIN + "/"):
            found = _class_list(stem, lines, known, members, images)
            if found is not None:
                classes.append(found)
                continue
        elif "_" in stem and _are_flagged(lines, images):
            continue
        ids = [_image_id(line, images) for line in lines]
        members.setdefault(stem, set()).update(ids)
        for image in ids:
            if lists.subsets.setdefault(image, stem) != stem and not _sums_up(stem):
                why = "an image of several lists belongs to the first"
                report.assumed("subset", why, f"{source.where(name)}: {image}")
    _read_classes(classes, members, objects, lists, report)
    return lists


def _rank(name: str) -> tuple[int, bool, int, str]:
    """Main first; what trainval repeats is train's and val's; class lists after their subset."""
    folder, _, base = name.rpartition("/")
    order = SETS.index(folder.rpartition("/")[2]) if folder.rpartition("/")[2] in SETS else 9
    return order, _sums_up(base[: -len(".txt")]), base.count("_"), name


def _sums_up(stem: str) -> bool:
    return stem.endswith("trainval")


def _class_list(
    stem: str,
    lines: list[str],
    known: list[str],
    members: dict[str, set[str]],
    images: Collection[str],
) -> _ClassList | None:
    """The class list that this is; None for a list of images."""
    if "_" not in stem or not _are_flagged(lines, images):
        return None
    label = next((label for label in known if stem.startswith(f"{file_stem(label)}_")), "")
    if not label:
        subsets = [subset for subset in members if stem.endswith("_" + subset)]
        if not subsets:
            label = stem.partition("_")[0]
        else:
            label = stem[: -len(max(subsets, key=len)) - 1]
    flags = {line.rsplit(None, 1)[0].strip(): line.rsplit(None, 1)[1] for line in lines}
    return _ClassList(label=label, subset=stem[len(label) + 1 :], flags=flags)


def file_stem(name: str) -> str:
    """A label or subset as it is in the name of a list."""
    return name.replace("/", "_")


def _flag(line: str) -> str | None:
    words = line.rsplit(None, 1)
    return words[1] if len(words) == 2 and words[1] in FLAGS else None


def _are_flagged(lines: list[str], images: Collection[str]) -> bool:
    """Whether every line is an image (in Action also the number of an object) and a flag."""
    return bool(lines) and all(_flag(line) and line not in images for line in lines)


def _image_id(line: str, images: Collection[str]) -> str:
    """The image of a line; the number of an object or a flag may follow."""
    if line.startswith('"') and line.count('"') > 1:
        return line.split('"')[1]
    words = line.rsplit(None, 1)
    if line not in images and len(words) == 2 and words[1].lstrip("+-").isdecimal():
        return words[0].strip()
    return line


def _read_classes(
    classes: list[_ClassList],
    members: dict[str, set[str]],
    objects: Callable[[], dict[str, set[str]]],
    lists: ImageLists,
    report: Report,
) -> None:
    for subset in dict.fromkeys(entry.subset for entry in classes):
        own = [entry for entry in classes if entry.subset == subset]
        if all(entry.flags.keys() >= members.get(subset, {""}) for entry in own):
            found = objects()
            if all(_is_restated(entry, found) for entry in own):
                report.assumed("class list", "says what the objects say: no tags", subset)
                continue
        for entry in own:
            for image, flag in entry.flags.items():
                if flag in PRESENT:
                    lists.tags.setdefault(image, []).append(entry.label)


def _is_restated(entry: _ClassList, objects: dict[str, set[str]]) -> bool:
    """Whether a class list names the images that have an object of the class."""
    present = {image for image, flag in entry.flags.items() if flag != "-1"}
    return present == {image for image in entry.flags if entry.label in objects.get(image, ())}


def tags_of(lists: ImageLists, image: str) -> list[Tag]:
    """The tags that the class lists give an image."""
    return [Tag(label=label, attributes={}) for label in lists.tags.get(image, ())]


class SubsetLists(msgspec.Struct):
    """What is written of one subset; the keys of `classes` are its tagged images."""

    main: dict[str, None] = {}
    classes: dict[str, set[str]] = {}
    segmentation: dict[str, None] = {}
    layout: dict[str, list[int]] = {}
    actions: dict[str, dict[int, dict[str, bool]]] = {}


def new_lists() -> SubsetLists:
    """Empty lists of a subset."""
    return SubsetLists(main={}, classes={}, segmentation={}, layout={}, actions={})


def write_lists(sink: Sink, subset: str, lists: SubsetLists, labels: list[str]) -> None:
    """The files of one subset; those that would be empty are left out."""
    _write(sink, MAIN, subset, lists.main)
    for label in labels if lists.classes else ():
        rows = [
            f"{image} {1 if label in found else -1:2d}" for image, found in lists.classes.items()
        ]
        _write(sink, MAIN, f"{label}_{subset}", rows)
    _write(sink, SEGMENTATION, subset, lists.segmentation)
    rows = []
    for image, numbers in lists.layout.items():
        quoted = f'"{image}"' if len(image.split()) > 1 else image
        rows += [f"{quoted} {number:2d}" for number in numbers] or [quoted]
    _write(sink, LAYOUT, subset, rows)
    _write(sink, ACTION, subset, lists.actions)
    names = {name for found in lists.actions.values() for flags in found.values() for name in flags}
    for action in sorted(names):
        rows = [
            f"{image} {number} {1 if flags[action] else -1:2d}"
            for image, found in lists.actions.items()
            for number, flags in found.items()
            if action in flags
        ]
        _write(sink, ACTION, f"{action}_{subset}", rows)


def _write(sink: Sink, folder: str, name: str, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if text:
        sink.write(f"ImageSets/{folder}/{file_stem(name)}.txt", text.encode())
