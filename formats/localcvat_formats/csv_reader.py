"""Reads tables of boxes; see `csv_boxes` for what they look like."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.csv_columns import BOX, Columns, columns_of, delimiter_of
from localcvat_formats.image_paths import ImageFinder, fill_media, relative_paths

SNIFFED = 1 << 14
LARGEST = 1e9
PLAIN_NAMES = ("annotations", "_annotations", "labels", "boxes", "bboxes", "bbox", "data")
SUBSET_NAMES = ("train", "training", "val", "valid", "validation", "test")
TRUE_WORDS = ("1", "true", "yes", "y", "1.0")


def tables_in(source: Source) -> list[str]:
    """The names of the tables in a source."""
    return [name for name in source.names if name.lower().endswith((".csv", ".tsv"))]


def _encoding(head: bytes) -> str:
    return "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def sniffed_columns(source: Source, name: str) -> Columns | None:
    """The columns of a table by its first row; None when it is no table of boxes."""
    with source.peek(name) as stream:
        head = stream.read(SNIFFED)
    lines = head.decode(_encoding(head), "replace").splitlines()
    first = next((line for line in lines if line.strip()), "")
    try:
        row = next(csv.reader([first], delimiter=delimiter_of(first)), [])
    except csv.Error:
        return None
    return columns_of(row)


class _Row(msgspec.Struct, gc=False):
    """One line of a table: `box` as its four numbers stand there, None for a tag."""

    line: int
    label: str
    box: tuple[float, ...] | None = None
    rotation: float = 0.0
    occluded: bool = False
    group: int = 0
    z_order: int = 0
    score: float | None = None
    track: int | None = None
    attributes: dict[str, str] | None = None


class _Image(msgspec.Struct):
    """The rows of one image."""

    raw_path: str
    subset: str
    width: int = 0
    height: int = 0
    rows: list[_Row] = []


class _Table(msgspec.Struct):
    """A table read: its images by (subset, path), and whether its boxes are fractions."""

    name: str
    columns: Columns
    images: dict[tuple[str, str], _Image]
    decimal_comma: bool
    relative: bool = False


class CsvReader:
    """Reads the tables of a source; rows are grouped by image, for tables come in any order."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._labels = {name: name for name in options.labels or ()}

    def dataset(self) -> Dataset:
        """The dataset; images by table, in the order in which they appear."""
        found = [(name, sniffed_columns(self._source, name)) for name in tables_in(self._source)]
        usable = [(name, columns) for name, columns in found if columns is not None]
        if not usable:
            raise DatasetError(
                "no table of boxes",
                where=self._source.display,
                hint="looked for .csv or .tsv with columns of path and label or box",
            )
        several = len(usable) > 1
        tables = [self._table(name, columns, several) for name, columns in usable]
        subsets = dict.fromkeys(image.subset for t in tables for image in t.images.values())
        labels = [Label(name=name) for name in self._labels]
        header = Header(labels=labels, subsets=list(subsets) or [DEFAULT_SUBSET])
        return Dataset(header, self._items(tables))

    def _table(self, name: str, columns: Columns, several: bool) -> _Table:
        where = self._source.where(name)
        if columns.layout:
            self._report.assumed("table", f"no header: taken as {columns.layout}", where)
        if columns.form == "list":
            self._report.assumed("table", "a list of four numbers is x, y, width, height", where)
        subset = _subset_of(name, several)
        rows, delimiter = self._rows(name)
        table = _Table(name, columns, {}, delimiter == ";")
        lowest, highest, whole = math.inf, -math.inf, True
        for number, cells in rows:
            header = columns.header and not table.images and columns_of(cells) == columns
            if header or not any(cells):
                continue
            row = self._add(table, cells, number, subset)
            for value in (row.box or ()) if row is not None else ():
                lowest, highest = min(lowest, value), max(highest, value)
                whole = whole and value == int(value)
        table.relative = bool(columns.relative)
        if columns.relative is None and lowest >= 0 and highest <= 1.000001 and not whole:
            table.relative = True
            self._report.assumed("table", "all numbers are 0 to 1: taken as fractions", where)
        return table

    def _rows(self, name: str) -> tuple[Iterator[tuple[int, list[str]]], str]:
        """(line number and cells of each row, delimiter); the file is not held."""
        with self._source.open(name) as stream:
            head = stream.read(SNIFFED)
        first = next(
            (s for s in head.decode(_encoding(head), "replace").splitlines() if s.strip()), ""
        )
        delimiter = delimiter_of(first)

        def rows() -> Iterator[tuple[int, list[str]]]:
            with self._source.open(name) as stream:
                buffered = io.BufferedReader(cast(io.RawIOBase, stream))
                text = io.TextIOWrapper(buffered, encoding=_encoding(head), newline="")
                reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
                try:
                    for row in reader:
                        yield reader.line_num, row
                except (csv.Error, UnicodeError) as error:
                    line = reader.line_num + 1
                    raise DatasetError(str(error), where=self._source.where(name, line)) from error

        return rows(), delimiter

    def _add(self, table: _Table, cells: list[str], line: int, subset: str) -> _Row | None:
        """Put a row to its image; returns it if it has an annotation."""
        columns = table.columns
        raw = self._cell(columns, cells, "path")
        where = self._source.where(table.name, line)
        if not raw:
            self._refuse("row", DatasetError("no path", where=where))
            return None
        subset = self._cell(columns, cells, "subset") or subset
        image = table.images.get((subset, raw))
        try:
            if image is None:
                image = _Image(raw, subset, rows=[])
                image.width = self._length(columns, cells, "width")
                image.height = self._length(columns, cells, "height")
                table.images[subset, raw] = image
            row = self._row(table, cells, line)
        except ValueError as error:
            self._refuse("row", DatasetError(str(error), where=where))
            return None
        if not row.label and row.box is None:
            return None
        if not row.label:
            row.label = "object"
            self._report.assumed("label", "a box without one is called object", where)
        row.label = self._labels.setdefault(row.label, row.label)
        image.rows.append(row)
        return row

    def _row(self, table: _Table, cells: list[str], line: int) -> _Row:
        columns = table.columns
        row = _Row(line, self._cell(columns, cells, "label"))
        box = self._numbers(table, cells)
        row.box = tuple(box) if box is not None else None
        row.rotation = float(self._cell(columns, cells, "rotation") or 0) % 360
        row.occluded = self._cell(columns, cells, "occluded").lower() in TRUE_WORDS
        row.group = int(self._cell(columns, cells, "group") or 0)
        row.z_order = int(self._cell(columns, cells, "z_order") or 0)
        score, track = (self._cell(columns, cells, role) for role in ("score", "track"))
        row.score = float(score) if score else None
        row.track = int(track) if track else None
        row.attributes = self._attributes(columns, cells) or None
        if not math.isfinite(row.rotation + (row.score or 0.0)):
            raise ValueError("a number that is none")
        return row

    def _cell(self, columns: Columns, cells: Sequence[str], role: str) -> str:
        position = columns.at.get(role)
        return cells[position].strip() if position is not None and position < len(cells) else ""

    def _length(self, columns: Columns, cells: Sequence[str], role: str) -> int:
        text = self._cell(columns, cells, role)
        value = float(text) if text else 0.0
        if not 0 <= value < LARGEST:
            raise ValueError(text)
        return int(value)

    def _box_cells(self, columns: Columns, cells: Sequence[str]) -> list[str]:
        if columns.form == "none":
            return []
        if columns.form == "list":
            text = self._cell(columns, cells, "box").strip("[]() ")
            return [part for part in text.replace(",", " ").split() if part]
        roles = {"corners": BOX, "size": ("x", "y", "w", "h"), "centre": ("xc", "yc", "w", "h")}
        return [self._cell(columns, cells, role) for role in roles[columns.form]]

    def _numbers(self, table: _Table, cells: Sequence[str]) -> list[float] | None:
        texts = self._box_cells(table.columns, cells)
        if not any(texts):
            return None
        if len(texts) != 4 or not all(texts):
            raise ValueError(f"{len([t for t in texts if t])} of 4 numbers of a box")
        if table.decimal_comma:
            texts = [text.replace(",", ".") for text in texts]
        values = [float(text) for text in texts]
        if not all(-LARGEST < value < LARGEST for value in values):
            raise ValueError("a number that is none or absurdly large")
        return values

    def _refuse(self, kind: str, problem: DatasetError) -> None:
        if self._options.on_error != "skip":
            raise problem
        self._report.dropped(kind, problem.what, problem.where)

    def _items(self, tables: Iterable[_Table]) -> Iterator[Item]:
        for table in tables:
            paths = relative_paths(image.raw_path for image in table.images.values())
            finder = ImageFinder(self._source, table.name.rpartition("/")[0])
            for image in table.images.values():
                yield self._item(table, image, paths[image.raw_path], finder)

    def _item(self, table: _Table, image: _Image, path: str, finder: ImageFinder) -> Item:
        where = self._source.where(table.name, image.rows[0].line if image.rows else None)
        if not path:
            raise DatasetError(f"{image.raw_path!r} is no path", where=where)
        item = Item(path=path, subset=image.subset, width=image.width, height=image.height)
        needs_size = table.relative and bool(image.rows)
        fill_media(item, finder, self._source, self._options, self._report, where, needs_size)
        for row in image.rows:
            if row.box is None:
                item.tags.append(Tag(label=row.label, attributes=row.attributes or {}))
            else:
                item.shapes.append(self._shape(row, row.box, table, item))
        return item

    def _shape(self, row: _Row, box: Sequence[float], table: _Table, item: Item) -> Shape:
        points = _corners(box, table.columns.form)
        if table.relative:
            sides = (item.width, item.height) * 2
            points = [value * side for value, side in zip(points, sides, strict=True)]
        return Shape(
            type="rectangle",
            label=row.label,
            points=points,
            rotation=row.rotation,
            occluded=row.occluded,
            group=row.group,
            z_order=row.z_order,
            score=row.score,
            track_id=row.track,
            attributes=row.attributes or {},
        )

    def _attributes(self, columns: Columns, cells: Sequence[str]) -> dict[str, str]:
        values = {
            name: cells[position].strip()
            for name, position in columns.others.items()
            if name and position < len(cells) and cells[position].strip()
        }
        text = self._cell(columns, cells, "attributes")
        if text.startswith("{"):
            try:
                values.update(msgspec.json.decode(text, type=dict[str, str]))
            except ValueError as error:
                raise ValueError(f"attributes are not a JSON object of texts: {error}") from error
        elif text:
            values["attributes"] = text
        return values


def _corners(numbers: Sequence[float], form: str) -> list[float]:
    a, b, c, d = numbers
    if form == "corners":
        return [min(a, c), min(b, d), max(a, c), max(b, d)]
    if form == "centre":
        return [a - c / 2, b - d / 2, a + c / 2, b + d / 2]
    return [a, b, a + c, b + d]


def _subset_of(name: str, several: bool) -> str:
    """A table's subset by its name: ``train.csv``, ``train/_annotations.csv``."""
    folder, _, base = name.rpartition("/")
    stem = base.rpartition(".")[0]
    if stem.lower() in SUBSET_NAMES or (several and stem.lower() not in PLAIN_NAMES):
        return stem
    above = folder.rpartition("/")[2]
    return above if above and (several or above.lower() in SUBSET_NAMES) else DEFAULT_SUBSET
