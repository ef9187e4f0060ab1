"""The data.yaml of Ultralytics datasets: names, subsets, and where their images are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import Source, safe_name
from localcvat.errors import DatasetError, UnsafeArchiveError
from localcvat.images import is_image_name
from localcvat.report import Report
from localcvat_formats.unknown_fields import report_unknown
from localcvat_formats.yolo_images import label_path_of

SUBSETS = ("train", "val", "valid", "test")
NOT_SUBSETS = frozenset(
    (
        "names",
        "nc",
        "task",
        "path",
        "download",
        "kpt_shape",
        "kpt_names",
        "flip_idx",
        "channels",
        "yaml_file",
    )
)
ORIGIN = ("roboflow", "license", "author", "url", "version", "date", "description")
"""Keys that say where a dataset is from."""
MAX_YAML = 1 << 24
MOST_CLASSES = 1_000_000
MOST_NESTED = 100
_BRACKETS = re.compile(r"[\[\]{}]")


def find_yaml(source: Source) -> str | None:
    """The dataset's yaml file: data.yaml, else the only one that is not deep in folders."""
    yamls = [name for name in source.names if name.lower().endswith((".yaml", ".yml"))]
    for name in yamls:
        if name.rpartition("/")[2].lower() in ("data.yaml", "data.yml"):
            return name
    shallow = [name for name in yamls if name.count("/") <= 1]
    return shallow[0] if len(shallow) == 1 else None


def _depth(text: str) -> int:
    """How deep brackets nest, quoted ones too; the YAML parser takes the square of it in time."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def load_yaml(source: Source, name: str) -> dict[str, Any]:
    """The mapping in a yaml file with every scalar as the text it is, so that names stay names.

    Aliases and tags are refused. Raises DatasetError.
    """
    import yaml

    where = source.where(name)
    if source.byte_size(name) > MAX_YAML:
        raise DatasetError("an absurdly large yaml file", where=where)
    text = source.read_text(name)
    if _depth(text) > MOST_NESTED:
        raise DatasetError(f"brackets nested more than {MOST_NESTED} deep", where=where)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise DatasetError("aliases are not allowed", where=where)
            if "python" in (getattr(event, "tag", None) or ""):
                raise DatasetError("tags of Python are not allowed", where=where)
        value = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise DatasetError(f"not YAML: {problem}", where=where + line) from error
    if not isinstance(value, dict):
        raise DatasetError("not a mapping", where=where)
    return value


def class_names(
    config: dict[str, Any],
    source: Source,
    yaml_name: str,
    report: Report,
    passed: list[str] | None = None,
) -> list[str]:
    """The names in class order from a list, a mapping or a file of names.

    Those `passed` are taken where the yaml has none. Raises DatasetError.
    """
    where = source.where(yaml_name)
    names = config.get("names")
    count = config.get("nc")
    found: list[str] | None = None
    if isinstance(names, list):
        found = [str(name) for name in names]
    elif isinstance(names, dict):
        found = _indexed(names, where, report)
    elif isinstance(names, str) and names:
        found = _names_file(source, yaml_name, names, where)
    elif passed:
        report.assumed("label", "no names: classes are those that were passed", where)
        return passed
    elif isinstance(count, str) and count.isdigit() and 0 < int(count) < MOST_CLASSES:
        report.assumed("label", "no names: classes are called class_0, class_1, …", where)
        return [f"class_{index}" for index in range(int(count))]
    if not found:
        raise DatasetError("no names", where=where, hint="add names: [first, second]")
    if isinstance(count, str) and count.isdigit() and int(count) != len(found):
        report.assumed("nc", f"is {count}, there are {len(found)} names: those count", where)
    return found


def _indexed(names: dict[Any, Any], where: str, report: Report) -> list[str]:
    try:
        indexed = {int(index): str(name) for index, name in names.items()}
    except (TypeError, ValueError) as error:
        raise DatasetError("a key of names is not a number", where=f"{where}: names") from error
    if any(not 0 <= index < MOST_CLASSES for index in indexed):
        raise DatasetError("a class number out of range", where=f"{where}: names")
    size = max(indexed, default=-1) + 1
    if len(indexed) < size:
        report.assumed("label", "names has gaps: called class_N", f"{where}: names")
    return [indexed.get(index, f"class_{index}") for index in range(size)]


def _names_file(source: Source, yaml_name: str, names: str, where: str) -> list[str]:
    folder = yaml_name.rpartition("/")[0]
    clean = _relative(names)
    for candidate in (clean, clean.rpartition("/")[2]):
        name = f"{folder}/{candidate}" if folder else candidate
        if candidate and source.exists(name):
            return [line.strip() for line in source.read_text(name).splitlines() if line.strip()]
    raise DatasetError(f"the file of names {names!r} is missing", where=f"{where}: names")


_LABELS = {"images": "labels"}
"""Where the label files of a folder of images are, which is there without the images too."""


def subsets_of(config: dict[str, Any], source: Source, yaml_name: str, report: Report) -> list[str]:
    """The keys that stand for images: train, val and test, then others that name a place.

    One that names the very place of another (as coco128's val does) is left out.
    """
    found: list[str] = []
    for key in SUBSETS:
        twin = next((other for other in found if config[other] == config.get(key)), None)
        if twin is not None:
            why = f"names the images of {twin}, which are read once"
            report.assumed("subset", why, f"{source.where(yaml_name)}: {key}")
        elif config.get(key):
            found.append(key)
    folder = yaml_name.rpartition("/")[0]
    for key, value in config.items():
        if key in SUBSETS or key in NOT_SUBSETS or not value:
            continue
        entries = value if isinstance(value, list) else [value]
        paths = [_relative(entry) for entry in entries if isinstance(entry, str)]
        places = [f"{folder}/{path}" if folder else path for path in paths]
        places += ["/".join(_LABELS.get(part, part) for part in p.split("/")) for p in places]
        if any(place and (source.exists(place) or source.under(place)) for place in places):
            found.append(str(key))
        else:
            where, lossy = source.where(yaml_name), key not in ORIGIN
            report_unknown([str(key)], (), report, where, of="file", lossy=lossy)
    return found


class ImagePlace(msgspec.Struct, frozen=True):
    """An image of a subset: its file, or "" when it is missing, its label file, its path.

    `stray` marks a label file that lies among others without an image.
    """

    image: str
    label_file: str
    path: str
    stray: bool = False


class ImageFinder:
    """Finds the image files that the entries of a data.yaml stand for."""

    def __init__(self, source: Source, yaml_name: str, root: Any, report: Report) -> None:
        self._source = source
        self._report = report
        base = yaml_name.rpartition("/")[0]
        self._bases = [base]
        clean = _relative(root)
        if clean:
            joined = f"{base}/{clean}" if base else clean
            if source.under(joined):
                self._bases.insert(0, joined)
            else:
                place = source.where(yaml_name)
                report.assumed("path", "is elsewhere: taken as the folder of the yaml", place)

    def images(self, entry: Any, where: str) -> Iterator[ImagePlace]:
        """The images of a folder, list file or list of them; raises DatasetError."""
        if isinstance(entry, list):
            for one in entry:
                yield from self.images(one, where)
            return
        if not isinstance(entry, str):
            raise DatasetError("neither a path nor a list of paths", where=where)
        clean = _relative(entry)
        if clean.endswith(".txt"):
            yield from self._listed(clean, where)
        elif is_image_name(clean):
            yield self._located(clean)
        else:
            yield from self._folder(clean, where)

    def _folder(self, folder: str, where: str) -> Iterator[ImagePlace]:
        """Images of a folder, then the labels there without an image."""
        seen: set[str] = set()
        for candidate in self._candidates(folder):
            names = [name for name in self._source.under(candidate) if is_image_name(name)]
            prefix = candidate + "/" if candidate else ""
            for name in names:
                label_file = label_path_of(name)
                seen.add(label_file)
                yield ImagePlace(name, label_file, _below_images(name.removeprefix(prefix), prefix))
            if names:
                break
        labels = 0
        for candidate in self._candidates(_labels_folder(folder)):
            texts = [name for name in self._source.under(candidate) if name.endswith(".txt")]
            prefix = candidate + "/" if candidate else ""
            for name in texts:
                labels += 1
                if name not in seen and "labels" in name.split("/")[:-1]:
                    stem = _below_images(name.removeprefix(prefix)[: -len(".txt")], prefix)
                    yield ImagePlace("", name, f"{stem}.jpg", stray=bool(seen))
            if texts:
                break
        if not seen and not labels:
            self._report.assumed("subset", "its folder is missing or empty", where)

    def _candidates(self, path: str) -> list[str]:
        return [f"{base}/{path}" if base and path else base or path for base in self._bases]

    def _listed(self, path: str, where: str) -> Iterator[ImagePlace]:
        for candidate in self._candidates(path):
            if self._source.exists(candidate):
                for line in self._source.read_text(candidate).splitlines():
                    if line.strip():
                        yield self._located(_relative(line.strip()))
                return
        raise DatasetError(f"the list file {path!r} is missing", where=where)

    def _located(self, path: str) -> ImagePlace:
        """The file that ends as `path` does, else the label file that would go with it."""
        parts = path.split("/")
        for start in range(len(parts)):
            for base in self._bases:
                tail = "/".join(parts[start:])
                name = f"{base}/{tail}" if base else tail
                if self._source.exists(name):
                    return ImagePlace(name, label_path_of(name), _of_list(path))
        for start in range(len(parts)):
            for base in self._bases:
                tail = "/".join(parts[start:])
                label_file = label_path_of(f"{base}/{tail}" if base else tail)
                if self._source.exists(label_file):
                    return ImagePlace("", label_file, _of_list(path))
        return ImagePlace("", label_path_of(path.removeprefix("data/")), _of_list(path))


def _of_list(path: str) -> str:
    """``data/images/train/a/b.jpg`` as ``a/b.jpg``: the path below the subset's folder."""
    parts = path.split("/")
    if "images" in parts[:-2]:
        return "/".join(parts[parts.index("images") + 2 :])
    return parts[-1]


def _below_images(path: str, prefix: str) -> str:
    """A path in a subset's folder; where that holds ``images``, the part below it."""
    for folder in ("images/", "labels/"):
        if path.startswith(folder):
            return path[len(folder) :]
    return path


def _labels_folder(folder: str) -> str:
    parts = folder.split("/")
    if "images" in parts:
        position = len(parts) - 1 - parts[::-1].index("images")
        parts[position] = "labels"
    return "/".join(parts)


def _relative(path: Any) -> str:
    """A path of a yaml or list file as a relative one; what climbs out is cut to its tail."""
    text = str(path or "").replace("\\", "/").strip()
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    if parts and len(parts[0]) == 2 and parts[0][1] == ":":
        parts = parts[1:]
    if not parts:
        return ""
    try:
        return safe_name("/".join(parts))
    except UnsafeArchiveError:
        return ""
