"""The data.yaml of Ultralytics datasets: names, subsets, and where their images are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localcvat.archive import Source, safe_name
from localcvat.errors import DatasetError, UnsafeArchiveError
from localcvat.images import is_image_name
from localcvat.report import Report

SUBSETS = ("train", "val", "test")
MAX_YAML = 1 << 24


def find_yaml(source: Source) -> str | None:
    """The dataset's yaml file: data.yaml, else the only one that is not deep in folders."""
    yamls = [name for name in source.names if name.lower().endswith((".yaml", ".yml"))]
    for name in yamls:
        if name.rpartition("/")[2].lower() in ("data.yaml", "data.yml"):
            return name
    shallow = [name for name in yamls if name.count("/") <= 1]
    return shallow[0] if len(shallow) == 1 else None


def load_yaml(source: Source, name: str) -> dict[str, Any]:
    """The mapping in a yaml file, by the safe loader, aliases refused; raises DatasetError."""
    import yaml

    where = source.where(name)
    if source.byte_size(name) > MAX_YAML:
        raise DatasetError("an absurdly large yaml file", where=where)
    text = source.read_text(name)
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        if any(isinstance(event, yaml.AliasEvent) for event in events):
            raise DatasetError("aliases are not allowed", where=where)
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise DatasetError(f"not YAML: {problem}", where=where + line) from error
    if not isinstance(value, dict):
        raise DatasetError("not a mapping", where=where)
    return value


def class_names(value: dict[str, Any], where: str) -> list[str]:
    """The names in class order from a list or a mapping; raises DatasetError."""
    names = value.get("names")
    if isinstance(names, list):
        return [str(name) for name in names]
    if isinstance(names, dict):
        try:
            indexed = {int(index): str(name) for index, name in names.items()}
        except (TypeError, ValueError) as error:
            raise DatasetError("a key of names is not a number", where=f"{where}: names") from error
        if any(index < 0 or index > 1_000_000 for index in indexed):
            raise DatasetError("a class number out of range", where=f"{where}: names")
        return [
            indexed.get(index, f"class_{index}") for index in range(max(indexed, default=-1) + 1)
        ]
    count = value.get("nc")
    if isinstance(count, int) and 0 < count < 100_000:
        return [f"class_{index}" for index in range(count)]
    raise DatasetError("no names", where=where, hint="add names: [first, second]")


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

    def images(self, entry: Any, where: str) -> Iterator[tuple[str, str]]:
        """(name in the source, path) of each image of a folder, list file or list of them.

        The name is "" when the file is not there.
        """
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
            yield self._located(clean), clean
        else:
            yield from self._folder(clean, where)

    def _folder(self, folder: str, where: str) -> Iterator[tuple[str, str]]:
        for candidate in self._candidates(folder):
            names = [name for name in self._source.under(candidate) if is_image_name(name)]
            if names:
                prefix = candidate + "/" if candidate else ""
                for name in names:
                    yield name, name.removeprefix(prefix)
                return
        # Without images the label files still tell which there were.
        for candidate in self._candidates(_labels_folder(folder)):
            texts = [name for name in self._source.under(candidate) if name.endswith(".txt")]
            if texts:
                prefix = candidate + "/" if candidate else ""
                images_folder = folder or "images"
                for name in texts:
                    stem = name.removeprefix(prefix)[: -len(".txt")]
                    yield f"?{name}", f"{stem}.jpg" if images_folder else stem
                return
        self._report.assumed("subset", "its folder is missing or empty", where)

    def _candidates(self, path: str) -> list[str]:
        found = [f"{base}/{path}" if base and path else base or path for base in self._bases]
        stripped = path
        while stripped.startswith("../"):
            stripped = stripped[3:]
        return found if stripped == path else [*found, stripped]

    def _listed(self, path: str, where: str) -> Iterator[tuple[str, str]]:
        for candidate in self._candidates(path):
            if self._source.exists(candidate):
                for line in self._source.read_text(candidate).splitlines():
                    if line.strip():
                        clean = _relative(line.strip())
                        yield self._located(clean), _below_images(clean)
                return
        raise DatasetError(f"the list file {path!r} is missing", where=where)

    def _located(self, path: str) -> str:
        parts = path.split("/")
        for start in range(len(parts)):
            for base in self._bases:
                tail = "/".join(parts[start:])
                name = f"{base}/{tail}" if base else tail
                if self._source.exists(name):
                    return name
        trimmed = path.removeprefix("data/")
        return f"?{_labels_folder(trimmed.rpartition('.')[0])}.txt"


def _below_images(path: str) -> str:
    """``data/images/train/a/b.jpg`` as ``a/b.jpg``: the path below the subset's folder."""
    parts = path.split("/")
    if "images" in parts[:-2]:
        return "/".join(parts[parts.index("images") + 2 :])
    return parts[-1]


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
